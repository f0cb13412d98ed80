import { App, Chart } from 'cdk8s';
import { Authentication, MlflowPlatform, ServerMonitor, ServerMonitorProps, TrackingServer } from '../../lib';
import { Rendered, errorOf, find, ofKind, render, snapshotOf } from '../support/synth';
import { addServer } from '../tracking/servers';

/** A monitor in a chart of its own, as it is used. */
function monitored(props: Omit<ServerMonitorProps, 'server'> = {}, id = 'metrics', namespace?: string) {
  const app = new App();
  const serving = new Chart(app, 'serving', { namespace: 'mlflow' });
  const monitoring = new Chart(app, 'monitoring', { namespace });
  const server = addServer(serving);
  new ServerMonitor(monitoring, id, { server, ...props });
  return { server: render(serving), monitors: render(monitoring) };
}

const all: Required<Omit<ServerMonitorProps, 'server'>> = { intervalSeconds: 15, labels: { release: 'prometheus' } };

test('a monitor without options', () => {
  expect(snapshotOf(monitored().monitors)).toMatchSnapshot();
});

test('a monitor with every option', () => {
  expect(snapshotOf(monitored(all).monitors)).toMatchSnapshot();
});

test('it is the only object of its chart, so that a cluster without the operator takes the other', () => {
  const { server, monitors } = monitored();
  expect(monitors.map(({ kind }) => kind)).toEqual(['ServiceMonitor']);
  expect(ofKind(server, 'ServiceMonitor')).toEqual([]);
});

test('it selects one Service, the metrics’, by labels that it has and a port that it has', () => {
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

test('it asks for the only path that the port has', () => {
  const { server, monitors } = monitored();
  const [{ path }] = monitors[0].spec.endpoints;
  expect(find(server, 'ConfigMap', 'server-proxy').data['nginx.conf']).toContain(`location = ${path} {`);
});

test('it tells two platforms of one namespace apart', () => {
  const app = new App();
  const chart = new Chart(app, 'serving', { namespace: 'mlflow' });
  const monitoring = new Chart(app, 'monitoring', { namespace: 'mlflow' });
  const selectors = ['one', 'two'].map((id) => {
    const { server } = new MlflowPlatform(chart, id);
    new ServerMonitor(monitoring, `${id}-metrics`, { server });
    return find(render(monitoring), 'ServiceMonitor', `${id}-metrics`).spec.selector.matchLabels;
  });
  expect(selectors[0]).not.toEqual(selectors[1]);
});

test('the monitor lies in the server’s namespace, whatever its chart’s is', () => {
  expect(monitored({}, 'metrics', 'elsewhere').monitors[0].metadata.namespace).toBe('mlflow');
});

test('under MLflow’s own login the metrics need no password either', () => {
  const app = new App();
  const server: TrackingServer = addServer(new Chart(app, 'serving', { namespace: 'mlflow' }), {
    authentication: Authentication.mlflow(),
    replicas: 1,
  });
  const monitoring = new Chart(app, 'monitoring');
  new ServerMonitor(monitoring, 'metrics', { server });
  const [{ spec }] = render(monitoring);
  expect(spec.endpoints[0]).not.toHaveProperty('basicAuth');
});

test.each([0, -1, 1.5, NaN])('an interval of %s seconds is refused', (intervalSeconds) => {
  expect(errorOf(() => monitored({ intervalSeconds }))).toBe(
    `monitoring/metrics: intervalSeconds is ${intervalSeconds}; expected a whole number of at least 1`,
  );
});

test.each(['Metrics', 'my_metrics', 'a'.repeat(64)])('the id %s is refused: it is the name', (id) => {
  expect(errorOf(() => monitored({}, id))).toContain(`'${id}'; expected a DNS label`);
});
