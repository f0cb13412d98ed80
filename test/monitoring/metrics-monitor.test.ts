import { App, Chart, Duration, JsonPatch } from 'cdk8s';
import {
  Authentication,
  MlflowPlatform,
  MetricsMonitor,
  MetricsMonitorProps,
  MetricsOperator,
  TrackingServer,
} from '../../lib';
import { Rendered, errorOf, find, ofKind, render, snapshotOf } from '../support/synth';
import { addServer } from '../tracking/servers';

/** A monitor in a separate chart, as users write it. */
function monitored(props: Omit<MetricsMonitorProps, 'target'> = {}, id = 'metrics', namespace?: string) {
  const app = new App();
  const serving = new Chart(app, 'serving', { namespace: 'mlflow' });
  const monitoring = new Chart(app, 'monitoring', { namespace });
  const server = addServer(serving);
  new MetricsMonitor(monitoring, id, { target: server, ...props });
  return { server: render(serving), monitors: render(monitoring) };
}

const all: Required<Omit<MetricsMonitorProps, 'target'>> = {
  interval: Duration.seconds(15),
  labels: { release: 'prometheus' },
  operator: MetricsOperator.PROMETHEUS,
};

test('a monitor without options is rendered like this', () => {
  expect(snapshotOf(monitored().monitors)).toMatchSnapshot();
});

test('a monitor with every option is rendered like this', () => {
  expect(snapshotOf(monitored(all).monitors)).toMatchSnapshot();
});

test('a monitor has the labels and annotations of its platform, although its chart is another one', () => {
  const app = new App();
  const mlflow = new MlflowPlatform(new Chart(app, 'mlflow', { namespace: 'mlflow' }), 'mlflow', {
    labels: { 'cost-center': '4711' },
    annotations: { 'example.com/contact': 'ml' },
  });
  const monitoring = new Chart(app, 'monitoring');
  new MetricsMonitor(monitoring, 'metrics', { target: mlflow.server });
  const [{ metadata }] = render(monitoring);
  expect(metadata.labels).toMatchObject({ 'cost-center': '4711', 'app.kubernetes.io/component': 'server' });
  expect(metadata.annotations).toEqual({ 'example.com/contact': 'ml' });
});

test('managed Prometheus of Azure reads the same kind of another group', () => {
  const { monitors } = monitored({ operator: MetricsOperator.AZURE });
  expect(monitors).toEqual([
    expect.objectContaining({ apiVersion: 'azmonitoring.coreos.com/v1', kind: 'ServiceMonitor' }),
  ]);
});

test('a monitor is in its own chart, so that the other applies to a cluster without the operator', () => {
  const { server, monitors } = monitored();
  expect(monitors.map(({ kind }) => kind)).toEqual(['ServiceMonitor']);
  expect(ofKind(server, 'ServiceMonitor')).toEqual([]);
});

test('a monitor selects exactly the metrics Service, by its labels and port', () => {
  const { server, monitors } = monitored();
  const [{ spec }] = monitors;
  const selected = ofKind(server, 'Service').filter(({ metadata }: Rendered) =>
    Object.entries(spec.selector.matchLabels).every(([key, value]) => metadata.labels[key] === value),
  );
  expect(selected.map(({ metadata }) => metadata.name)).toEqual(['server-metrics']);
  const [endpoint] = spec.endpoints;
  expect(selected[0].spec.ports.map(({ name }: any) => name)).toContain(endpoint.port);
  expect(spec.namespaceSelector.matchNames).toEqual([selected[0].metadata.namespace]);
});

test('a monitor scrapes the only path of the port', () => {
  const { server, monitors } = monitored();
  const [{ path }] = monitors[0].spec.endpoints;
  expect(find(server, 'ConfigMap', 'server-proxy').data['nginx.conf']).toContain(`location = ${path} {`);
});

test('a monitor selects only its own platform of two in one namespace', () => {
  const app = new App();
  const chart = new Chart(app, 'serving', { namespace: 'mlflow' });
  const monitoring = new Chart(app, 'monitoring', { namespace: 'mlflow' });
  const selectors = ['one', 'two'].map((id) => {
    const { server } = new MlflowPlatform(chart, id);
    new MetricsMonitor(monitoring, `${id}-metrics`, { target: server });
    return find(render(monitoring), 'ServiceMonitor', `${id}-metrics`).spec.selector.matchLabels;
  });
  expect(selectors[0]).not.toEqual(selectors[1]);
});

test('a monitor is in the server’s namespace, also if its chart has another', () => {
  expect(monitored({}, 'metrics', 'elsewhere').monitors[0].metadata.namespace).toBe('mlflow');
});

test('with MLflow’s own login the metrics need no password', () => {
  const app = new App();
  const server: TrackingServer = addServer(new Chart(app, 'serving', { namespace: 'mlflow' }), {
    authentication: Authentication.mlflow(),
    replicas: 1,
  });
  const monitoring = new Chart(app, 'monitoring');
  new MetricsMonitor(monitoring, 'metrics', { target: server });
  const [{ spec }] = render(monitoring);
  expect(spec.endpoints[0]).not.toHaveProperty('basicAuth');
});

test.each([0, 1.5])('a monitor refuses an interval of %s seconds', (given) => {
  expect(errorOf(() => monitored({ interval: Duration.seconds(given) }))).toBe(
    `monitoring/metrics: interval is ${given} seconds; expected whole seconds, at least 1, e.g. Duration.seconds(30)`,
  );
});

test('a JSON patch reaches every field of the ServiceMonitor', () => {
  const chart = new Chart(new App(), 'mlflow', { namespace: 'mlflow' });
  const monitor = new MetricsMonitor(chart, 'metrics', { target: addServer(chart) });
  monitor
    .apiObject('service-monitor')
    .addJsonPatch(
      JsonPatch.replace('/apiVersion', 'monitoring.coreos.com/v2'),
      JsonPatch.add('/spec/fieldOfALaterVersion', { of: 'value' }),
    );
  const [{ apiVersion, spec }] = ofKind(render(chart), 'ServiceMonitor');
  expect(apiVersion).toBe('monitoring.coreos.com/v2');
  expect(spec.fieldOfALaterVersion).toEqual({ of: 'value' });
});

test.each(['Metrics', 'my_metrics', 'a'.repeat(64)])('a monitor refuses the id %s, which is its name', (id) => {
  expect(errorOf(() => monitored({}, id))).toContain(`'${id}'; expected a DNS label`);
});
