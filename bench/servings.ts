// Synthesizes a platform with the number of servings in its first argument, and prints the processor time. The second
// argument is the layout: `charts`, a chart for each serving; `folders`, the same with a file for each object; `chart`, all
// in the chart of the platform. With `chart` it also prints the size of the largest object, which `kubectl apply` stores in
// an annotation. With `plain` as the third argument, it does so for the same objects in plain cdk8s.
import { App, Chart, YamlOutputType } from 'cdk8s';
import { measured, plainApp } from './plain';
import { MlflowPlatform, RegisteredModel } from '../lib';

const [, , count, layout, kind] = process.argv;
const props = layout === 'folders' ? { yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE } : {};

function servings(): App {
  const app = new App(props);
  const own = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  // The NetworkPolicy is largest if the server lists its clients.
  const platform = new MlflowPlatform(own, 'mlflow', { server: { clients: [{ podLabels: { app: 'notebooks' } }] } });
  for (let index = 0; index < Number(count); index++) {
    const chart = layout === 'chart' ? own : new Chart(app, `serving-${index}`, { namespace: 'ml-serving' });
    const model = RegisteredModel.byAlias(`model-${index}`, 'champion');
    platform.addModelServing(`model-${index}`, { chart, model });
  }
  return app;
}

let app!: App;
const result = measured(kind === 'plain' ? plainApp(servings(), props) : () => (app = servings()));
console.log(JSON.stringify({ ...result, ...(layout === 'chart' && kind !== 'plain' ? { largest: largest() } : {}) }));

function largest(): { name: string; bytes: number } {
  const sizes = app.charts[0].toJson().map((object) => ({
    name: `${object.kind}/${object.metadata.name}`,
    bytes: Buffer.byteLength(JSON.stringify(object)),
  }));
  return sizes.sort((a, b) => b.bytes - a.bytes)[0];
}
