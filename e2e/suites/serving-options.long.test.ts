// Options of a serving: packages of an index, an image of your own, an Ingress, Prometheus. The platform has MLflow's own
// login, under which the deployer and the servings are users with few permissions.
import { request } from 'node:http';
import { Chart, Duration } from 'cdk8s';
import { Authentication, MetricsMonitor, Exposure, RegisteredModel, ServingRuntime } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { Namespace } from '../lib/namespace';
import { plainHttp } from '../lib/plain-http';
import { little } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { Prometheus } from '../lib/prometheus';
import { ServingPlatform } from '../lib/serving-platform';
import { Traefik } from '../lib/traefik';
import { OLD } from '../lib/upgrade';

const HOST = 'line.example.com';
const INDEX = 'http://index.mlflow-e2e-options.svc:8080/simple';
const mlflowNamespace = 'mlflow-e2e-options';
const traefik = new Traefik();
const prometheus = new Prometheus();
const options = { resources: little, proxyResources: little, startTimeout: Duration.seconds(300), replicas: 1 };
const platform = new ServingPlatform(
  mlflowNamespace,
  (mlflow, chart) => {
    const line = mlflow.addModelServing('line', {
      ...options,
      chart,
      model: RegisteredModel.byAlias('line', 'champion'),
      exposure: Exposure.ingress({ host: HOST, className: traefik.className }),
    });
    const toIndex = { peer: { namespaceLabels: { 'kubernetes.io/metadata.name': mlflowNamespace } }, port: 8080 };
    mlflow.addModelServing('packed', {
      ...options,
      chart,
      model: RegisteredModel.byVersion('packed', '1'),
      runtime: ServingRuntime.withRequirements({ indexUrl: INDEX, egress: [toIndex] }),
    });
    mlflow.addModelServing('own', {
      ...options,
      chart,
      model: RegisteredModel.byVersion('line', '1'),
      runtime: ServingRuntime.image(OLD),
    });
    const labels = { release: 'mlflow-e2e' };
    new MetricsMonitor(chart, 'line-monitor', { target: line, interval: Duration.seconds(5), labels });
    const { deployer } = mlflow;
    new MetricsMonitor(Chart.of(mlflow), 'deployer-monitor', {
      target: deployer,
      interval: Duration.seconds(5),
      labels,
    });
  },
  { authentication: Authentication.mlflow() },
);

const { namespace, models } = platform;
let lines: Lines;
let caller: ClientPod;

const ready = (serving: string) => platform.pods(serving).filter(isReady);
const called = (serving: string) => new Caller(caller, `http://${serving}-serving:8080/invocations`, lines);

beforeAll(async () => {
  platform.remove();
  prometheus.start();
  platform.apply();
  traefik.start();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace, 'mlflow-server-admin');
  lines.train();
  caller = ClientPod.start(models, 'caller');
});

afterAll(() => {
  for (const each of [traefik, prometheus]) each.leave();
  if (process.env.E2E_KEEP) return;
  for (const each of [traefik, prometheus, platform]) each.remove();
});

describe('under MLflow’s own login', () => {
  const tags = (version: string) => lines.tags(version)[`deployment.${models.name}.line-serving`] ?? '';

  test('the deployer follows an alias and may write its tag', async () => {
    lines.setAlias('champion', '1');
    await until('version 1 answers', 200, () => called('line').predictions() !== undefined);
    expect(called('line').predictions()).toEqual(lines.predictions['1']);
    await until('version 1 is tagged', 60, () => tags('1') === 'serving');
  });

  test('a pod that cannot serve a version may write the reason as a tag', async () => {
    lines.setAlias('champion', '3');
    await until('version 3 is tagged', 240, () => tags('3') !== '');
    expect(tags('3')).toMatch(/^failed: .*a table of the training host is not here/);
    expect(called('line').predictions()).toEqual(lines.predictions['1']);
    lines.setAlias('champion', '1');
  });

  test('a serving may change its own model and no other', async () => {
    const { metadata } = ready('line')[0];
    const write = (model: string) =>
      `import sys; sys.path.insert(0, '/opt/cdk8s-mlflow')
import secret_files; secret_files.load()
import mlflow; mlflow.MlflowClient().set_registered_model_tag('${model}', 'by', 'serving')`;
    const inPod = (text: string) =>
      models.try(['exec', '--stdin', metadata.name, '-c', 'model-server', '--', 'python', '-'], { input: text });
    lines.pod.python("import mlflow; mlflow.MlflowClient().create_registered_model('foreign')");
    expect(inPod(write('line'))).toMatchObject({ status: 0 });
    expect(inPod(write('foreign'))).toMatchObject({ status: 1, stderr: expect.stringContaining('Permission denied') });
  });
});

describe('the Ingress of a serving', () => {
  let port: number;
  const post = (login?: { username: string; password: string }) =>
    new Promise<string>((resolve, reject) => {
      const auth = login && `${login.username}:${login.password}`;
      const headers = { host: HOST, 'content-type': 'application/json' };
      const asked = request({ port, auth, headers, method: 'POST', path: '/invocations' }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => (text += chunk));
        answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
      });
      asked.once('error', reject);
      asked.end(lines.question);
    });

  beforeAll(async () => {
    port = (await traefik.forward()).http;
    await until('Traefik has the route', 60, async () => (await plainHttp(port, HOST, '/ping')).status !== 404);
  });

  test('asks for a login, and accepts the users of the tracking server', async () => {
    const username = namespace.secret('mlflow-server-admin', 'username');
    const password = namespace.secret('mlflow-server-admin', 'password');
    expect(await post()).toMatch(/^401 /);
    expect(await post({ username, password: 'wrong' })).toMatch(/^401 /);
    expect(called('line').predictions(await post({ username, password }))).toEqual(lines.predictions['1']);
  });
});

describe('image, packages and network', () => {
  test('an image of your own serves a model, and logs the packages that have other versions', async () => {
    await until('own is Ready', 200, () => ready('own').length === 1);
    expect(called('own').predictions()).toEqual(lines.predictions['1']);
    expect(models.kubectl('logs', ready('own')[0].metadata.name, '-c', 'download-model')).toContain(
      'Packages of another version than it was logged with: mlflow==',
    );
  });

  test('a serving installs the packages of its model from the index, if it is told to', async () => {
    const index = ClientPod.start(namespace, 'index', { labels: { app: 'index' } });
    namespace.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'index' },
      spec: { selector: { app: 'index' }, ports: [{ port: 8080 }] },
    });
    index.background(program('package_index.py'), ['8080']);
    const { status, stderr } = lines.pod.python(program('train_packed.py'));
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    await until('packed is Ready', 300, () => ready('packed').length === 1);
    const [{ metadata }] = ready('packed');
    const log = models.kubectl('logs', metadata.name, '-c', 'download-model');
    expect(log).toMatch(/Its requirements were installed in [\d.]+ s/);
    process.stdout.write(log);
    expect(called('packed').predictions()).toEqual([50, -17.5]);
  });

  test('a serving without an index reaches the registry and no other pod', () => {
    const connect = (serving: string, address: string, port: number) => {
      const text = `import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)`;
      const exec = ['exec', ready(serving)[0].metadata.name, '-c', 'model-server', '--', 'python', '-c', text];
      return models.try([...exec, address, String(port)]).status;
    };
    const addressOf = (space: Namespace, name: string) => space.json('get', 'pod', name).status.podIP;
    const index = addressOf(namespace, 'index');
    const server = namespace.json<{ items: any[] }>('get', 'pods', '--selector', 'app=mlflow-server').items[0].status;
    expect(connect('packed', index, 8080)).toBe(0);
    expect(connect('line', server.podIP, 8080)).toBe(0);
    for (const serving of ['line', 'own']) expect([serving, connect(serving, index, 8080)]).toEqual([serving, 1]);
    expect(connect('line', addressOf(namespace, 'mlflow-postgres-0'), 5432)).toBe(1);
    expect(connect('line', addressOf(namespace, 'mlflow-minio-0'), 9000)).toBe(1);
  });
});

test('Prometheus scrapes the serving and the deployer, and has their metrics', async () => {
  await prometheus.untilReady();
  const value = async (query: string) => (await prometheus.query(query))[0]?.value ?? 0;
  const asked = `sum(mlflow_serving_requests_total{namespace="${models.name}", path="/invocations", status="200"})`;
  await until('predictions are counted', 120, async () => (await value(asked)) > 0);
  const polls = `sum(mlflow_deployer_polls_total{namespace="${namespace.name}", outcome="ok"})`;
  await until('polls are counted', 120, async () => (await value(polls)) > 0);
  const failed = `sum(mlflow_deployer_rollouts_total{namespace="${namespace.name}", outcome="failed"})`;
  expect(await value(failed)).toBe(1);
  const targets = (await prometheus.targets()).filter(({ labels }) => labels.namespace.startsWith(namespace.name));
  expect(targets.map(({ labels, health }) => [labels.job, health]).sort()).toEqual([
    ['line-serving-metrics', 'up'],
    ['mlflow-deployer-metrics', 'up'],
  ]);
});
