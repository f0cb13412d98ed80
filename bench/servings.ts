// Synthesizes a platform with as many servings as its first argument says, and says what it took. The second argument:
// `charts`, a chart for each; `folders`, a file for each object of such charts; `chart`, all in the chart of the platform;
// it says the largest object too, which `kubectl apply` has to keep in an annotation. With `plain` as the third, the same
// objects by cdk8s alone.
import { App, Chart, YamlOutputType } from 'cdk8s';
import { measured, plainApp } from './plain';
import { MlflowPlatform, RegisteredModel } from '../lib';

const [, , count, layout, kind] = process.argv;
const props = layout === 'folders' ? { yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE } : {};

function servings(): App {
  const app = new App(props);
  const own = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  // A server that names its clients has the largest NetworkPolicy.
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
