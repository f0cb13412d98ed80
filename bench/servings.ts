// Synthesizes a platform with as many servings as its first argument says, each in a chart of its own, and says what it
// took and the largest object that `kubectl apply` would have to keep in its annotation.
import { App, Chart } from 'cdk8s';
import { MlflowPlatform, RegisteredModel } from '../lib';

const app = new App();
const platform = new MlflowPlatform(new Chart(app, 'mlflow', { namespace: 'mlflow' }), 'mlflow');
const start = process.cpuUsage();
for (let index = 0; index < Number(process.argv[2]); index++) {
  const chart = new Chart(app, `serving-${index}`, { namespace: 'ml-serving' });
  platform.addModelServing(`model-${index}`, { chart, model: RegisteredModel.byAlias(`model-${index}`, 'champion') });
}
app.synth();
const { user, system } = process.cpuUsage(start);
const sizes = app.charts[0]
  .toJson()
  .map((object) => [JSON.stringify(object).length, `${object.kind}/${object.metadata.name}`] as const);
const [bytes, name] = sizes.sort(([a], [b]) => b - a)[0];
const objects = app.node.findAll().filter((node) => 'apiVersion' in node).length;
console.log(JSON.stringify({ objects, milliseconds: (user + system) / 1000, largest: { name, bytes } }));
