import { App, Chart } from 'cdk8s';
import {
  ArtifactStore,
  Authentication,
  Credentials,
  Database,
  MinioStore,
  MlflowPlatform,
  PostgresStatefulSet,
  SeaweedStore,
  TrackingServer,
} from '../../lib';
import {
  Rendered,
  errorOf,
  find,
  findByPrefix,
  namesOf,
  ofKind,
  render,
  synth,
  synthWithoutNamespace,
} from '../support/synth';

const s3 = () => ArtifactStore.fromBucket({ bucket: 'models', credentials: Credentials.fromSecret('s3') });
const existing = () => Database.fromExisting({ host: 'db', credentials: Credentials.fromSecret('db') });

describe('parts without a platform', () => {
  const objects = synth((chart) => {
    const database = new PostgresStatefulSet(chart, 'postgres');
    const artifacts = new MinioStore(chart, 'minio');
    new TrackingServer(chart, 'server', { database, artifacts });
  });
  const selectorOf = (kind: string, name: string) => find(objects, kind, name).spec.selector.matchLabels;

  test.each([
    ['postgres', 5432],
    ['minio', 9000],
  ])('connect the server to %s by name, labels and both policies', (name, port) => {
    const target = [{ podSelector: { matchLabels: selectorOf('StatefulSet', name) } }];
    const client = [{ podSelector: { matchLabels: selectorOf('Deployment', 'server') } }];
    const ports = [{ port, protocol: 'TCP' }];
    expect(find(objects, 'NetworkPolicy', 'server').spec.egress).toContainEqual({ to: target, ports });
    expect(find(objects, 'NetworkPolicy', name).spec.ingress).toContainEqual({ from: client, ports });
    expect(find(objects, 'Service', name).spec.selector).toEqual(selectorOf('StatefulSet', name));
  });

  test('create their own Secrets', () => {
    expect(
      ofKind(objects, 'Role')
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(['minio-credentials', 'postgres-credentials', 'server-credentials']);
  });

  test('have a Job for every Secret that a pod reads', () => {
    const plans = ofKind(objects, 'ConfigMap').flatMap(({ data }) =>
      data['credentials.json'] ? [JSON.parse(data['credentials.json'])] : [],
    );
    const volumes = objects.flatMap(({ spec }) => spec?.template?.spec.volumes ?? []);
    const made = plans.flatMap(({ secrets, logins = [] }) => [
      ...secrets.map(({ name }: Rendered) => name),
      ...logins.map(({ file }: Rendered) => file),
    ]);
    const read = volumes.flatMap(({ secret, projected }: Rendered) => [
      ...(secret ? [secret.secretName] : []),
      ...(projected?.sources ?? []).map((source: Rendered) => source.secret.name),
    ]);
    expect([...new Set(read)].sort()).toEqual(made.sort());
  });
});

describe('one component without a platform', () => {
  test.each<[string, (chart: Chart) => unknown]>([
    ['PostgresStatefulSet', (chart) => new PostgresStatefulSet(chart, 'x')],
    ['MinioStore', (chart) => new MinioStore(chart, 'x')],
    ['SeaweedStore', (chart) => new SeaweedStore(chart, 'x')],
    ['TrackingServer', (chart) => new TrackingServer(chart, 'x', { database: existing(), artifacts: s3() })],
  ])('%s', (_, build) => {
    const objects = synth(build);
    for (const { metadata } of objects) {
      expect(metadata.name).toMatch(/^x(-|$)/);
      expect(metadata.labels['app.kubernetes.io/instance']).toBe('x');
    }
  });

  test('creates no Secret if existing ones are given', () => {
    const [superuser, credentials] = [Credentials.fromSecret('root'), Credentials.fromSecret('login')];
    const names = namesOf(synth((chart) => new PostgresStatefulSet(chart, 'x', { superuser, credentials })));
    expect(names.filter((name) => /credentials/.test(name))).toEqual([]);
  });
});

test('a server uses a database of another chart in the same namespace', () => {
  const app = new App();
  const [data, web] = ['data', 'web'].map((id) => new Chart(app, id, { namespace: 'mlflow' }));
  const database = new PostgresStatefulSet(data, 'postgres');
  new TrackingServer(web, 'server', { database, artifacts: s3() });
  const from = find(render(data), 'NetworkPolicy', 'postgres').spec.ingress.flatMap((rule: Rendered) => rule.from);
  expect(from).toContainEqual({
    podSelector: { matchLabels: find(render(web), 'Deployment', 'server').spec.selector.matchLabels },
  });
});

test('a database of two platforms counts the clients and connections of both', () => {
  const objects = synth((chart) => {
    const database = new PostgresStatefulSet(chart, 'postgres');
    for (const id of ['blue', 'green']) {
      new MlflowPlatform(chart, id, { database, artifacts: s3(), server: { replicas: 1 } });
    }
  });
  // For each server: it and one of a rollout, 3 engines, 6 connections, and 10 of the migration. Once: 20 in reserve.
  const { args } = find(objects, 'StatefulSet', 'postgres').spec.template.spec.containers[0];
  expect(args).toContain('max_connections=125');
  const { ingress } = find(objects, 'NetworkPolicy', 'postgres').spec;
  expect(ingress.map(({ from }: any) => from[0].podSelector.matchExpressions?.[0].values)).toEqual([
    undefined,
    ['blue', 'green'],
    ['blue', 'green'],
  ]);
});

describe('a chart without a namespace', () => {
  test('leaves the namespace to kubectl', () => {
    const objects = synthWithoutNamespace((chart) => new TrackingServer(chart, 'x', withoutGenerated()));
    for (const { metadata } of objects) expect(metadata).not.toHaveProperty('namespace');
  });

  // A RoleBinding must name the namespace of its ServiceAccount, or the API server refuses it.
  test('is refused if Secrets have to be created', () => {
    expect(errorOf(() => synthWithoutNamespace((chart) => new MinioStore(chart, 'x')))).toMatch(
      /^chart\/x\/credentials: the chart has no namespace; expected one/,
    );
  });
});

test('a platform has exactly one Job that creates Secrets', () => {
  const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow'));
  expect(findByPrefix(objects, 'Job', 'mlflow-credentials-')).toBeDefined();
  expect(ofKind(objects, 'RoleBinding')).toHaveLength(1);
});

function withoutGenerated() {
  const keys = Credentials.fromSecret('keys');
  return { database: existing(), artifacts: s3(), keys, authentication: Authentication.none() };
}
