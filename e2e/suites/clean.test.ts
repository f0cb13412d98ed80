// The cluster keeps every field as it was applied, client-side or server-side, and a deleted platform gets its data back.
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
/** Quantities that Kubernetes would write differently: 1000m as 1, 2048Mi as 2Gi. */
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

/** The lines that `kubectl apply` prints for objects that it changes. */
function changes(...options: string[]): string[] {
  const said = namespace.kubectl('apply', ...options, ...file).split('\n');
  // It always reports a PodDisruptionBudget as changed, because it sends the selector each time.
  return said.filter((line) => line && !/ (unchanged|serverside-applied)$|^poddisruptionbudget/.test(line));
}

/** Exit code 0 without output: no difference and no warning. */
function diff(options: string[] = [], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = namespace.try(['diff', ...options, ...file], { env });
  return { status, said: stdout + stderr };
}
/** Ignores the annotation last-applied-configuration, which each kind of apply writes differently, and the generation. */
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

/** Objects and pods, without generations: a change of that annotation increases them too. */
function content(): Record<string, unknown> {
  const versions = Object.entries(platform.versions()).map(([id, version]) => [id, JSON.parse(version).slice(1)]);
  return { ...Object.fromEntries(versions), pods: platform.pods().map(({ metadata }) => metadata.uid) };
}

describe('after all rollouts have ended', () => {
  test('the autoscaler has set the number of servers, and every volume is bound', () => {
    expect(namespace.json('get', 'deployment', 'mlflow-server').spec.replicas).toBe(SERVERS);
    const claims = namespace.json<{ items: any[] }>('get', 'pvc').items;
    expect(claims.map(({ status }) => status.phase)).toEqual(['Bound', 'Bound']);
  });

  test('the cluster has every field exactly as the YAML has it', () => {
    expect(rewritten(platform)).toEqual([]);
  });

  test.each<[string, MlflowPlatformProps]>([
    ['the defaults', {}],
    ['other options', others],
  ])('a dry run would keep every field of a platform with %s', (_, props) => {
    const build = (chart: Chart) => void new MlflowPlatform(chart, 'other', props).server.addServiceUser('trainer');
    const other = new Platform(namespace, 'other', build, { shared: true }).synth();
    expect(rewritten(other, 'apply', '--server-side', '--dry-run=server')).toEqual([]);
  });

  test('kubectl diff is empty, client-side and server-side', () => {
    expect(diff()).toEqual(clean);
    expect(diff(['--server-side'], butForItsNote)).toEqual(clean);
  });

  test('a second apply changes nothing', () => {
    const before = platform.versions();
    expect(changes()).toEqual([]);
    expect(changed(before, platform.versions())).toEqual([]);
  });
});

describe('server-side apply', () => {
  test('takes over from client-side apply without a conflict and without a change', () => {
    const before = content();
    expect(changes('--server-side')).toEqual([]);
    expect(changed(before, content())).toEqual([]);
    expect(diff(['--server-side'])).toEqual(clean);
    expect(diff([], butForItsNote)).toEqual(clean);
  });

  test('changes nothing the second time', () => {
    const before = platform.versions();
    expect(changes('--server-side')).toEqual([]);
    expect(changed(before, platform.versions())).toEqual([]);
  });

  test('can be followed by client-side apply, without a conflict and without a change', () => {
    const before = content();
    platform.apply();
    expect(changed(before, content())).toEqual([]);
    expect(changes()).toEqual([]);
    expect(diff()).toEqual(clean);
    expect(unsettled(platform)).toEqual([]);
  });
});

test('a platform that is deleted without its volumes and Secrets, and applied again, has its runs and passwords', async () => {
  const admin = loginOf(namespace, 'mlflow-basic-auth');
  const run = await logRun(platform, admin, 'written before');
  const before = secrets();
  const removed = ['deployment,statefulset,job,hpa,ingress', '--selector', 'app.kubernetes.io/part-of=mlflow'];
  namespace.kubectl('delete', ...removed);
  // At once, while the old pods are still stopping.
  platform.apply();
  await untilSettled(platform, SERVERS, 500);
  expect(changed(before, secrets())).toEqual([]);
  await readRun(platform, admin, 'written before', run);
  expect(diff()).toEqual(clean);
});
