import { Credentials, MlflowPlatform, PostgresStatefulSet } from '../../lib';
import { client, environmentOf, postgres, readersOf } from '../support/components';
import { Rendered, errorOf, synth } from '../support/synth';

const platform = synth((chart) => new MlflowPlatform(chart, 'mlflow'));

test("only PostgreSQL and the set-up Job have the superuser's Secret", () => {
  expect(readersOf('mlflow-postgres-secret', platform)).toEqual([
    'Job/mlflow-postgres-set-up',
    'StatefulSet/mlflow-postgres',
  ]);
});

test("the set-up Job, the server and the migration have the Secret of MLflow's role, and PostgreSQL does not", () => {
  expect(readersOf('mlflow-postgres-mlflow-secret', platform)).toEqual([
    'Deployment/mlflow-server',
    'Job/mlflow-postgres-set-up',
    'Job/mlflow-server-migration',
  ]);
});

test("PostgreSQL reads the superuser from files that are named like the seed's keys", () => {
  const { container, pod } = postgres();
  expect(environmentOf(container)).toMatchObject({
    POSTGRES_USER_FILE: '/run/secrets/postgres/POSTGRES_USER',
    POSTGRES_PASSWORD_FILE: '/run/secrets/postgres/POSTGRES_PASSWORD',
    POSTGRES_DB: 'postgres',
  });
  const volume = pod.volumes.find(({ name }: Rendered) => name === 'superuser');
  expect(volume.secret.secretName).toBe('mlflow-postgres-secret');
});

test('no environment variable holds a Secret', () => {
  const { objects } = postgres();
  expect(JSON.stringify(objects)).not.toMatch(/secretKeyRef|envFrom/);
});

test('an existing Secret is read by the names of its keys', () => {
  const { container, job } = postgres({
    superuser: Credentials.fromSecret('root', { usernameKey: 'u', passwordKey: 'p' }),
    credentials: Credentials.fromSecret('login', { usernameKey: 'user', passwordKey: 'pass' }),
  });
  expect(environmentOf(container)).toMatchObject({
    POSTGRES_USER_FILE: '/run/secrets/postgres/u',
    POSTGRES_PASSWORD_FILE: '/run/secrets/postgres/p',
  });
  const { sources } = job.spec.template.spec.volumes.find(({ name }: Rendered) => name === 'secrets').projected;
  expect(sources.map(({ secret }: Rendered) => secret)).toEqual([
    { name: 'root', items: [{ key: 'u', path: 'SUPERUSER' }, { key: 'p', path: 'SUPERUSER_PASSWORD' }] }, // prettier-ignore
    { name: 'login', items: [{ key: 'user', path: 'ROLE' }, { key: 'pass', path: 'ROLE_PASSWORD' }] }, // prettier-ignore
  ]);
});

test('with two existing Secrets there is no credentials Job', () => {
  const { objects } = postgres({ superuser: Credentials.fromSecret('a'), credentials: Credentials.fromSecret('b') });
  expect(objects.filter(({ kind }) => kind === 'Role')).toEqual([]);
});

describe('the set-up Job', () => {
  test('creates the database, and those that are added later', () => {
    expect(environmentOf(postgres({ databaseName: 'tracking' }).jobContainer).DATABASES).toBe('tracking');
    const { jobContainer } = postgres({}, (database) =>
      ['mlflow_auth', 'mlflow_auth', 'x'].forEach((name) => database.addDatabase(name)),
    );
    expect(environmentOf(jobContainer).DATABASES).toBe('mlflow mlflow_auth x');
  });

  test('runs again if a database is added', () => {
    const { job } = postgres({}, (database) => database.addDatabase('mlflow_auth'));
    expect(job.metadata.name).not.toBe(postgres().job.metadata.name);
  });

  test('may reach only PostgreSQL and DNS', () => {
    const policy = postgres().objects.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'mlflow-postgres-set-up',
    );
    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(policy.spec.ingress ?? []).toEqual([]);
    expect(policy.spec.egress.flatMap((rule: Rendered) => rule.ports.map(({ port }: Rendered) => port))).toEqual([
      53, 5353, 53, 5353, 53, 5353, 5432,
    ]);
    expect(policy.spec.egress[3].to).toEqual([
      { podSelector: { matchLabels: postgres().statefulSet.spec.selector.matchLabels } },
    ]);
  });

  test('is retried until PostgreSQL answers', () => {
    expect(postgres().job.spec.backoffLimit).toBe(20);
    expect(postgres().job.spec.template.spec.restartPolicy).toBe('Never');
  });

  test('uses the image of PostgreSQL, which has psql', () => {
    expect(postgres({ image: 'registry.example.com/postgres:17.6' }).jobContainer.image).toBe(
      'registry.example.com/postgres:17.6',
    );
  });
});

describe('a client', () => {
  const connection = () => {
    let result: any;
    const { policy } = postgres(
      { databaseName: 'tracking' },
      (database) => (result = database.connectFrom(client(5, 'notebook'))),
    );
    return { ...result, policy };
  };

  test('gets the address of the database in variables of libpq, and its login as files', () => {
    expect(connection().environment).toEqual({
      PGHOST: 'mlflow-postgres',
      PGPORT: '5432',
      PGDATABASE: 'tracking',
      PGCONNECT_TIMEOUT: '10',
    });
    expect(connection().secretVariables).toEqual([
      { variable: 'PGUSER', secretName: 'mlflow-postgres-mlflow-secret', key: 'username' },
      { variable: 'PGPASSWORD', secretName: 'mlflow-postgres-mlflow-secret', key: 'password' },
    ]);
  });

  test('may reach the port of the database', () => {
    expect(connection().policy.spec.ingress).toContainEqual({
      from: [{ podSelector: { matchLabels: { app: 'notebook' } } }],
      ports: [{ port: 5432, protocol: 'TCP' }],
    });
  });

  test('gets an egress rule to the database', () => {
    expect(connection().egress).toEqual([
      { peer: { podLabels: postgres().statefulSet.spec.selector.matchLabels }, port: 5432 },
    ]);
  });
});

test('the embedded database allows several servers', () => {
  synth((chart) => expect(new PostgresStatefulSet(chart, 'postgres').sharedByReplicas).toBe(true));
});

test.each([
  ['superuser', 'mlflow-postgres-secret'],
  ['credentials', 'mlflow-postgres-mlflow-secret'],
])('refuses %s from a service account', (prop, secret) => {
  expect(errorOf(() => postgres({ [prop]: Credentials.fromServiceAccount({}) }))).toBe(
    `chart/mlflow-postgres: credentials for ${secret} are a service account's; expected Credentials.generated() or ` +
      "Credentials.fromSecret('name'): only cloud stores know service accounts",
  );
});
