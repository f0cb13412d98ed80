// docs/how-to/mysql.md: a platform with a database on an existing MariaDB server, and its upgrade from an older MLflow.
import { randomBytes } from 'node:crypto';
import { Size } from 'cdk8s';
import { Credentials, Database, Images, MlflowPlatform } from '../../lib';
import { pages } from '../../test/docs/pages';
import { certificateFor, tlsSecret } from '../lib/certificate';
import { basic, loginOf } from '../lib/client';
import { fixture } from '../lib/fixture';
import { asRootOfStore } from '../lib/mc';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';
import { PREVIOUS } from '../lib/upgrade';

const databases = new Namespace('mlflow-e2e-mysql-server');
const namespace = new Namespace('mlflow-e2e-mysql');
const HOST = `db.${databases.name}.svc`;
const password = `/ & % @ : " $ ${randomBytes(8).toString('hex')}`;
const tls = certificateFor(HOST);

const platformOf = (image: string) =>
  new Platform(namespace, 'mlflow', (chart) => {
    new MlflowPlatform(chart, 'mlflow', {
      database: Database.mysql({
        host: HOST,
        credentials: Credentials.fromSecret('my-database'),
        authoritySecretName: 'my-database-ca',
        cidr: '10.0.0.0/8',
        maxConnections: 100,
      }),
      minio: { resources: little, storage: Size.gibibytes(1) },
      server: { image, resources: little, proxyResources: little, replicas: 1 },
    });
  });
const old = platformOf(PREVIOUS);
const platform = platformOf(Images.MLFLOW);

/** Runs statements as the administrator of the server. */
function sql(statements: string): string {
  const script = 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" exec mariadb --user=root --skip-column-names --batch';
  const { status, stdout, stderr } = databases.try(['exec', '-i', 'db-0', '--', 'sh', '-c', script], {
    input: statements,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

const servers = () => platform.servers().filter(isReady);
const servesWith = (image: string) =>
  servers().some(({ spec }: any) =>
    spec.initContainers.some((each: any) => each.name === 'mlflow' && each.image === image),
  );
const migrations = () =>
  namespace
    .json('get', 'jobs', '--selector', 'app.kubernetes.io/component=migration')
    .items.map(({ status }: any) => status);
const migrationLog = () =>
  namespace.kubectl(
    'logs',
    '--selector',
    'app.kubernetes.io/component=migration',
    '--container',
    'migrate',
    '--tail=-1',
  );

/** Calls MLflow's registry, with a body by POST. */
async function registry(call: string, body?: object): Promise<unknown> {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const url = `http://127.0.0.1:${forward.port}/api/2.0/mlflow/registered-models/${call}`;
    const headers = { ...basic(loginOf(namespace, 'mlflow-basic-auth')), 'content-type': 'application/json' };
    const answer = await fetch(url, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
    return await answer.json();
  } finally {
    forward.stop();
  }
}

beforeAll(async () => {
  for (const each of [namespace, databases]) each.remove();
  databases.kubectl('create', 'namespace', databases.name);
  databases.create(tlsSecret('db-tls', tls));
  const authority = { 'ca.crt': tls.authority };
  databases.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db-ca' }, stringData: authority });
  const values = { DATABASE_PASSWORD: randomBytes(16).toString('hex'), MARIADB: Images.MARIADB };
  databases.apply(fixture('mariadb.yaml', values));
  databases.kubectl('rollout', 'status', 'statefulset/db', '--timeout=200s');
  const { blocks } = pages.find(({ file }) => file === 'docs/how-to/mysql.md')!;
  sql(blocks.find(({ language }) => language === 'sql')!.code.replace('change-me', password));
  sql('ALTER USER mlflow REQUIRE SSL');

  namespace.kubectl('create', 'namespace', namespace.name);
  const secret = (name: string, stringData: object) =>
    namespace.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
  secret('my-database', { username: 'mlflow', password });
  secret('my-database-ca', authority);
  old.synth().apply();
  await until('the old version serves', 600, () => servesWith(PREVIOUS));
});

afterAll(() => {
  if (!process.env.E2E_KEEP) [namespace, databases].forEach((each) => each.remove());
});

test('keeps runs through an upgrade of the schema, before which it makes a dump', async () => {
  const login = loginOf(namespace, 'mlflow-basic-auth');
  const id = await logRun(old, login, 'on MariaDB');
  expect(await registry('create', { name: 'churn' })).toMatchObject({ registered_model: { name: 'churn' } });

  platform.synth().apply();
  await until('the new version serves', 600, () => servesWith(Images.MLFLOW) && servers().length === 1);

  await readRun(platform, login, 'on MariaDB', id);
  expect(await registry('search')).toMatchObject({ registered_models: [{ name: 'churn' }] });
  expect(migrationLog()).toMatch(/the dump lies at s3:\/\/.*mlflow-\w+-\w+-before-mlflow-[\d.]+\.sql\.gz/);
  expect(asRootOfStore(namespace, 'mc ls --recursive store/')).toContain('.sql.gz');
});

test('changes nothing when the same YAML is applied again', () => {
  const before = platform.versions();
  platform.apply();
  expect(platform.versions()).toEqual(before);
  expect(migrations().every(({ succeeded }: any) => succeeded === 1)).toBe(true);
});

test('connects as a user who needs TLS and can use its database only', () => {
  expect(sql("SELECT DISTINCT DB FROM information_schema.PROCESSLIST WHERE USER = 'mlflow'").trim()).toBe('mlflow');
});
