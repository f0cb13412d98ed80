import { App, Chart, JsonPatch } from 'cdk8s';
import { dashboardModel } from '../../docs/generate/dashboard';
import { ROWS, VARIABLES } from '../../docs/generate/dashboard-panels';
import { Dashboard, DashboardProps } from '../../lib';
import { DASHBOARD } from '../../lib/monitoring/dashboard-model';
import { Rendered, errorOf, render } from '../support/synth';

function rendered(props?: DashboardProps): Rendered {
  const chart = new Chart(new App(), 'dashboards', { namespace: 'monitoring' });
  new Dashboard(chart, 'mlflow-dashboard', props);
  const objects = render(chart);
  expect(objects).toHaveLength(1);
  return objects[0];
}

const modelOf = ({ data, spec }: Rendered) => JSON.parse(spec ? spec.json : data['mlflow-dashboard.json']);
const without = (object: Rendered) => {
  const copy = structuredClone(object);
  if (copy.data) copy.data['mlflow-dashboard.json'] = '<dashboard>';
  else copy.spec.json = '<dashboard>';
  return copy;
};

test('the committed dashboard is the one that the Grafana Foundation SDK writes (`npm run dashboard`)', () => {
  expect(DASHBOARD).toEqual(JSON.parse(JSON.stringify(dashboardModel())));
});

test('a dashboard without options is rendered like this', () => {
  expect(without(rendered())).toMatchSnapshot();
});

test('a dashboard with every option is rendered like this', () => {
  const all: Required<DashboardProps> = {
    instanceSelector: { dashboards: 'grafana' },
    labels: { team: 'ml' },
    folder: 'Machine learning',
  };
  expect(without(rendered(all))).toMatchSnapshot();
});

test('the ConfigMap and the GrafanaDashboard have the same dashboard', () => {
  expect(modelOf(rendered())).toEqual(modelOf(rendered({ instanceSelector: { dashboards: 'grafana' } })));
});

test('labels of the ConfigMap replace the one that the sidecar selects by default', () => {
  expect(rendered().metadata.labels.grafana_dashboard).toBe('1');
  const { labels } = rendered({ labels: { dashboards: 'yes' } }).metadata;
  expect(labels.dashboards).toBe('yes');
  expect(labels).not.toHaveProperty('grafana_dashboard');
});

test('a folder becomes an annotation of the ConfigMap', () => {
  expect(rendered({ folder: 'ML' }).metadata.annotations.grafana_folder).toBe('ML');
});

test('Flux keeps the variables of the dashboard', () => {
  for (const object of [rendered(), rendered({ instanceSelector: { a: 'b' } })]) {
    expect(object.metadata.annotations['kustomize.toolkit.fluxcd.io/substitute']).toBe('disabled');
  }
});

test('kubectl apply can keep the ConfigMap in its annotation', () => {
  expect(JSON.stringify(rendered()).length).toBeLessThan(100_000);
});

test('each panel has a title, a description and queries, and every query chooses a namespace', () => {
  const panels = modelOf(rendered()).panels.filter(({ type }: any) => type !== 'row');
  expect(panels).toHaveLength(Object.values(ROWS).flat().length);
  for (const { title, description, targets } of panels) {
    expect([title, description].every((text) => text.length > 1)).toBe(true);
    for (const { expr } of targets) {
      const selectors: string[] = expr.match(/[a-z_]+\{[^}]*\}/g);
      expect(selectors.filter((each) => !/namespace=~?"\$/.test(each))).toEqual([]);
    }
  }
});

test('each variable of a query exists', () => {
  const used = new Set(
    Object.values(ROWS)
      .flat()
      .flatMap(({ queries }) => Object.values(queries))
      .flatMap((query) => [...query.matchAll(/\$(\w+)/g)].map(([, name]) => name)),
  );
  used.delete('__rate_interval');
  expect([...used].sort()).toEqual(Object.keys(VARIABLES).sort());
});

test.each<[string, DashboardProps, string]>([
  ['no label of a Grafana', { instanceSelector: {} }, "instanceSelector is '{}'; expected a label of a Grafana"],
  ['a wrong label', { labels: { 'a b': 'c' } }, "labels has the key 'a b'; expected"],
  ['a wrong selector', { instanceSelector: { a: 'b c' } }, "instanceSelector has the value 'b c' of 'a'; expected"],
  ['an empty folder', { folder: '' }, "folder is ''; expected one line of at most 189 characters"],
  ['a folder of two lines', { folder: 'a\nb' }, 'expected one line of at most 189 characters'],
])('refuses %s', (_, props, message) => {
  const error = errorOf(() => rendered(props));
  expect(error).toContain('dashboards/mlflow-dashboard: ');
  expect(error).toContain(message);
});

test('a JSON patch reaches every field', () => {
  const chart = new Chart(new App(), 'dashboards');
  new Dashboard(chart, 'mlflow').apiObject('config-map').addJsonPatch(JsonPatch.add('/immutable', true));
  expect(render(chart)[0].immutable).toBe(true);
});
