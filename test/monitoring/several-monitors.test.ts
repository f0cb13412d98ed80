import { App, Chart } from 'cdk8s';
import { MetricsMonitor, MlflowPlatform, RegisteredModel } from '../../lib';
import { Rendered, ofKind, render, snapshotOf } from '../support/synth';

/** Monitors in a separate chart, as users write them. */
function monitored() {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  const servings = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
  const monitoring = new Chart(app, 'monitoring');
  const platform = new MlflowPlatform(chart, 'mlflow');
  const model = RegisteredModel.byAlias('churn', 'champion');
  const serving = platform.addModelServing('churn', { model, chart: servings });
  new MetricsMonitor(monitoring, 'churn-metrics', { target: serving });
  new MetricsMonitor(monitoring, 'deployer-metrics', {
    target: platform.deployer,
    labels: { release: 'prometheus' },
  });
  return { objects: [...render(chart), ...render(servings)], monitors: render(monitoring) };
}

test('the monitors of a serving and of a deployer are rendered like this', () => {
  expect(snapshotOf(monitored().monitors)).toMatchSnapshot();
});

test('each monitor selects exactly one Service of its namespace, by its labels and port', () => {
  const { objects, monitors } = monitored();
  const selected = monitors.map(({ spec }) =>
    ofKind(objects, 'Service').filter(
      ({ metadata, spec: { ports } }: Rendered) =>
        spec.namespaceSelector.matchNames.includes(metadata.namespace) &&
        Object.entries(spec.selector.matchLabels).every(([key, value]) => metadata.labels[key] === value) &&
        ports.some(({ name }: Rendered) => name === spec.endpoints[0].port),
    ),
  );
  expect(selected.map((services) => services.map(({ metadata }) => metadata.name))).toEqual([
    ['churn-serving-metrics'],
    ['mlflow-deployer-metrics'],
  ]);
});
