// docs/how-to/backup-and-restore.md: a backup under load is restored into a new namespace, and in place.
import { randomBytes } from 'node:crypto';
import { Size } from 'cdk8s';
import { BackupTarget, Credentials, Images, MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { jobOf } from '../lib/cron-job';
import { fixture } from '../lib/fixture';
import { asRootOfStore } from '../lib/mc';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { program } from '../lib/program';
import { Writer } from '../lib/writer';

const SERVERS = 2;
const RECORD = '/tmp/record.jsonl';
const elsewhere = new Namespace('mlflow-e2e-backup-target');
const namespace = new Namespace('mlflow-e2e-scheduled-backup');
const [targetKey, encryptionKey] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: SERVERS },
    pods: { jobResources: { cpu: little.cpu } },
    backup: {
      schedule: '0 2 * * *',
      target: BackupTarget.bucket({
        bucket: 'mlflow-backups',
        prefix: 'platform',
        endpoint: `http://store.${elsewhere.name}.svc:9000`,
        credentials: Credentials.fromSecret('backup-target'),
        egress: [{ peer: { namespaceLabels: { 'kubernetes.io/metadata.name': elsewhere.name } }, port: 9000 }],
      }),
      encryption: { secretName: 'backup-key' },
      dumpSpace: Size.gibibytes(1),
      drill: { databaseSpace: Size.gibibytes(2) },
      resources: { cpu: little.cpu },
    },
  });
});
let record = '';
let writer: Writer | undefined;

function secret(name: string, stringData: Record<string, string>): void {
  namespace.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
}

async function install(): Promise<void> {
  await platform.install(SERVERS, 400);
  secret('backup-target', { AWS_ACCESS_KEY_ID: 'root-user', AWS_SECRET_ACCESS_KEY: targetKey });
  secret('backup-key', { password: encryptionKey });
}

const job = (name: string, from: string, settings?: string[]) => jobOf(namespace, name, from, settings);

/** What was acknowledged before the backup began and is missing now. */
function missing(): string[] {
  const pod = ClientPod.start(namespace, 'reader', throughTheProxy());
  pod.run(['sh', '-c', `cat >${RECORD}`], { input: record });
  const { status, stdout, stderr } = pod.python(program('durability_read.py'), [RECORD], { seconds: 400 });
  pod.remove();
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').pop()!).missing;
}

const psql = (statement: string) =>
  namespace
    .kubectl('exec', 'mlflow-postgres-0', '--', ...['psql', '-U', 'postgres', '-d', 'mlflow', '-qAtc', statement])
    .trim();

function mcOfTarget(script: string): string {
  const login = `export MC_CONFIG_DIR=/tmp/mc
    printf '%s\\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store http://localhost:9000 >&2`;
  return elsewhere.kubectl('exec', 'store-0', '--', 'sh', '-ec', `${login}\n${script}`);
}

// A Job may take 900 s. Its own message is more useful than a timeout of jest.
jest.setTimeout(2_400_000);

beforeAll(async () => {
  elsewhere.remove();
  elsewhere.kubectl('create', 'namespace', elsewhere.name);
  const values = {
    DATABASE_PASSWORD: 'unused',
    STORE_PASSWORD: targetKey,
    POSTGRES: Images.POSTGRES,
    SILO: Images.SILO,
  };
  const store = fixture('stores.yaml', values)
    .split('---\n')
    .filter((text) => !/name: db\b/.test(text));
  elsewhere.apply(store.join('---\n'));
  elsewhere.kubectl('rollout', 'status', 'statefulset/store', '--timeout=200s');
  mcOfTarget('mc mb store/mlflow-backups');
  await install();
});

afterAll(() => {
  writer?.leave();
  if (!process.env.E2E_KEEP) [namespace, elsewhere].forEach((each) => each.remove());
});

test('a backup under load succeeds, and the drill restores it', async () => {
  writer = await Writer.start(namespace);
  await writer.untilWriting();
  const { stdout } = namespace.try(['exec', 'writer', '--', 'cat', RECORD]);
  record = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  const backup = await job('backup-1', 'mlflow-backup');
  expect(backup.log).toMatch(/The backup \d{8}T\d{6}Z is complete: 1 databases, /);
  expect(backup.succeeded).toBe(true);
  expect(writer.failures()).toEqual([]);
  await writer.stop();
  const drill = await job('drill-1', 'mlflow-restore-drill');
  expect(drill.log).toMatch(/is proven: 1 databases/);
  expect(drill.succeeded).toBe(true);
});

test('the target shows neither file names nor contents without the encryption key', () => {
  const objects = mcOfTarget('mc ls --recursive store/mlflow-backups');
  expect(objects.trim().split('\n').length).toBeGreaterThan(3);
  expect(objects).not.toMatch(/manifest|artifacts|dump/);
});

test('after the namespace is deleted, a restore into a new platform has everything acknowledged before the backup', async () => {
  await install();
  const restore = await job('restore-1', 'mlflow-restore');
  expect(restore.log).toMatch(/Restored the backup \d{8}T\d{6}Z/);
  expect(restore.succeeded).toBe(true);
  await platform.untilReady(SERVERS, 300);
  expect(record.split('\n').length).toBeGreaterThan(20);
  expect(missing()).toEqual([]);
});

test('a restore in place is refused without OVERWRITE=yes, and with it brings back what was deleted by mistake', async () => {
  const runs = psql('SELECT count(*) FROM runs');
  psql('DELETE FROM metrics; DELETE FROM latest_metrics; DELETE FROM params');
  asRootOfStore(namespace, 'mc rm --recursive --force store/mlflow/artifacts/');
  const refused = await job('restore-2', 'mlflow-restore');
  expect(refused.succeeded).toBe(false);
  expect(refused.log).toContain('To replace it all the same: OVERWRITE=yes');
  expect(psql('SELECT count(*) FROM params')).toBe('0');
  const restore = await job('restore-3', 'mlflow-restore', ['OVERWRITE=yes']);
  expect(restore.succeeded).toBe(true);
  await platform.untilReady(SERVERS, 300);
  expect(missing()).toEqual([]);
  const [kept] = psql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before%' ORDER BY 1 DESC").split('\n');
  expect(psql(`SELECT count(*) FROM ${kept}.runs`)).toBe(runs);
});

test('the next backup copies no artifact again', async () => {
  const { succeeded, log } = await job('backup-2', 'mlflow-backup');
  expect(log).toContain('of which 0 were copied now');
  expect(succeeded).toBe(true);
});

test('a backup to a target that does not answer fails, and its log says why', async () => {
  elsewhere.kubectl('scale', 'statefulset/store', '--replicas=0');
  const { succeeded, log } = await job('backup-3', 'mlflow-backup');
  expect(succeeded).toBe(false);
  expect(log).toContain('The target of backups cannot be read');
});
