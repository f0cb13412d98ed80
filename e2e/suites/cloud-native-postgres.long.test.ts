// docs/how-to/cloud-native-postgres.md: the construct with the real operator, whose release manifest the cluster must have.
// Three instances on any node, NetworkPolicies on, MLflow's own users in a second database.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiObject, Size } from 'cdk8s';
import { Authentication, BackupTarget, CloudNativePostgres, MlflowPlatform } from '../../lib';
import { loginOf } from '../lib/client';
import { jobOf } from '../lib/cron-job';
import { commandsOf, paste } from '../lib/guide';
import { Lines } from '../lib/lines';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady, Pod } from '../lib/pods';
import { run, until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';
import { Writer } from '../lib/writer';

const SERVERS = 2;
const ADMIN = 'mlflow-server-admin';
const namespace = new Namespace('mlflow-e2e-cnpg');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const database = new CloudNativePostgres(chart, 'mlflow-database', {
    differentNodes: false,
    storage: Size.gibibytes(5),
    resources: { cpu: little.cpu, memory: { request: Size.mebibytes(512), limit: Size.gibibytes(2) } },
    metrics: true,
  });
  new ApiObject(chart, 'backups', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  new MlflowPlatform(chart, 'mlflow', {
    database,
    backup: {
      schedule: '0 2 1 1 *',
      target: BackupTarget.claim({ claimName: 'backups' }),
      dumpSpace: Size.gibibytes(1),
      drill: { databaseSpace: Size.gibibytes(1) },
      resources: { cpu: little.cpu },
    },
    authentication: Authentication.mlflow(),
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: SERVERS },
  });
});
const folder = mkdtempSync(join(tmpdir(), 'cnpg-'));
let writer: Writer | undefined;

const cluster = () => namespace.json('get', 'cluster.postgresql.cnpg.io', 'mlflow-database');
const instances = () =>
  namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', 'cnpg.io/podRole=instance').items.filter(isReady);

/** The operator must end the objects `Database` while its instances run: otherwise the namespace stays for minutes. */
function remove(): void {
  namespace.try(['delete', 'database.postgresql.cnpg.io', '--all', '--timeout=60s']);
  namespace.remove();
}

/** In a test that times out, the error says what the operator reports. */
async function untilWhole(seconds: number): Promise<void> {
  const whole = () => {
    const { status } = cluster();
    const healthy = status?.conditions?.some((each: any) => each.type === 'Ready' && each.status === 'True');
    return healthy && instances().length === 3;
  };
  try {
    await until('three instances are Ready', seconds, whole);
  } catch (error) {
    throw new Error(`${(error as Error).message}; ${JSON.stringify(cluster().status)}`);
  }
}

async function untilServers(seconds: number): Promise<void> {
  await until(`${SERVERS} servers are Ready`, seconds, () => platform.servers().filter(isReady).length >= SERVERS);
}

beforeAll(() => {
  const kind = namespace.try(['get', 'customresourcedefinition', 'clusters.postgresql.cnpg.io']);
  if (kind.status !== 0) throw new Error('this cluster has no CloudNativePG; expected its operator, 1.30 or newer');
  remove();
  platform.synth();
});

afterAll(() => {
  writer?.leave();
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) remove();
});

test('one apply of all objects makes the database and the platform Ready', async () => {
  const start = Date.now();
  platform.apply();
  await untilServers(600);
  process.stdout.write(`apply to ${SERVERS} servers Ready: ${((Date.now() - start) / 1000).toFixed(0)} s\n`);
  await untilWhole(600);
  process.stdout.write(`apply to three instances Ready: ${((Date.now() - start) / 1000).toFixed(0)} s\n`);
});

test("MLflow's client logs, trains and registers", async () => {
  const login = loginOf(namespace, ADMIN);
  await readRun(platform, login, 'first', await logRun(platform, login, 'first'));
  const lines = Lines.start(namespace, ADMIN);
  lines.train();
  lines.setAlias('champion', '1');
  expect(Object.keys(lines.predictions).length).toBeGreaterThan(1);
});

test('kubectl diff shows nothing, and a second apply changes nothing', () => {
  const { status, stdout } = run('kubectl', ['diff', '--filename', platform.manifest]);
  expect([status, stdout]).toEqual([0, '']);
  const before = platform.versions();
  platform.apply();
  expect(platform.versions()).toEqual(before);
});

test('a backup dumps both databases, and the drill restores them', async () => {
  expect((await jobOf(namespace, 'backup-now', 'mlflow-backup')).succeeded).toBe(true);
  expect((await jobOf(namespace, 'drill-now', 'mlflow-restore-drill')).succeeded).toBe(true);
});

test('Prometheus finds the metrics of each instance by the Service', () => {
  const selector = ['--selector', 'kubernetes.io/service-name=mlflow-database-metrics'];
  const { items } = namespace.json<{ items: any[] }>('get', 'endpointslices', ...selector);
  const addresses = items.flatMap(({ endpoints, ports }) => endpoints.map(() => ports[0].port));
  expect(addresses).toEqual([9187, 9187, 9187]);
});

test.each([
  ['lost', ['--force', '--grace-period=0']],
  ['deleted', []],
])('a primary that is %s is replaced by a standby, and the clients write again', async (_, options) => {
  writer ??= await Writer.start(namespace, 4, 0.2, ADMIN);
  const { currentPrimary } = cluster().status;
  const start = Date.now();
  const since = () => ((Date.now() - start) / 1000).toFixed(0);
  namespace.kubectl('delete', 'pod', currentPrimary, ...options);
  await until('another primary', 180, () => {
    const now = cluster().status;
    return now.currentPrimary === now.targetPrimary && now.currentPrimary !== currentPrimary;
  });
  process.stdout.write(`another primary: ${since()} s; `);
  await writer.untilWriting(4, 300);
  process.stdout.write(`all clients write again: ${since()} s; failed calls: ${writer.failures().length}\n`);
  await untilWhole(400);
});

test('the commands of the page change the password, and the clients go on', async () => {
  writeFileSync(join(folder, 'password.txt'), 'another-password-of-the-test');
  const options = { sections: ['Rotate the password'], namespace: namespace.name };
  paste(commandsOf('docs/how-to/cloud-native-postgres.md', options), folder);
  namespace.kubectl('rollout', 'status', 'deployment/mlflow-server', '--timeout=300s');
  await writer!.untilWriting(4, 300);
  const { currentPrimary } = cluster().status;
  const query = ['psql', '-Atc', "SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = 'mlflow'"];
  expect(namespace.kubectl('exec', currentPrimary, '-c', 'postgres', '--', ...query).trim()).toBe('t');
});

test('no acknowledged write is missing, and the client has repeated all calls but those that create a run', async () => {
  await writer!.stop();
  const { acknowledged, missing } = writer!.readBack();
  process.stdout.write(`acknowledged: ${JSON.stringify(acknowledged)}; retried: ${writer!.retries().length}\n`);
  expect(missing).toEqual([]);
  // From MLflow 3.18 on its client does not repeat such a call: the run could be created twice.
  expect(writer!.failures().filter((failure) => !failure.startsWith('run: '))).toEqual([]);
  expect(acknowledged.run).toBeGreaterThan(20);
});
