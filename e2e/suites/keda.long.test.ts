// docs/how-to/scaling.md#with-keda, with the real KEDA: a time starts the first pod of a serving, a query of Prometheus
// adds one under load, and after the end of the time no pod is left. Needs the metrics API.
import { Chart, Duration } from 'cdk8s';
import { KedaScaler, MetricsMonitor, MlflowPlatform, RegisteredModel, ScalingTrigger } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { Keda } from '../lib/keda';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { isReady } from '../lib/pods';
import { run, until } from '../lib/process';
import { Prometheus } from '../lib/prometheus';
import { ServingPlatform } from '../lib/serving-platform';

const NAME = 'mlflow-e2e-keda';
const COOLDOWN = Duration.seconds(20);
const TAG = `deployment.${NAME}-models.line-serving`;

/** Minutes of today, in UTC: the time of the cron trigger. */
let times = { start: 0, end: 0 };
const cron = (minute: number) => `${minute % 60} ${Math.floor(minute / 60) % 24} * * *`;

function build(mlflow: MlflowPlatform, models: Chart): void {
  const target = mlflow.addModelServing('line', {
    chart: models,
    model: RegisteredModel.byAlias('line', 'champion'),
    resources: little,
    proxyResources: little,
    startTimeout: Duration.seconds(300),
    autoscaling: {
      ...{ byKeda: true, minReplicas: 0, maxReplicas: 2 },
      // The CPU must not decide: on a busy node it would add pods.
      targetCpuPercent: 10_000,
      // By default the autoscaler waits five minutes before it scales in.
      scaleDown: { stabilizationWindow: Duration.seconds(10) },
    },
  });
  new MetricsMonitor(models, 'line-monitor', {
    target,
    interval: Duration.seconds(5),
    labels: { release: 'mlflow-e2e' },
  });
  new KedaScaler(models, 'line-scaler', {
    target,
    pollingInterval: Duration.seconds(5),
    cooldown: COOLDOWN,
    triggers: [
      ScalingTrigger.cron({ timeZone: 'Etc/UTC', start: cron(times.start), end: cron(times.end), replicas: 1 }),
      ScalingTrigger.prometheus({
        serverAddress: 'http://prometheus-operated.monitoring.svc:9090',
        query: `sum(rate(mlflow_serving_requests_total{namespace="${NAME}-models"}[30s]))`,
        threshold: 5,
      }),
    ],
  });
}

const platform = new ServingPlatform(NAME, build);
const { namespace, models } = platform;
const keda = new Keda();
const prometheus = new Prometheus();
let lines: Lines;
let caller: Caller;

/** Begins at the next full minute that is at least ten seconds away, for so many minutes. */
function open(minutes: number): void {
  const now = new Date();
  const start = now.getUTCHours() * 60 + now.getUTCMinutes() + (now.getUTCSeconds() < 50 ? 1 : 2);
  times = { start, end: start + minutes };
  platform.apply();
}

/** Conditions and triggers, for the error of a test that timed out. */
function scaler(): string {
  const { status } = models.json('get', 'scaledobject', 'line-scaler');
  const hpa = models.try(['get', 'hpa', 'keda-hpa-line-scaler', '--output', 'json']);
  return `${JSON.stringify(status)} ${hpa.status === 0 ? JSON.stringify(JSON.parse(hpa.stdout).status) : hpa.stderr}`;
}

async function untilPods(count: number, seconds: number): Promise<number> {
  const start = Date.now();
  try {
    await until(`${count} pods`, seconds, () => platform.pods('line').length === count);
  } catch (error) {
    throw new Error(`${(error as Error).message}; KEDA: ${scaler()}`);
  }
  return (Date.now() - start) / 1000;
}

beforeAll(async () => {
  const metrics = namespace.try(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']);
  if (metrics.status !== 0) throw new Error('this cluster has no metrics API; expected one. Install metrics-server');
  platform.remove();
  await keda.start();
  prometheus.start();
  // Until the tests open it, a time of tomorrow.
  const now = new Date();
  const yesterday = (now.getUTCHours() * 60 + now.getUTCMinutes() + 22 * 60) % 1440;
  times = { start: yesterday, end: (yesterday + 1) % 1440 };
  platform.apply();
  await prometheus.untilReady();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);
});

afterAll(() => {
  prometheus.leave();
  if (process.env.E2E_KEEP) return;
  platform.remove();
  prometheus.remove();
  keda.remove();
});

test('outside the time no pod runs, and a request is refused', async () => {
  await untilPods(0, 180);
  expect(caller.post()).toMatch(/^unreachable/);
});

test('the deployer blames no version for a serving without pods', async () => {
  lines.setAlias('champion', '1');
  const deployment = () => models.json('get', 'deployment', 'line-serving');
  await until('the version is set', 60, () => deployment().metadata.labels['model-version'] === '1');
  expect(lines.tags('1')[TAG] ?? '').not.toMatch(/^failed/);
});

test('the time starts a pod, which serves the version of the alias', async () => {
  open(6);
  process.stdout.write(`0 to 1 pod, with the wait for the minute: ${(await untilPods(1, 120)).toFixed(0)} s\n`);
  await until('it answers', 200, () => caller.predictions() !== undefined);
  expect(caller.predictions()).toEqual(lines.predictions['1']);
  await until('the deployer tags it', 120, () => /^serving$/.test(lines.tags('1')[TAG] ?? ''));
});

test('load adds a pod by the query of Prometheus, no request fails, and without load the pod is removed', async () => {
  const { counts, failures } = await caller.load(async () => {
    process.stdout.write(`1 to 2 pods: ${(await untilPods(2, 180)).toFixed(0)} s\n`);
    await until('both are Ready', 120, () => platform.pods('line').filter(isReady).length === 2);
  });
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  expect(failures).toEqual([]);
  process.stdout.write(`2 pods to 1: ${(await untilPods(1, 180)).toFixed(0)} s\n`);
});

test('kubectl diff shows nothing, also of the number of pods', () => {
  const { status, stdout } = run('kubectl', ['diff', '--filename', platform.manifest]);
  expect([status, stdout]).toEqual([0, '']);
});

test('after the time the last pod is removed', async () => {
  process.stdout.write(`1 pod to 0, with the rest of the time: ${(await untilPods(0, 480)).toFixed(0)} s\n`);
});
