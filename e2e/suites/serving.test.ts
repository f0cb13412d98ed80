// Registered models answer on HTTP in a namespace of their own. The version is set by hand here, as the deployer does it.
import { Duration } from 'cdk8s';
import { Exposure, ModelServing, ModelServingOptions, RegisteredModel, TrackingEndpoint } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';
import { until } from '../lib/process';
import { ServingPlatform } from '../lib/serving-platform';

const options: Partial<ModelServingOptions> = {
  resources: little,
  proxyResources: little,
  startTimeout: Duration.seconds(300),
};
const platform = new ServingPlatform('mlflow-e2e-serving', (mlflow, models) => {
  mlflow.addModelServing('fixed', {
    ...options,
    chart: models,
    model: RegisteredModel.byVersion('line', '1'),
    replicas: 1,
  });
  // Not with addModelServing, because no deployer may follow it.
  new ModelServing(models, 'line', {
    ...options,
    tracking: TrackingEndpoint.fromServer(mlflow.server),
    model: RegisteredModel.byAlias('line', 'champion'),
    exposure: Exposure.ingress({ host: 'line.example.com' }),
    replicas: 2,
  });
});
const { namespace, models } = platform;
const TAG = 'deployment.mlflow-e2e-serving-models.line-serving.error';

let lines: Lines;
let caller: Caller;
let fixed: Caller;

const log = (...args: string[]) => models.kubectl('logs', ...args);
const ready = (serving: string) => platform.pods(serving).filter(isReady);

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  const pod = ClientPod.start(models, 'caller');
  caller = new Caller(pod, 'http://line-serving:8080/invocations', lines);
  fixed = new Caller(pod, 'http://fixed-serving:8080/invocations', lines);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) platform.remove();
});

describe('a serving without its model version', () => {
  test('waits for it, logs one line that says so, and does not restart', async () => {
    const waits: [string, string][] = [
      ['line', "No version yet: waiting for the alias 'champion' of 'line', which the deployer sets here."],
      ['fixed', "The registry has no version 1 of 'line' yet: waiting for it."],
    ];
    for (const [serving, line] of waits) {
      // If the registry does not answer yet, another line precedes it.
      const told = await until(`${serving} says what it waits for`, 300, () => {
        const pod = platform.pods(serving)[0];
        const said = pod && models.try(['logs', pod.metadata.name, '-c', 'download-model']).stdout.trim().split('\n');
        return said?.includes(line) && said;
      });
      expect(told.filter((each) => each === line)).toEqual([line]);
      expect(platform.pods(serving).map(restarts)).toEqual(platform.pods(serving).map(() => 0));
    }
  });
});

describe('a model version', () => {
  test('is served as soon as it is registered, and predicts what the training process computed', async () => {
    lines.train();
    const registered = Date.now();
    await until('fixed is Ready', 300, () => ready('fixed').length === 1);
    process.stdout.write(`registered to Ready: ${((Date.now() - registered) / 1000).toFixed(1)} s\n`);
    expect(fixed.predictions()).toEqual(lines.predictions['1']);
    const pod = `pod/${ready('fixed')[0].metadata.name}`;
    process.stdout.write(`${log(pod, '-c', 'download-model')}${log(pod, '-c', 'model-server')}`);
  });

  test('that the deployer sets is served, and a second apply of the YAML does not revert it', async () => {
    await platform.setVersion('line', '1');
    await until('line is Ready', 300, () => ready('line').length === 2 && platform.pods('line').length === 2);
    platform.apply();
    const { metadata, spec } = models.json('get', 'deployment', 'line-serving');
    expect(metadata.labels['model-version']).toBe('1');
    expect(spec.template.metadata.labels['model-version']).toBe('1');
    expect(caller.predictions()).toEqual(lines.predictions['1']);
  });

  test('is replaced by the next version without a failed request', async () => {
    const { counts, failures } = await caller.load(async () => {
      await platform.setVersion('line', '2');
      models.kubectl('rollout', 'status', 'deployment/line-serving', '--timeout=300s');
      await until('the old pods are gone', 120, () => platform.pods('line').length === 2);
    });
    process.stdout.write(`requests during the rollout: ${JSON.stringify(counts)}\n`);
    expect(failures).toEqual([]);
    const answers = Object.keys(counts).map((answer) => JSON.parse(answer).predictions);
    expect(answers).toEqual(expect.arrayContaining([lines.predictions['1'], lines.predictions['2']]));
    expect(caller.predictions()).toEqual(lines.predictions['2']);
  });

  test.each([
    ['that loads but cannot predict', '3', /cannot predict.*a table of the training host is not here/],
    ['that requires a missing package', '4', /requires not-a-package-of-this-image==1.0/],
  ])('%s never gets a request, and its tag says why', async (_which, version, reason) => {
    const { counts, failures } = await caller.load(async () => {
      await platform.setVersion('line', version);
      const said = await until('the registry has the reason', 200, () => lines.tags(version)[TAG]);
      expect(said).toMatch(reason);
    });
    expect(failures).toEqual([]);
    expect(Object.keys(counts).map((answer) => JSON.parse(answer).predictions)).toEqual([lines.predictions['2']]);
    expect(ready('line').length).toBe(2);
    await platform.setVersion('line', '2');
    await until('line is as it was', 120, () => platform.pods('line').length === 2 && ready('line').length === 2);
  });

  test('loses no request when a pod is deleted', async () => {
    const { failures } = await caller.load(async () => {
      const [pod] = ready('line');
      models.kubectl('delete', 'pod', pod.metadata.name, '--wait=true', '--timeout=120s');
      await until('all pods of line are Ready again', 200, () => ready('line').length === 2);
    });
    expect(failures).toEqual([]);
  });
});

describe('access to a serving', () => {
  const url = 'http://line-serving.mlflow-e2e-serving-models:8080/invocations';
  const login = 'http://line-serving.mlflow-e2e-serving-models:8081/invocations';

  test('a pod of another namespace cannot reach the port without a login', () => {
    expect(caller.post(lines.pod, url)).toMatch(/^unreachable/);
    expect(caller.post(lines.pod, url.replace('8080/invocations', '9090/metrics'))).toMatch(/^unreachable/);
  });

  test('a pod of another namespace gets predictions with a login of the tracking server', () => {
    expect(caller.post(lines.pod, login)).toMatch(/^401 /);
    expect(caller.post(lines.pod, login, 'admin', 'wrong')).toMatch(/^401 /);
    const password = namespace.secret('mlflow-basic-auth', 'password');
    expect(caller.predictions(caller.post(lines.pod, login, 'admin', password))).toEqual(lines.predictions['2']);
  });
});

test('a serving reads the registry as its own service user', () => {
  const user = models.secret('line-serving-login', 'username');
  expect(user).toBe('line-serving-mlflow-e2e-serving-models');
  const accesses = namespace.kubectl('logs', 'deployment/mlflow-server', '-c', 'nginx', '--tail', '-1').split('\n');
  const users = accesses.filter((line) => line.includes('/model-versions/get')).map((line) => JSON.parse(line).user);
  expect(users).toEqual(expect.arrayContaining([user, 'fixed-serving-mlflow-e2e-serving-models']));
});

test('a serving has metrics of requests, latency and model version on their own port', async () => {
  // A pod that was just replaced has answered nothing yet, so the requests of all pods are added.
  let answered = 0;
  for (const pod of ready('line')) {
    const metrics = await models.forward(`pod/${pod.metadata.name}`, 9090);
    try {
      const text = await (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();
      answered += Number(
        /^mlflow_serving_requests_total\{path="\/invocations",status="200"\} (.+)$/m.exec(text)?.[1] ?? 0,
      );
      const memory = Number(/^process_resident_memory_bytes (.+)$/m.exec(text)![1]) / 1024 / 1024;
      process.stdout.write(`memory of a scoring server: ${memory.toFixed(0)} MiB\n`);
      expect(text).toContain('mlflow_serving_request_duration_seconds_bucket');
      expect(text).toContain('mlflow_serving_model_info{model="line",version="2"} 1.0');
    } finally {
      metrics.stop();
    }
  }
  expect(answered).toBeGreaterThan(0);
});
