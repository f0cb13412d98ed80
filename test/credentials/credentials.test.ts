import { Chart } from 'cdk8s';
import {
  ArtifactStore,
  Credentials,
  Database,
  MinioStore,
  PostgresStatefulSet,
  PostgresStatefulSetProps,
  SecretKeys,
} from '../../lib';
import { errorOf, find, synth } from '../support/synth';
import { addServer, filesOf, plannedSecrets, podOf, serverObjects } from '../tracking/servers';

const keys: Required<SecretKeys> = { usernameKey: 'user', passwordKey: 'word' };

/** A server with its own PostgreSQL. MLflow's role has the given credentials. */
const onPostgres = (props: PostgresStatefulSetProps) =>
  synth((chart) => addServer(chart, { database: new PostgresStatefulSet(chart, 'postgres', props) }));
const loginOf = (objects: any[]) => {
  const { PGUSER, PGPASSWORD } = filesOf(podOf(objects), 'secrets');
  return [PGUSER, PGPASSWORD];
};

describe('generated credentials', () => {
  test('are planned under the component’s name, and read by their keys', () => {
    const objects = onPostgres({ credentials: Credentials.generated() });
    expect(loginOf(objects)).toEqual([
      { secret: 'postgres-mlflow-secret', key: 'username' },
      { secret: 'postgres-mlflow-secret', key: 'password' },
    ]);
    expect(plannedSecrets(objects, 'postgres-credentials')['postgres-mlflow-secret']).toMatchObject({
      keys: { username: { value: 'mlflow' }, password: { generate: 'password' } },
    });
  });

  test('are the default', () => {
    expect(onPostgres({})).toEqual(onPostgres({ credentials: Credentials.generated() }));
  });

  test('are in a Secret that a GitOps controller does not prune', () => {
    const { labels, annotations } = plannedSecrets(serverObjects(), 'server-credentials')['server-secret'];
    expect(labels).toEqual({ 'app.kubernetes.io/name': 'mlflow', 'app.kubernetes.io/part-of': 'mlflow' });
    expect(annotations).toEqual({ 'argocd.argoproj.io/sync-options': 'Prune=false' });
  });
});

describe('credentials from a Secret', () => {
  test('are read by the component’s own keys', () => {
    const objects = onPostgres({ credentials: Credentials.fromSecret('own') });
    expect(loginOf(objects)).toEqual([
      { secret: 'own', key: 'username' },
      { secret: 'own', key: 'password' },
    ]);
  });

  test('are read by other keys', () => {
    expect(loginOf(onPostgres({ credentials: Credentials.fromSecret('own', keys) }))).toEqual([
      { secret: 'own', key: 'user' },
      { secret: 'own', key: 'word' },
    ]);
  });

  test('are read by one other key', () => {
    expect(loginOf(onPostgres({ credentials: Credentials.fromSecret('own', { passwordKey: 'word' }) }))).toEqual([
      { secret: 'own', key: 'username' },
      { secret: 'own', key: 'word' },
    ]);
  });

  test('are not planned', () => {
    const objects = onPostgres({
      credentials: Credentials.fromSecret('own'),
      superuser: Credentials.fromSecret('root'),
    });
    expect(objects.filter(({ metadata }) => metadata.name.startsWith('postgres-credentials'))).toEqual([]);
  });

  test('create no Secret, with or without values', () => {
    const all = [...serverObjects(), ...onPostgres({ credentials: Credentials.fromSecret('own') })];
    expect(all.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  test.each(['', 'Own', 'my_secret', '-own', 'a b', 'a'.repeat(254)])('refuse the name %j', (name) => {
    expect(errorOf(() => onPostgres({ credentials: Credentials.fromSecret(name) }))).toContain(
      `chart/postgres: the name of the Secret of credentials is '${name}'; expected lower-case letters, digits, '-' and '.'`,
    );
  });

  test.each<[string, (chart: Chart) => void]>([
    ['a database', (chart) => addServer(chart, { database: databaseOf(Credentials.fromSecret('My Secret')) })],
    ['a bucket', (chart) => addServer(chart, { artifacts: bucketOf(Credentials.fromSecret('My Secret')) })],
  ])('refuse a wrong name also if %s exists already', (_what, build) => {
    expect(errorOf(() => synth(build))).toContain(`chart/server: the name of the Secret of `);
  });
});

describe('credentials from a service account', () => {
  const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/mlflow' };
  const account = Credentials.fromServiceAccount(role);

  test('are accepted by a bucket', () => {
    const objects = serverObjects({ artifacts: bucketOf(account) });
    expect(find(objects, 'ServiceAccount', 'server').metadata.annotations).toEqual(role);
  });

  const wanted = 'only cloud stores know service accounts';
  test.each<[string, (chart: Chart) => void, string]>([
    ['a superuser', (chart) => new PostgresStatefulSet(chart, 'it', { superuser: account }), wanted],
    ['a role', (chart) => new PostgresStatefulSet(chart, 'it', { credentials: account }), wanted],
    ['a root user', (chart) => new MinioStore(chart, 'it', { rootCredentials: account }), wanted],
    ['MinIO’s key', (chart) => new MinioStore(chart, 'it', { credentials: account }), wanted],
    ['the servers’ keys', (chart) => addServer(chart, { keys: account }), wanted],
    [
      'a database',
      (chart) => addServer(chart, { database: databaseOf(account) }),
      "expected Credentials.fromSecret('name')",
    ],
  ])('are refused by %s', (_what, build, want) => {
    const message = errorOf(() => synth(build));
    expect(message).toMatch(/^chart\/(it|server): /);
    expect(message).toContain('service account');
    expect(message).toContain(want);
  });
});

describe('generated credentials are refused for an existing', () => {
  test('database', () => {
    expect(errorOf(() => serverObjects({ database: databaseOf(Credentials.generated()) }))).toContain(
      "chart/server: the database's credentials are generated",
    );
  });

  test('bucket', () => {
    expect(errorOf(() => serverObjects({ artifacts: bucketOf(Credentials.generated()) }))).toContain(
      "chart/server: the bucket's credentials are generated",
    );
  });
});

function databaseOf(credentials: Credentials) {
  return Database.fromExisting({ host: 'db.example.com', credentials });
}

function bucketOf(credentials: Credentials) {
  return ArtifactStore.fromBucket({ bucket: 'models', credentials });
}
