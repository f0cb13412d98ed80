// The deployer follows an alias of the registry, and writes the outcome of each rollout as a tag.
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

/** Waits until a version has this tag. */
const tag = (version: string, value: RegExp, seconds = 120) =>
  until(`version ${version} is tagged ${value}`, seconds, () => value.test(lines.tags(version)[TAG] ?? ''));

/** Moves the alias, and returns the seconds until the version's first answer. */
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

test('a new alias is served, predicts what the training process computed, and its version gets the tag serving', async () => {
  const seconds = await untilAnswered('1');
  process.stdout.write(`alias to the first answer: ${seconds.toFixed(1)} s\n`);
  expect(seconds).toBeLessThan(60);
  await tag('1', /^serving$/);
  expect(Date.parse(lines.tags('1')[`${TAG}.at`])).toBeGreaterThan(Date.now() - 300_000);
});

test('a moved alias changes the version that answers, and no request fails meanwhile', async () => {
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

test('kubectl diff does not show the fields that the deployer set, and a second apply keeps them', () => {
  const diff = () => run('kubectl', ['diff', '--filename', platform.manifest]);
  expect(diff()).toMatchObject({ status: 0, stdout: '' });
  platform.apply();
  expect(diff()).toMatchObject({ status: 0, stdout: '' });
  expect(caller.predictions()).toEqual(lines.predictions['2']);
});

test.each([
  ['that loads but cannot predict', '3', /^failed: .*a table of the training host is not here/],
  ['that requires a missing package', '4', /^failed: .*not-a-package-of-this-image==1.0/],
  ['that cannot be loaded', '5', /^failed: .*It cannot be loaded: OSError: the dictionary is not here/],
])('rolls back a version %s: the old version keeps answering, and the tag says why', async (_, version, reason) => {
  const { counts, failures } = await caller.load(async () => {
    lines.setAlias('champion', version);
    await tag(version, reason, 240);
    await until('all pods of the old version are Ready', 120, whole);
  });
  expect(failures).toEqual([]);
  expect(Object.keys(counts).map((answer) => JSON.parse(answer).predictions)).toEqual([lines.predictions['2']]);
  lines.setAlias('champion', '2');
});

test('a rollout completes although both replicas of the deployer are killed during it', async () => {
  const moved = untilAnswered('1');
  await until('the rollout has begun', 60, () => platform.pods('line').length > 2);
  for (const { metadata } of platform.deployers()) {
    namespace.kubectl('delete', 'pod', metadata.name, '--grace-period=0', '--force');
  }
  await moved;
  await tag('1', /^serving$/);
  await tag('2', /^replaced$/);
});

test('a deleted alias changes no pod, and an Event reports it', async () => {
  lines.deleteAlias('champion');
  await until('the Event', 60, () =>
    models.kubectl('get', 'events', '--output', 'jsonpath={.items[*].reason}').includes('AliasMissing'),
  );
  expect(caller.predictions()).toEqual(lines.predictions['1']);
  expect(platform.deployers().map(restarts)).toEqual(platform.deployers().map(() => 0));
});
