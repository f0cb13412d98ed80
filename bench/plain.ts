// The floor: the same charts and objects in plain cdk8s.
import { ApiObject, App, AppProps, Chart } from 'cdk8s';

/** Copies an app: the same charts, with the objects as plain JSON and without the constructs. */
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

/** Measures the processor milliseconds for building an app and writing its YAML, and counts its objects. */
export function measured(build: () => App): { objects: number; milliseconds: number } {
  const start = process.cpuUsage();
  const app = build();
  app.synth();
  const { user, system } = process.cpuUsage(start);
  const objects = app.node.findAll().filter((node) => ApiObject.isApiObject(node)).length;
  return { objects, milliseconds: (user + system) / 1000 };
}
