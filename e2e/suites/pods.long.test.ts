// What a user adds to pods and objects: containers, volumes, arguments, files, shared memory, an autoscaler, labels.
import { Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  ExtraVolume,
  Images,
  MlflowPlatform,
  MountedFiles,
  PolicySelection,
  RegisteredModel,
  ScalingMetric,
  SecretValue,
} from '../../lib';
import { basic, loginOf } from '../lib/client';
import { ClientPod } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';
import { until } from '../lib/process';

const namespace = new Namespace('mlflow-e2e-pods');
const resources = {
  cpu: { request: Cpu.millis(10), limit: Cpu.millis(500) },
  memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
};
/** Answers on port 9801, and writes into the shared volume before it does. */
const WATCHER = `
require('fs').writeFileSync('/shared/watcher', 'started');
process.on('SIGTERM', () => process.exit(0));
require('http').createServer((request, answer) => answer.end('watching')).listen(9801);`;

const platform = new Platform(namespace, 'mlflow', (chart: Chart) => {
  const mlflow = new MlflowPlatform(chart, 'mlflow', {
    labels: { 'cost-center': '4711' },
    annotations: { 'example.com/contact': 'ml' },
    pods: { jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } },
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(1) },
    server: {
      resources: little,
      proxyResources: little,
      autoscaling: {
        minReplicas: 1,
        maxReplicas: 2,
        targetCpuPercent: 400,
        targetMemoryPercent: 2000,
        metrics: [
          ScalingMetric.perPod({ name: 'requests_per_second', averageValue: 0.5 }),
          ScalingMetric.external({ name: 'queue_messages', value: 30, selector: { queue: 'churn' } }),
        ],
        scaleUp: { policies: [{ percent: 100, period: Duration.minutes(1) }] },
        scaleDown: { stabilizationWindow: Duration.minutes(10), selectPolicy: PolicySelection.MIN },
      },
      extraArguments: ['--x-frame-options', 'DENY'],
      volumes: [ExtraVolume.scratch('/shared', Size.mebibytes(64))],
      sidecars: [
        {
          name: 'watcher',
          image: Images.NODE,
          command: ['node', '-e', WATCHER],
          resources,
          secretEnvironment: { WATCHED: SecretValue.fromSecret('llm', 'key') },
          ports: [{ name: 'watcher', port: 9801, clients: [{ podLabels: { app: 'watched' } }] }],
          startupProbe: { port: 9801, period: Duration.seconds(1), failures: 60 },
          livenessProbe: { port: 9801, path: '/' },
        },
      ],
      secretEnvironment: { OPENAI_API_KEY: SecretValue.fromSecret('llm', 'key') },
      files: [MountedFiles.fromConfigMap('prompts', '/etc/prompts')],
    },
  });
  mlflow.addModelServing('line', {
    model: RegisteredModel.byVersion('line', '1'),
    resources: little,
    replicas: 1,
    sharedMemory: Size.mebibytes(256),
    volumes: [ExtraVolume.scratch('/dictionary', Size.mebibytes(64))],
    initContainers: [
      {
        name: 'get-dictionary',
        image: Images.NODE,
        command: ['node', '-e', "require('fs').writeFileSync('/dictionary/words', 'one two')"],
        resources,
      },
    ],
  });
});

let lines: Lines;
const inServer = (container: string, ...command: string[]) =>
  namespace.kubectl('exec', platform.servers()[0].metadata.name, '-c', container, '--', ...command);
const servings = () => platform.pods('app=line-serving');

beforeAll(async () => {
  namespace.remove();
  platform.synth().apply();
  namespace.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'llm' }, stringData: { key: 'letmein' } });
  namespace.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prompts' }, data: { greet: 'Hello' } });
  await platform.untilReady(1, 400);
  lines = Lines.start(namespace);
  lines.train();
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

describe('a tracking server', () => {
  test('has a sidecar that started before MLflow, with its variable and without a restart', () => {
    expect(platform.servers().map(restarts)).toEqual([0]);
    expect(inServer('watcher', 'node', '-p', 'process.env.WATCHED').trim()).toBe('letmein');
    expect(inServer('mlflow', 'cat', '/shared/watcher')).toBe('started');
  });

  test('has the port of its sidecar open for its clients only', () => {
    const address = platform.servers()[0].status.podIP!;
    const text = 'import socket, sys; socket.create_connection((sys.argv[1], 9801), 5)';
    const connect = (name: string, labels: Record<string, string>) =>
      ClientPod.start(namespace, name, { labels }).python(text, [address]).status;
    expect(connect('watched', { app: 'watched' })).toBe(0);
    expect(connect('stranger', { app: 'stranger' })).toBe(1);
  });

  test('has the secrets as files and the files of a ConfigMap', () => {
    expect(inServer('mlflow', 'cat', '/run/secrets/mlflow/OPENAI_API_KEY')).toBe('letmein');
    expect(inServer('mlflow', 'cat', '/etc/prompts/greet')).toBe('Hello');
  });

  test('runs with further arguments of mlflow server', async () => {
    const forward = await namespace.forward('service/mlflow-server', 5000);
    try {
      const login = loginOf(namespace, 'mlflow-basic-auth');
      const answer = await fetch(`http://127.0.0.1:${forward.port}/`, { headers: basic(login) });
      expect([answer.status, answer.headers.get('x-frame-options')]).toEqual([200, 'DENY']);
    } finally {
      forward.stop();
    }
  });

  test('stops within seconds, its sidecar after MLflow', async () => {
    const [{ metadata }] = platform.servers();
    namespace.kubectl('delete', 'pod', metadata.name, '--wait=false');
    const start = Date.now();
    await until('the pod is gone', 60, () => platform.servers().every((pod) => pod.metadata.name !== metadata.name));
    process.stdout.write(`A server with a sidecar stopped within ${Math.round((Date.now() - start) / 1000)} s.\n`);
    await platform.untilReady(1, 120);
  });
});

describe('the objects', () => {
  test('have the labels and annotations, and an apply of the same YAML changes none', () => {
    const { items } = namespace.json<{ items: any[] }>('get', '--filename', platform.manifest);
    const ours = items.filter(({ kind }) => kind !== 'Namespace');
    const lacking = ours.filter(
      ({ metadata }) =>
        metadata.labels?.['cost-center'] !== '4711' || metadata.annotations?.['example.com/contact'] !== 'ml',
    );
    expect(lacking.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([]);
    const before = platform.versions();
    platform.apply();
    expect(platform.versions()).toEqual(before);
  });

  test('include an autoscaler with all metrics and the behavior', () => {
    const { spec } = namespace.json('get', 'hpa', 'mlflow-server-hpa');
    expect(spec.metrics.map(({ type }: any) => type).sort()).toEqual(['External', 'Pods', 'Resource', 'Resource']);
    expect(spec.behavior.scaleDown).toMatchObject({ stabilizationWindowSeconds: 600, selectPolicy: 'Min' });
    expect(spec.behavior.scaleUp.policies).toEqual([{ type: 'Percent', value: 100, periodSeconds: 60 }]);
  });

  test('include a migration whose pod the cluster autoscaler does not evict', () => {
    const selector = 'app.kubernetes.io/component=migration';
    const { items } = namespace.json<{ items: any[] }>('get', 'jobs', '--selector', selector);
    expect(
      items.map(({ spec }) => spec.template.metadata.annotations['cluster-autoscaler.kubernetes.io/safe-to-evict']),
    ).toEqual(['false']);
  });
});

test('a serving has what its init container wrote, and shared memory of the given size', async () => {
  await until('line is Ready', 300, () => servings().some(isReady));
  const [{ metadata }] = servings().filter(isReady);
  const python = (text: string) =>
    namespace.kubectl('exec', metadata.name, '-c', 'model-server', '--', 'python', '-c', text).trim();
  expect(python("print(open('/dictionary/words').read())")).toBe('one two');
  expect(python("import os; s = os.statvfs('/dev/shm'); print(s.f_blocks * s.f_frsize)")).toBe(String(256 * 2 ** 20));
  expect(python("open('/dev/shm/a', 'w').write('a'); print('written')")).toBe('written');
  const caller = new Caller(ClientPod.start(namespace, 'caller'), 'http://line-serving:8080/invocations', lines);
  expect(caller.predictions()).toEqual(lines.predictions['1']);
});
