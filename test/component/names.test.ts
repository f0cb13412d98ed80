import { App, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import {
  ArtifactStore,
  CloudNativePostgres,
  Credentials,
  Database,
  MinioStore,
  MlflowPlatform,
  ModelDeployer,
  ModelServing,
  PostgresStatefulSet,
  RegisteredModel,
  SeaweedStore,
  TrackingEndpoint,
  TrackingServer,
} from '../../lib';
import { SmallestComponent } from '../support/smallest-component';
import { errorOf, namesOf, render, synth } from '../support/synth';

const labels = (component: SmallestComponent) => component.podSelector;

describe('a component', () => {
  test('without a platform is named by its id, and is its own instance', () => {
    synth((chart) => {
      const component = new SmallestComponent(chart, 'store');
      expect(component.componentName).toBe('store');
      expect(labels(component)).toEqual({
        'app.kubernetes.io/name': 'mlflow',
        'app.kubernetes.io/instance': 'store',
        'app.kubernetes.io/component': 'smallest',
      });
    });
  });

  test('in a construct of the user is also named by its id', () => {
    synth((chart) => expect(new SmallestComponent(new Construct(chart, 'team'), 'store').componentName).toBe('store'));
  });

  test("below another component has the other's name as prefix, and belongs to its instance", () => {
    synth((chart) => {
      const part = new SmallestComponent(new SmallestComponent(chart, 'store'), 'part', 'part');
      expect(part.componentName).toBe('store-part');
      expect(labels(part)['app.kubernetes.io/instance']).toBe('store');
    });
  });

  test("below a platform has the platform's name as prefix, also inside a construct of the user", () => {
    synth((chart) => {
      const platform = new MlflowPlatform(chart, 'mlflow');
      expect(new SmallestComponent(platform, 'a', 'a').componentName).toBe('mlflow-a');
      const below = new SmallestComponent(new Construct(platform, 'team'), 'b', 'b');
      expect(below.componentName).toBe('mlflow-b');
      expect(labels(below)['app.kubernetes.io/instance']).toBe('mlflow');
    });
  });

  test('next to another component is a second instance', () => {
    synth((chart) => {
      expect(labels(new SmallestComponent(chart, 'a'))['app.kubernetes.io/instance']).toBe('a');
      expect(labels(new SmallestComponent(chart, 'b'))['app.kubernetes.io/instance']).toBe('b');
    });
  });
});

// `kubectl apply` fails if a selector or a StatefulSet's claim changes.
test('a platform one construct deeper, in a chart of another name, renders the same objects', () => {
  const flat = synth((chart) => new MlflowPlatform(chart, 'mlflow'));
  const deeper = new Chart(new App(), 'other', { namespace: 'mlflow' });
  new MlflowPlatform(new Construct(deeper, 'team'), 'mlflow');
  expect(render(deeper)).toEqual(flat);
});

test('a component one construct deeper renders the same objects', () => {
  const flat = synth((chart) => new PostgresStatefulSet(chart, 'postgres'));
  expect(synth((chart) => new PostgresStatefulSet(new Construct(chart, 'team'), 'postgres'))).toEqual(flat);
});

const model = RegisteredModel.byAlias('churn', 'champion');
const tracking = TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000');

describe('Kubernetes accepts every generated name', () => {
  test.each<[string, number, (chart: Chart, id: string) => unknown]>([
    ['MlflowPlatform', 37, (chart, id) => new MlflowPlatform(chart, id)],
    ['PostgresStatefulSet', 42, (chart, id) => new PostgresStatefulSet(chart, id)],
    ['CloudNativePostgres', 50, (chart, id) => new CloudNativePostgres(chart, id, { metrics: true })],
    ['MinioStore', 42, (chart, id) => new MinioStore(chart, id, { replicas: 4 })],
    ['SeaweedStore', 42, (chart, id) => new SeaweedStore(chart, id, { metrics: true })],
    ['TrackingServer', 42, (chart, id) => server(chart, id)],
    ['ModelServing', 46, (chart, id) => new ModelServing(chart, id, { tracking, model })],
    ['ModelDeployer', 55, (chart, id) => new ModelDeployer(chart, id, { tracking })],
  ])('of a %s with an id of at most %d letters', (_, most, build) => {
    const objects = synth((chart) => build(chart, 'm'.repeat(most)));
    for (const { metadata } of objects) expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    const message = errorOf(() => synth((chart) => build(chart, 'm'.repeat(most + 1))));
    expect(message).toContain(`is '${'m'.repeat(most + 1)}`);
    expect(message).toContain('expected a DNS label of at most');
  });

  // The name of a Service must be an RFC 1035 label, which is stricter, because it becomes the name of a variable too.
  test.each(['', 'MLflow', 'ml_flow', 'ml.flow', '-mlflow', 'mlflow-', '1mlflow'])(
    'a platform with the id %p is refused',
    (id) => {
      const build = () => synth((chart) => new MlflowPlatform(new Construct(chart, 'team'), id));
      expect(errorOf(build)).toContain(
        id === ''
          ? 'id is "" (a string); expected a DNS label'
          : `the id of the platform is '${id}'; expected a DNS label`,
      );
    },
  );

  test.each(['MLflow', 'ml_flow', '1st'])('a component with the id %p is refused', (id) => {
    expect(errorOf(() => synth((chart) => new PostgresStatefulSet(chart, id)))).toContain(
      `chart/${id}: the name is '${id}'; expected a DNS label`,
    );
  });
});

describe('the namespace of the chart', () => {
  test.each(['Team', 'team_a', 'team.a', '', 'a'.repeat(64)])('%p is refused', (namespace) => {
    expect(errorOf(() => synth((chart) => new MlflowPlatform(chart, 'mlflow'), namespace))).toContain(
      `the namespace of the chart is '${namespace}'; expected a DNS label of at most 63 characters`,
    );
  });

  test.each(['mlflow', '1st', 'a'.repeat(63)])('%p is accepted', (namespace) => {
    const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow'), namespace);
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set([namespace]));
  });
});

test('a platform has these names', () => {
  const names = namesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow')));
  expect(names.map((name) => name.replace(/^(Job .*)-[0-9a-f]{8}$/, '$1-<hash>')).sort()).toMatchSnapshot();
});

function server(chart: Chart, id: string) {
  return new TrackingServer(chart, id, {
    database: Database.fromExisting({ host: 'db', credentials: Credentials.fromSecret('db') }),
    artifacts: ArtifactStore.fromBucket({ bucket: 'models', credentials: Credentials.fromSecret('s3') }),
  });
}
