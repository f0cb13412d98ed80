import { readFileSync, readdirSync, statSync } from 'fs';
import { join } from 'path';
import { Command, Option } from 'commander';
import { LineCounter, parseAllDocuments } from 'yaml';

/** Fields that hold names and texts of the user's, in which a key `image` means something else. */
const NOT_SEARCHED = new Set([
  'metadata',
  'data',
  'stringData',
  'binaryData',
  'matchLabels',
  'selector',
  'nodeSelector',
]);

export function imagesCommand(): Command {
  return new Command('images')
    .description('print every image that synthesized YAML names, each once, sorted: for a mirror in a closed network')
    .argument('[folder]', 'what `cdk8s synth` wrote: a folder, or one file', 'dist')
    .addOption(
      new Option('-f, --format <format>', 'a line an image, or a JSON array').choices(['text', 'json']).default('text'),
    )
    .action((folder: string, { format }: { format: string }) => {
      const images = imagesOf(folder);
      if (format === 'json') console.log(JSON.stringify(images, null, 2));
      else if (images.length > 0) console.log(images.join('\n'));
      if (images.length === 0) console.error(`No object in ${folder} names an image.`);
    });
}

/**
 * Every image that the YAML files of a folder and the folders in it name, each once, sorted.
 * @internal for tests
 */
export function imagesOf(folder: string): string[] {
  const files = yamlFiles(folder);
  if (files.length === 0) throw new Error(`${folder} has no .yaml or .yml file: 'npx cdk8s synth' writes them`);
  const images = new Set<string>();
  for (const file of files) for (const object of objectsOf(file)) collect(object, images);
  return [...images].sort();
}

function yamlFiles(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Error(`there is no ${path}: 'npx cdk8s synth' writes dist/, or name the folder that it wrote`);
  if (found.isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((name) => /\.ya?ml$/.test(name) && statSync(name).isFile())
    .sort();
}

function objectsOf(file: string): unknown[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { lineCounter, prettyErrors: false });
  return [...documents].map((document) => {
    const [error] = document.errors;
    if (error) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      throw new Error(`${file}:${line}:${col}: ${error.message}`);
    }
    try {
      return document.toJS();
    } catch (cause) {
      // An alias without its anchor is noticed here, where no line is known but the document's first.
      const { line } = lineCounter.linePos(document.range[0]);
      throw new Error(`${file}: the document at line ${line}: ${(cause as Error).message}`, { cause });
    }
  });
}

/**
 * Finds the images of one object by the fields' names, so that kinds count of which nothing is known here: `image` of a
 * container, `image.reference` of a volume, `imageName` of a CloudNativePG Cluster.
 */
function collect(value: unknown, images: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    if (NOT_SEARCHED.has(key)) continue;
    const image = key === 'image' || key === 'imageName' ? (field?.reference ?? field) : undefined;
    if (typeof image === 'string') images.add(image);
    else collect(field, images);
  }
}
