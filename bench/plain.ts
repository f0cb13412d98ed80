// The floor: the same charts and objects in an app of cdk8s alone.
import { ApiObject, App, AppProps, Chart } from 'cdk8s';

/** An app with the charts of another one, and in each the objects of that one as plain JSON, without its constructs. */
export function plainApp(app: App, props?: AppProps): () => App {
  const charts = app.charts.map((chart) => ({
    id: chart.node.id,
    objects: objectsOf(chart).map((object) => object.toJson()),
  }));
  return () => {
    const plain = new App(props);
    for (const { id, objects } of charts) {
      const chart = new Chart(plain, id);
      objects.forEach((object, index) => new ApiObject(chart, `object-${index}`, object));
    }
    return plain;
  };
}

function objectsOf(chart: Chart): ApiObject[] {
  return chart.node.findAll().filter((node): node is ApiObject => ApiObject.isApiObject(node));
}

/** Processor milliseconds of building an app and writing its YAML, and the number of its objects. */
export function measured(build: () => App): { objects: number; milliseconds: number } {
  const start = process.cpuUsage();
  const app = build();
  app.synth();
  const { user, system } = process.cpuUsage(start);
  const objects = app.node.findAll().filter((node) => ApiObject.isApiObject(node)).length;
  return { objects, milliseconds: (user + system) / 1000 };
}
