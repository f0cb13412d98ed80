// What was applied stays as it was written, however it was applied; and what was removed finds its data again.
import { Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Authentication, Exposure, MlflowPlatform, MlflowPlatformProps, Tls } from '../../lib';
import { loginOf } from '../lib/client';
import { rewritten } from '../lib/literal';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { logRun, readRun } from '../lib/runs';
import { changed, unsettled, untilSettled } from '../lib/settled';

const SERVERS = 2;
const namespace = new Namespace('mlflow-e2e-clean');
/** Amounts that Kubernetes would write in another way: 1000m is 1, 2048Mi is 2Gi. */
const odd = {
  cpu: { request: Cpu.millis(20), limit: Cpu.millis(1000) },
  memory: { request: Size.mebibytes(128), limit: Size.mebibytes(2048) },
};
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const { server } = new MlflowPlatform(chart, 'mlflow', {
    exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromSecret('mlflow-tls') }),
    postgres: { resources: odd, storage: Size.mebibytes(1024) },
    minio: { resources: little, storage: Size.gibibytes(1) },
    server: { resources: odd, proxyResources: little, autoscaling: { minReplicas: SERVERS, maxReplicas: SERVERS } },
  });
  server.addServiceUser('trainer');
});
const others: MlflowPlatformProps = {
  authentication: Authentication.mlflow(),
  postgres: { tlsSecretName: 'database-tls', storageClassName: 'fast', resources: odd },
  minio: { replicas: 4, versioning: true, storage: Size.gibibytes(1.5) },
  server: { replicas: 2, spool: Size.mebibytes(2560), proxyResources: { cpu: { limit: Cpu.units(0.5) } } },
  pods: { nodeSelector: { disk: 'fast' }, tolerations: [{ operator: 'Exists' }], priorityClassName: 'high' },
};
const file = ['--filename', platform.manifest];

/** What `kubectl apply` says of each object that it does not find as it should be. */
function changes(...options: string[]): string[] {
  const said = namespace.kubectl('apply', ...options, ...file).split('\n');
  // Of a disruption budget it always says so: it sends the selector each time, whether it changed or not.
  return said.filter((line) => line && !/ (unchanged|serverside-applied)$|^poddisruptionbudget/.test(line));
}

/** Exit 0 and not a word: kubectl found no difference, and nothing to warn of. */
function diff(options: string[] = [], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = namespace.try(['diff', ...options, ...file], { env });
  return { status, said: stdout + stderr };
}
/** Leaves out kubectl's own note of what was applied last, which each kind of apply words in its way, and its count. */
const ignored = ['apiVersion', 'generation'].map((line) => `--ignore-matching-lines=${line}`);
const butForItsNote = { KUBECTL_EXTERNAL_DIFF: ['diff -u -N', ...ignored].join(' ') };
const clean = { status: 0, said: '' };

/** Names and contents of the platform's Secrets. */
function secrets(): Record<string, unknown> {
  const { items } = namespace.json<{ items: any[] }>('get', 'secrets');
  return Object.fromEntries(items.map(({ metadata, data }) => [metadata.name, data]));
}

beforeAll(async () => {
  namespace.remove();
  platform.synth().apply();
  await untilSettled(platform, SERVERS, 500);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

/** What there is, and the pods that run it: without generations, which count that note as well. */
function content(): Record<string, unknown> {
  const versions = Object.entries(platform.versions()).map(([id, version]) => [id, JSON.parse(version).slice(1)]);
  return { ...Object.fromEntries(versions), pods: platform.pods().map(({ metadata }) => metadata.uid) };
}

describe('once all is at rest', () => {
  test('the autoscaler has set the number of servers, and every volume is bound', () => {
    expect(namespace.json('get', 'deployment', 'mlflow-server').spec.replicas).toBe(SERVERS);
    const claims = namespace.json<{ items: any[] }>('get', 'pvc').items;
    expect(claims.map(({ status }) => status.phase)).toEqual(['Bound', 'Bound']);
  });

  test('every field stands in the cluster as it was written', () => {
    expect(rewritten(platform)).toEqual([]);
  });

  test.each<[string, MlflowPlatformProps]>([
    ['its defaults', {}],
    ['other options', others],
  ])('and would with %s', (_, props) => {
    const build = (chart: Chart) => void new MlflowPlatform(chart, 'other', props).server.addServiceUser('trainer');
    const other = new Platform(namespace, 'other', build, { shared: true }).synth();
    expect(rewritten(other, 'apply', '--server-side', '--dry-run=server')).toEqual([]);
  });

  test('kubectl diff finds nothing, client-side and server-side', () => {
    expect(diff()).toEqual(clean);
    expect(diff(['--server-side'], butForItsNote)).toEqual(clean);
  });

  test('applying again changes nothing', () => {
    const before = platform.versions();
    expect(changes()).toEqual([]);
    expect(changed(before, platform.versions())).toEqual([]);
  });
});

describe('server-side apply', () => {
  test('takes over from client-side apply without a conflict, and changes nothing', () => {
    const before = content();
    expect(changes('--server-side')).toEqual([]);
    expect(changed(before, content())).toEqual([]);
    expect(diff(['--server-side'])).toEqual(clean);
    expect(diff([], butForItsNote)).toEqual(clean);
  });

  test('applying again, server-side, changes nothing', () => {
    const before = platform.versions();
    expect(changes('--server-side')).toEqual([]);
    expect(changed(before, platform.versions())).toEqual([]);
  });

  test('gives back to client-side apply as quietly', () => {
    const before = content();
    platform.apply();
    expect(changed(before, content())).toEqual([]);
    expect(changes()).toEqual([]);
    expect(diff()).toEqual(clean);
    expect(unsettled(platform)).toEqual([]);
  });
});

test('removed but for volumes and Secrets, and applied again, it has the old runs and the old passwords', async () => {
  const admin = loginOf(namespace, 'mlflow-basic-auth');
  const run = await logRun(platform, admin, 'written before');
  const before = secrets();
  const removed = ['deployment,statefulset,job,hpa,ingress', '--selector', 'app.kubernetes.io/part-of=mlflow'];
  namespace.kubectl('delete', ...removed);
  // At once, while the old pods still stop.
  platform.apply();
  await untilSettled(platform, SERVERS, 500);
  expect(changed(before, secrets())).toEqual([]);
  await readRun(platform, admin, 'written before', run);
  expect(diff()).toEqual(clean);
});
