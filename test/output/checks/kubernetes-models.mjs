// Reads a JSON list of objects, validates them with the classes of kubernetes-models, and prints a JSON list of [index,
// message]. It is a separate process, because that package has only ES modules, which jest loads only with a flag.
import { readFileSync } from 'node:fs';

const objects = JSON.parse(readFileSync(0, 'utf8'));
const found = [];
for (const [index, object] of objects.entries()) {
  const models = await import(`kubernetes-models/${object.apiVersion}/${object.kind}`);
  try {
    new models[object.kind](object).validate();
  } catch (error) {
    if (!error.errors) throw error;
    for (const { instancePath, message } of error.errors) found.push([index, `${instancePath} ${message}`]);
  }
}
console.log(JSON.stringify(found));
