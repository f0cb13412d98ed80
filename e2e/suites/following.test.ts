// The registry says what is served: the deployer follows an alias, and writes back what came of it.
import { Duration } from 'cdk8s';
import { RegisteredModel } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';
import { run, until } from '../lib/process';
import { ServingPlatform } from '../lib/serving-platform';

const platform = new ServingPlatform(
  'mlflow-e2e-following',
  (mlflow, models) => {
    mlflow.addModelServing('line', {
      chart: models,
      model: RegisteredModel.byAlias('line', 'champion'),
      resources: little,
      startTimeout: Duration.seconds(300),
      replicas: 2,
    });
  },
  { deployer: { replicas: 2 } },
);
const { namespace, models } = platform;
const TAG = `deployment.${models.name}.line-serving`;
let lines: Lines;
let caller: Caller;

const whole = () => platform.pods('line').length === 2 && platform.pods('line').every(isReady);

/** Waits for a tag of a version, as a person would look for it. */
const tag = (version: string, value: RegExp, seconds = 120) =>
  until(`version ${version} is tagged ${value}`, seconds, () => value.test(lines.tags(version)[TAG] ?? ''));

/** Moves the alias, and gives the seconds until the version's first answer. */
async function untilAnswered(version: string): Promise<number> {
  lines.setAlias('champion', version);
  const start = Date.now();
  const wanted = JSON.stringify(lines.predictions[version]);
  await until(`version ${version} answers`, 200, () => JSON.stringify(caller.predictions()) === wanted);
  return (Date.now() - start) / 1000;
}

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) platform.remove();
});

test('an alias that is set answers, with what the training process computed, and its version says so', async () => {
  const seconds = await untilAnswered('1');
  process.stdout.write(`alias to the first answer: ${seconds.toFixed(1)} s\n`);
  expect(seconds).toBeLessThan(60);
  await tag('1', /^serving$/);
  expect(Date.parse(lines.tags('1')[`${TAG}.at`])).toBeGreaterThan(Date.now() - 300_000);
});

test('an alias that is moved changes what answers, and no request fails meanwhile', async () => {
  await until('both pods are there', 120, whole);
  let seconds = 0;
  const { counts, failures } = await caller.load(async () => {
    seconds = await untilAnswered('2');
    await tag('2', /^serving$/);
    await until('the old pods are gone', 120, whole);
  });
  process.stdout.write(
    `alias moved under load to the first answer: ${seconds.toFixed(1)} s; ${JSON.stringify(counts)}\n`,
  );
  expect(failures).toEqual([]);
  expect(caller.predictions()).toEqual(lines.predictions['2']);
  await tag('1', /^replaced$/);
});

test('what the deployer has set is nobody else’s: kubectl diff is clean, and applying again keeps it', () => {
  const diff = () => run('kubectl', ['diff', '--filename', platform.manifest]);
  expect(diff()).toMatchObject({ status: 0, stdout: '' });
  platform.apply();
  expect(diff()).toMatchObject({ status: 0, stdout: '' });
  expect(caller.predictions()).toEqual(lines.predictions['2']);
});

test.each([
  ['that loads and cannot predict', '3', /^failed: .*a table of the training host is not here/],
  ['that requires what is not installed', '4', /^failed: .*not-a-package-of-this-image==1.0/],
  ['that cannot be loaded', '5', /^failed: .*It cannot be loaded: OSError: the dictionary is not here/],
])(
  'a version %s is gone back from: the old one goes on answering, and the tag says why',
  async (_, version, reason) => {
    const { counts, failures } = await caller.load(async () => {
      lines.setAlias('champion', version);
      await tag(version, reason, 240);
      await until('the old version is whole again', 120, whole);
    });
    expect(failures).toEqual([]);
    expect(Object.keys(counts).map((answer) => JSON.parse(answer).predictions)).toEqual([lines.predictions['2']]);
    lines.setAlias('champion', '2');
  },
);

test('a deployer that is killed in the middle leaves the other one to finish', async () => {
  const moved = untilAnswered('1');
  await until('the rollout has begun', 60, () => platform.pods('line').length > 2);
  for (const { metadata } of platform.deployers()) {
    namespace.kubectl('delete', 'pod', metadata.name, '--grace-period=0', '--force');
  }
  await moved;
  await tag('1', /^serving$/);
  await tag('2', /^replaced$/);
});

test('an alias that is deleted changes nothing but what is said', async () => {
  lines.deleteAlias('champion');
  await until('an Event says so', 60, () =>
    models.kubectl('get', 'events', '--output', 'jsonpath={.items[*].reason}').includes('AliasMissing'),
  );
  expect(caller.predictions()).toEqual(lines.predictions['1']);
  expect(platform.deployers().map(restarts)).toEqual(platform.deployers().map(() => 0));
});
