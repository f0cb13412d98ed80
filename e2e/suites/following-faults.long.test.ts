// Faults during a rollout: the deployer is killed at each step, the database is down, the YAML is applied.
// And the registry scripts of e2e/seed/, which move a stage and an alias.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'cdk8s';
import { RegisteredModel } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';
import { run, until } from '../lib/process';
import { ServingPlatform } from '../lib/serving-platform';

const CHURN = 'churn-prediction-model';
const options = { resources: little, startTimeout: Duration.seconds(300) };
const platform = new ServingPlatform('mlflow-e2e-faults', (mlflow, chart) => {
  const line = RegisteredModel.byAlias('line', 'champion');
  mlflow.addModelServing('line', { ...options, chart, model: line, replicas: 2 });
  const staged = RegisteredModel.byStage(CHURN, 'Production');
  mlflow.addModelServing('staged', { ...options, chart, model: staged, replicas: 1 });
  const champion = RegisteredModel.byAlias(CHURN, 'champion');
  mlflow.addModelServing('champion', { ...options, chart, model: champion, replicas: 1 });
});
const { namespace, models } = platform;
let lines: Lines;
let caller: Caller;

const whole = () => platform.pods('line').length === 2 && platform.pods('line').every(isReady);
const deployment = () => models.json('get', 'deployment', 'line-serving');
const state = () => JSON.parse(deployment().metadata.annotations['cdk8s-mlflow/deployer'] ?? '{}');
const version = () =>
  deployment().spec.template.spec.containers[0].env.find(({ name }: any) => name === 'MODEL_VERSION')?.value;
const killDeployer = () => {
  for (const { metadata } of platform.deployers()) {
    namespace.kubectl('delete', 'pod', metadata.name, '--grace-period=0', '--force', '--wait=false');
  }
};
const tag = (which: string, value: RegExp, seconds = 120) =>
  until(`version ${which} is tagged ${value}`, seconds, () =>
    value.test(lines.tags(which)[`deployment.${models.name}.line-serving`] ?? ''),
  );
const serves = async (which: string) => {
  await until(`version ${which} serves`, 180, () => {
    const { version: now, phase, tags } = state();
    return now === which && phase === 'serving' && !tags;
  });
  await until('the old pods are gone', 120, whole);
  expect(caller.predictions()).toEqual(lines.predictions[which]);
};
const databaseWith = async (replicas: number) => {
  const ready = () => namespace.json('get', 'statefulset', 'mlflow-postgres').status.availableReplicas ?? 0;
  namespace.kubectl('scale', 'statefulset/mlflow-postgres', `--replicas=${replicas}`);
  await until(`${replicas} databases`, 120, () => ready() === replicas);
};

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);
  lines.setAlias('champion', '1');
  await serves('1');
});

afterAll(() => {
  if (!process.env.E2E_KEEP) platform.remove();
});

describe('a deployer that is killed', () => {
  test.each([
    ['before it has seen the alias', () => true],
    ['while it sets the version', () => version() === '2'],
    ['while the new pods start', () => platform.pods('line').length > 2],
    ['when the pods are Ready, before the tag may be written', () => version() === '2' && state().phase === 'serving'],
  ])('%s completes the rollout after its restart', async (_, moment) => {
    const { failures } = await caller.load(async () => {
      lines.setAlias('champion', '2');
      await until('the moment', 120, moment);
      killDeployer();
      await serves('2');
      await tag('2', /^serving$/);
      await tag('1', /^replaced$/);
      lines.setAlias('champion', '1');
      await serves('1');
    });
    expect(failures).toEqual([]);
  });

  test('when a version has failed rolls it back, writes the reason as a tag, and does not retry it', async () => {
    const { failures, counts } = await caller.load(async () => {
      lines.setAlias('champion', '3');
      await until('the failure is known', 240, () => state().failed?.version === '3');
      killDeployer();
      await serves('1');
      await tag('3', /^failed: .*a table of the training host is not here/);
    });
    expect(failures).toEqual([]);
    expect(Object.keys(counts)).toHaveLength(1);
    const { generation } = deployment().metadata;
    killDeployer();
    await until('it polls again', 60, () => platform.deployers().length === 1 && platform.deployers().every(isReady));
    await until('three polls', 60, () => platform.deployerMetric('polls_total\\{outcome="ok"\\}') >= 3);
    expect(deployment().metadata.generation).toBe(generation);
    lines.setAlias('champion', '1');
  });
});

test('an apply of the YAML during a rollout reverts nothing', async () => {
  const { failures } = await caller.load(async () => {
    lines.setAlias('champion', '2');
    await until('the version is set', 60, () => version() === '2');
    platform.apply();
    await until('new pods come up', 60, () => platform.pods('line').length > 2);
    platform.apply();
    await serves('2');
    await tag('2', /^serving$/);
  });
  expect(failures).toEqual([]);
  expect(run('kubectl', ['diff', '--filename', platform.manifest])).toMatchObject({ status: 0, stdout: '' });
});

test('no prediction fails and the deployer does not restart if the database is down for a minute during a rollout', async () => {
  const before = platform.deployers().map(restarts);
  const { failures, counts } = await caller.load(async () => {
    lines.setAlias('champion', '1');
    await until('the version is set', 60, () => version() === '1');
    await databaseWith(0);
    const down = Date.now();
    await until('a minute is over', 90, () => Date.now() - down > 60_000);
    await databaseWith(1);
    await serves('1');
    await tag('1', /^serving$/);
    await tag('2', /^replaced$/);
  });
  process.stdout.write(`database down for a minute: ${JSON.stringify(counts)}\n`);
  expect(failures).toEqual([]);
  expect(platform.deployers().map(restarts)).toEqual(before);
});

describe('the scripts of e2e/seed/', () => {
  const script = (name: string) => {
    const text = readFileSync(join(__dirname, '..', 'seed', name), 'utf8');
    const { status, stderr } = lines.pod.python(text);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
  };
  /** Ten rows, always the same, and what MLflow's own client predicts for them with the model of the registry. */
  const rows = 'numpy.random.RandomState(7).randn(10, 20)';
  const computed = (what: string) => {
    const { stdout, stderr } = lines.pod.python(
      `import json, mlflow, numpy\nprint(json.dumps(mlflow.sklearn.load_model('models:/${CHURN}${what}').predict(${rows}).tolist()))`,
    );
    return JSON.parse(stdout.trim().split('\n').pop() || `"${stderr.slice(-500)}"`);
  };
  const answered = (serving: string) => {
    const ask = `import json, numpy, requests
answer = requests.post('http://${serving}-serving:8080/invocations', json={'inputs': ${rows}.tolist()}, timeout=30)
print(json.dumps(answer.json()['predictions']) if answer.ok else answer.text)`;
    const { status, stdout } = asker.python(ask);
    return status === 0 ? JSON.parse(stdout) : undefined;
  };
  let asker: ClientPod;

  beforeAll(() => {
    asker = ClientPod.start(models, 'asker');
  });

  test.each([
    ['model_registry_ops.py', 'staged', '/Production'],
    ['model_registry_aliases.py', 'champion', '@champion'],
  ])('train, then run %s: the serving predicts the same as the model of the registry', async (name, serving, what) => {
    if (serving === 'staged') script('train_with_mlflow.py');
    script(name);
    await until(`${serving} answers`, 180, () => answered(serving) !== undefined);
    expect(answered(serving)).toEqual(computed(what));
  });

  test('move a second version to the stage: it replaces the first, and its tag says so', async () => {
    script('train_with_mlflow.py');
    const admin = ClientPod.start(namespace, 'admin', throughTheProxy());
    const move = `import mlflow
mlflow.MlflowClient().transition_model_version_stage('${CHURN}', '2', 'Production', archive_existing_versions=True)`;
    expect(admin.python(move)).toMatchObject({ status: 0 });
    await until('version 2 is tagged', 180, () => {
      const tags = `import json, mlflow\nprint(json.dumps(mlflow.MlflowClient().get_model_version('${CHURN}', '2').tags))`;
      return JSON.parse(admin.python(tags).stdout)[`deployment.${models.name}.staged-serving`] === 'serving';
    });
    expect(answered('staged')).toEqual(computed('/Production'));
  });
});
