// How long a poll of the deployer takes, and how much memory it needs, with 50 servings and 200 registered models.
import { Duration } from 'cdk8s';
import { RegisteredModel } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { memoryOf } from '../lib/memory';
import { little } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';
import { until } from '../lib/process';
import { ServingPlatform } from '../lib/serving-platform';

const SERVINGS = 50;
const MODELS = 200;
const MIB = 1024 * 1024;
const name = (i: number) => (i === 0 ? 'line' : `model-${i}`);
// One serving has a version, the others wait: two cores cannot start 50 scoring servers in time.
const platform = new ServingPlatform('mlflow-e2e-fleet', (mlflow, chart) => {
  for (let i = 0; i < SERVINGS; i++) {
    const model = RegisteredModel.byAlias(name(i), 'champion');
    mlflow.addModelServing(`serving-${i}`, {
      chart,
      model,
      resources: little,
      replicas: 1,
      startTimeout: Duration.seconds(300),
    });
  }
});
const { namespace, models } = platform;
let lines: Lines;
let caller: Caller;

const polls = () => platform.deployerMetric('polls_total\\{outcome="ok"\\}');
/** How many seconds each of the next polls takes. */
async function nextPolls(count: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = polls();
    await until('another poll', 60, () => polls() > before);
    seconds.push(platform.deployerMetric('last_poll_seconds'));
  }
  return seconds;
}

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  const { status, stderr } = lines.pod.python(`import mlflow
client = mlflow.MlflowClient()
for i in range(1, ${MODELS}):
    client.copy_model_version('models:/line/1', f'model-{i}')
print(len(client.search_registered_models(max_results=1000)))`);
  if (status !== 0) throw new Error(stderr);
  caller = new Caller(ClientPod.start(models, 'caller'), 'http://serving-0-serving:8080/invocations', lines);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) platform.remove();
});

test('the deployer polls 50 servings in less than a second, with less than 100 MiB', async () => {
  const seconds = await nextPolls(5);
  const [{ used }] = memoryOf(namespace, platform.deployers());
  process.stdout.write(`polls: ${seconds.join(' s, ')} s; deployer: ${(used / MIB).toFixed(0)} MiB\n`);
  expect(Math.max(...seconds)).toBeLessThan(1);
  expect(used).toBeLessThan(100 * MIB);
});

test('the deployer follows one alias within two polls, and does not change the other 49 servings', async () => {
  const deployments = () => models.json<{ items: any[] }>('get', 'deployments').items;
  const versions = () => deployments().map(({ metadata }) => metadata.labels['model-version']);
  lines.setAlias('champion', '1');
  const start = Date.now();
  await until('the version is set', 11, () => versions().includes('1'));
  process.stdout.write(`set after ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
  await until('it answers', 200, () => caller.predictions() !== undefined);
  expect(caller.predictions()).toEqual(lines.predictions['1']);
  expect(versions().filter((version) => version !== undefined)).toEqual(['1']);
  expect(deployments()).toHaveLength(SERVINGS);
  expect([platform.deployers().every(isReady), platform.deployers().map(restarts)]).toEqual([true, [0]]);
});
