// A platform on the embedded SeaweedFS: what people keep in it outlives its pod, and each key opens what it should.
import { createHash, randomBytes } from 'node:crypto';
import { Size } from 'cdk8s';
import { BackupTarget, Images, MlflowPlatform, SeaweedStore } from '../../lib';
import { Colleague } from '../lib/colleague';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { run, until } from '../lib/process';
import { program } from '../lib/program';

const namespace = new Namespace('mlflow-e2e-seaweed');
const STORE = 'mlflow-seaweedfs';
const DUMP = 'backups/mlflow-try.dump';
const REFUSED = 403;
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    artifacts: new SeaweedStore(chart, STORE, { metrics: true, storage: Size.gibibytes(5), resources: little }),
    server: { resources: little, proxyResources: little, replicas: 1 },
    pods: { jobResources: { cpu: little.cpu } },
    backup: {
      schedule: '0 2 * * *',
      target: BackupTarget.claim({ claimName: 'backups' }),
      dumpSpace: Size.gibibytes(1),
      resources: { cpu: little.cpu },
    },
  });
});
let colleague: Colleague;

const storePod = () => platform.pods(`app=${STORE}`).find(isReady);

/** Until the store, the database and a server are Ready; the seconds that it took. */
async function untilReady(seconds: number): Promise<number> {
  const start = Date.now();
  await until('store, database and server Ready', seconds, () => {
    const ready = (app: string) => platform.pods(`app=${app}`).some(isReady);
    return [STORE, 'mlflow-postgres', 'mlflow-server'].every(ready);
  });
  return Math.round((Date.now() - start) / 100) / 10;
}

/** curl in the store's own pod, with a login from standard input. */
function curl([id, secret]: [string, string], path: string, ...options: string[]): { code: string; body: string } {
  const command = ['curl', '-sS', '-K', '-', '-w', '\n%{http_code}', '--aws-sigv4', 'aws:amz:us-east-1:s3', ...options];
  const { stdout, stderr } = namespace.try(
    ['exec', '-i', `${STORE}-0`, '--', ...command, `http://127.0.0.1:8333/${path}`],
    { input: `user = "${id}:${secret}"\n` },
  );
  const [, body, code] = /^([^]*)\n(\d{3})$/.exec(stdout) ?? ['', '', stdout + stderr];
  return { code, body };
}

function keyOf(secret: string): [string, string] {
  return [namespace.secret(secret, 'AWS_ACCESS_KEY_ID'), namespace.secret(secret, 'AWS_SECRET_ACCESS_KEY')];
}
const root = () => keyOf(`${STORE}-secret`);
const own = () => keyOf(`${STORE}-s3-secret`);

beforeAll(async () => {
  namespace.remove();
  platform.synth().apply();
  namespace.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  process.stdout.write(`from apply to Ready: ${await untilReady(500)} s\n`);
  colleague = Colleague.start(namespace, Images.MLFLOW);
  colleague.writeHistory();
  expect(curl(root(), 'other', '-X', 'PUT').code).toBe('200');
  for (const path of ['other/file', `mlflow/${DUMP}`]) {
    expect(curl(root(), path, '-X', 'PUT', '--data-binary', 'secret').code).toBe('200');
  }
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

test("MLflow's key opens its bucket but no dump and no other bucket, and from the server only S3 answers", () => {
  const [server] = platform.servers().filter(isReady);
  const args = [`${STORE}.${namespace.name}.svc`, '8333', 'mlflow', 'other', DUMP];
  const { stdout, stderr } = namespace.try(
    ['exec', '-i', server.metadata.name, '-c', 'mlflow', '--', 'python', '-', ...args],
    { input: program('store_key.py') },
  );
  expect(stderr).not.toContain('Traceback');
  expect(JSON.parse(stdout)).toEqual({
    'write a file': 'done',
    'read it': 'done',
    'list the bucket': 'done',
    'delete it': 'done',
    'write a dump': 'done',
    'read a dump': REFUSED,
    'copy a dump': REFUSED,
    'delete a dump': 'done',
    'read from another bucket': REFUSED,
    'write to another bucket': REFUSED,
    'list another bucket': REFUSED,
    'make a bucket': REFUSED,
    'open the bucket': REFUSED,
    'read without a login': REFUSED,
    'read with a wrong key': REFUSED,
    ports: [8333],
  });
  expect(curl(root(), `mlflow/${DUMP}`)).toEqual({ code: '200', body: 'secret' });
});

test('neither a key nor its hash is in the pod as Kubernetes shows it, in its log or in an argument', () => {
  const shown = [
    namespace.kubectl('get', 'pod,statefulset,configmap', '--output', 'json'),
    namespace.kubectl('logs', `${STORE}-0`),
    namespace.kubectl('exec', `${STORE}-0`, '--', 'sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'),
  ].join('\n');
  expect(shown).toContain('-s3.config=');
  for (const secret of [...root(), ...own()]) {
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(createHash('sha256').update(secret).digest('hex'));
  }
});

test('the metrics of the store are there without a login', () => {
  const url = `http://${storePod()!.status.podIP}:9327/metrics`;
  expect(namespace.kubectl('exec', `${STORE}-0`, '--', 'curl', '-fsS', url)).toContain('SeaweedFS_');
});

test.each([
  ['is deleted', ['delete', 'pod', `${STORE}-0`]],
  ['is deleted without a word', ['delete', 'pod', `${STORE}-0`, '--force', '--grace-period=0']],
  ['loses its process', ['exec', `${STORE}-0`, '--', 'sh', '-c', 'kill -TERM 1']],
])('runs, models and files are all there after the pod %s', async (_, command) => {
  const before = colleague.showHistory();
  const containerOf = () => JSON.stringify(storePod()?.status.containerStatuses?.map((each) => each.restartCount));
  const life = () => `${storePod()?.metadata.uid} ${containerOf()}`;
  const old = life();
  const start = Date.now();
  namespace.kubectl(...command);
  await until('another pod or container', 200, () => storePod() !== undefined && life() !== old);
  await untilReady(200);
  process.stdout.write(`Ready again: ${((Date.now() - start) / 1000).toFixed(1)} s after the fault began\n`);
  expect(colleague.showHistory()).toEqual(before);
});

/** Starts a Job as a person does, and waits for its end. */
async function job(name: string, from: string, setting: string): Promise<void> {
  const at = `--namespace ${namespace.name}`;
  const command = `kubectl create job ${name} ${at} --from=cronjob/${from} --dry-run=client -o yaml |
    kubectl set env --local -f - ${setting} -o yaml | kubectl apply ${at} -f -`;
  expect(run('sh', ['-c', command])).toMatchObject({ status: 0 });
  const ended = await until(`the end of the Job ${name}`, 500, () => {
    const { conditions = [] } = namespace.json('get', 'job', name).status ?? {};
    return conditions.find(({ type, status }: any) => /^(Complete|Failed)$/.test(type) && status === 'True');
  });
  const log = namespace.try(['logs', `job/${name}`, '--tail=-1']).stdout;
  process.stdout.write(`${name}: ${ended.type}\n${log}\n`);
  expect(ended.type).toBe('Complete');
}

test('files that were deleted come back from a backup', async () => {
  const before = colleague.showHistory();
  await job('backup-1', 'mlflow-backup', 'ALLOW_EMPTY=yes');
  const list = curl(root(), 'mlflow?list-type=2&prefix=artifacts/').body;
  const lost = [...list.matchAll(/<Key>([^<]*weights\.bin)<\/Key>/g)].map(([, key]) => key);
  expect(lost.length).toBeGreaterThan(3);
  for (const key of lost) expect(curl(root(), `mlflow/${key}`, '-X', 'DELETE').code).toBe('204');
  expect(colleague.showHistory()).not.toEqual(before);
  await job('restore-1', 'mlflow-restore', 'OVERWRITE=yes');
  await untilReady(300);
  expect(colleague.showHistory()).toEqual(before);
});

test('a changed key takes effect in the store without a restart, and the old one is refused', async () => {
  const before = colleague.showHistory();
  const [old, pod] = [own(), storePod()!.metadata.uid];
  const stringData = { AWS_SECRET_ACCESS_KEY: randomBytes(16).toString('hex') };
  namespace.kubectl('patch', 'secret', `${STORE}-s3-secret`, '--patch', JSON.stringify({ stringData }));
  await until('the new key', 200, () => curl(own(), 'mlflow?list-type=2').code === '200');
  expect(curl(old, 'mlflow?list-type=2').code).toBe('403');
  expect(storePod()!.metadata.uid).toBe(pod);
  namespace.kubectl('rollout', 'restart', 'deployment/mlflow-server');
  namespace.kubectl('rollout', 'status', 'deployment/mlflow-server', '--timeout=300s');
  expect(colleague.showHistory()).toEqual(before);
});
