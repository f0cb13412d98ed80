// docs/how-to/move-between-stores.md: from MinIO to SeaweedFS while a client reads without a failed request.
import { createHash } from 'node:crypto';
import { Size } from 'cdk8s';
import { ArtifactMove, Images, MinioStore, MlflowPlatform, SeaweedStore } from '../../lib';
import { Colleague, Reader } from '../lib/colleague';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';

const namespace = new Namespace('mlflow-e2e-move');
const storage = Size.gibibytes(5);
const small = { resources: little, storage };
const options = (pauseArtifactWrites: boolean) => ({
  postgres: { resources: little, storage: Size.gibibytes(1) },
  server: { resources: little, proxyResources: little, replicas: 2, pauseArtifactWrites },
  pods: { jobResources: { cpu: little.cpu } },
});

/** The app of a step of the page. */
const step = (name: string, on: 'minio' | 'seaweedfs', paused: boolean, move?: string) =>
  new Platform(
    namespace,
    'mlflow',
    (chart) => {
      const seaweed = new SeaweedStore(chart, 'mlflow-seaweedfs', small);
      const isOld = on === 'minio';
      const platform = new MlflowPlatform(chart, 'mlflow', {
        ...options(paused),
        ...(isOld ? { minio: small } : { artifacts: seaweed }),
      });
      const other = isOld ? seaweed : new MinioStore(platform, 'minio', small);
      if (move) new ArtifactMove(chart, move, { server: platform.server, to: other, resources: { cpu: little.cpu } });
    },
    { file: `${namespace.name}-${name}` },
  );
const steps = {
  before: step('before', 'minio', false, 'mlflow-move'),
  paused: step('paused', 'minio', true, 'mlflow-move'),
  changed: step('changed', 'seaweedfs', true),
  after: step('after', 'seaweedfs', false, 'mlflow-back'),
};
let colleague: Colleague;
let reader: Reader;
let inMinio: Record<string, string>;

/** Applies a step, and waits until only its servers are left. */
async function apply(platform: Platform): Promise<void> {
  platform.synth().apply();
  namespace.kubectl('rollout', 'status', 'statefulset/mlflow-seaweedfs', '--timeout=300s');
  namespace.kubectl('rollout', 'status', 'deployment/mlflow-server', '--timeout=600s');
  await until(
    'the old servers to end',
    300,
    () => platform.servers().length === 2 && platform.servers().every(isReady),
  );
}

/** Starts a Job as the page does. Returns what it wrote. */
async function runJob(name: string, from: string, wanted = 'Complete'): Promise<string> {
  namespace.kubectl('create', 'job', name, `--from=cronjob/${from}`);
  const ended = await until(`the end of the Job ${name}`, 900, () => {
    const { conditions = [] } = namespace.json('get', 'job', name).status ?? {};
    return conditions.find(({ type, status }: any) => /^(Complete|Failed)$/.test(type) && status === 'True');
  });
  const log = namespace.try(['logs', `job/${name}`, '-c', 'artifact-move', '--tail=-1']).stdout;
  process.stdout.write(`${name}: ${ended.type}\n${log}\n`);
  expect(ended.type).toBe(wanted);
  return log;
}

/** {key: SHA-256} of all artifacts in the store that the servers use, read with their key. */
function stored(): Record<string, string> {
  const [server] = steps.before.servers().filter(isReady);
  const { stdout, stderr } = namespace.try(
    ['exec', '-i', server.metadata.name, '-c', 'mlflow', '--', 'python', '-', 'mlflow'],
    { input: program('stored_checksums.py') },
  );
  expect(stderr).not.toContain('Traceback');
  return JSON.parse(stdout);
}

/** Uploads as a client does that waits for nothing. Returns the status. */
function upload(path: string, content: string): string {
  const script = `import base64, os, sys, urllib.request, urllib.error
request = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow-artifacts/artifacts/" + sys.argv[1], sys.argv[2].encode(), method="PUT")
login = f'{os.environ["MLFLOW_TRACKING_USERNAME"]}:{os.environ["MLFLOW_TRACKING_PASSWORD"]}'
request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code, error.headers.get("Retry-After"))`;
  const { stdout, stderr } = namespace.try(['exec', '-i', 'colleague', '--', 'python', '-', path, content], {
    input: script,
  });
  return (stdout || stderr).trim();
}

beforeAll(async () => {
  namespace.remove();
  await apply(steps.before);
  await steps.before.untilReady(2, 500);
  colleague = Colleague.start(namespace, Images.MLFLOW);
  colleague.writeHistory();
  reader = await colleague.startReading();
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('the files are copied while clients read and write, and what they write meanwhile by the next Job', async () => {
  const first = await runJob('mlflow-move-1', 'mlflow-move');
  expect(first).toMatch(/Copied [1-9]\d* files/);
  expect(upload('0/late/file', 'late')).toBe('200');
  expect(await runJob('mlflow-move-2', 'mlflow-move')).toContain('Copied 1 files (4 bytes)');
});

test('with paused writes, uploads get 503 and the Job says that all files are there', async () => {
  await apply(steps.paused);
  expect(upload('0/late/refused', 'refused')).toBe('503 60');
  expect(await runJob('mlflow-move-3', 'mlflow-move')).toContain('Complete: all ');
  inMinio = stored();
  expect(Object.keys(inMinio).length).toBeGreaterThan(5);
  expect(inMinio['artifacts/0/late/file']).toBe(createHash('sha256').update('late').digest('hex'));
});

test('the servers read all models and files from the new store, and no read failed during the move', async () => {
  const before = colleague.showHistory();
  await apply(steps.changed);
  expect(stored()).toEqual(inMinio);
  await apply(steps.after);
  // With the old store stopped, nothing can come from it.
  namespace.kubectl('scale', 'statefulset/mlflow-minio', '--replicas=0');
  namespace.kubectl('wait', '--for=delete', 'pod/mlflow-minio-0', '--timeout=120s');
  expect(colleague.showHistory()).toEqual(before);
  expect(upload('0/late/after', 'after')).toBe('200');
  const { counts, failed } = await reader.stop();
  process.stdout.write(`reads: ${JSON.stringify(counts)}\n`);
  expect(failed).toEqual([]);
});

test('the way back copies only what was written since', async () => {
  namespace.kubectl('scale', 'statefulset/mlflow-minio', '--replicas=1');
  namespace.kubectl('rollout', 'status', 'statefulset/mlflow-minio', '--timeout=200s');
  expect(await runJob('mlflow-back-1', 'mlflow-back')).toContain('Copied 1 files (5 bytes)');
});
