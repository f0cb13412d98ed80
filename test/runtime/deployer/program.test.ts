import { statSync } from 'node:fs';
import { FakeCluster } from './fake-cluster';
import { bundle, password, Program, until } from './program';
import { target } from './seen';
import { json, type Seen, TestServer, troubles } from './servers';

let cluster: FakeCluster;
let registry: TestServer;
let champion: string | undefined;
let tags: Record<string, Record<string, string>>;
const programs: Program[] = [];

/** A minimal MLflow with 200 models. */
const answer = ({ path, headers, body }: Seen): [number, unknown] => {
  const right = `Basic ${Buffer.from(`deployer:${password}`).toString('base64')}`;
  if (headers.authorization !== right) return [401, { error_code: 'UNAUTHENTICATED' }];
  if (path.includes('registered-models/search')) {
    const others = Array.from({ length: 199 }, (_, n) => ({
      ...{ name: `other-${n}`, aliases: [{ alias: 'champion', version: '7' }] },
      latest_versions: [{ version: '7', current_stage: 'None', description: 'x'.repeat(300) }],
    }));
    const aliases = champion ? [{ alias: 'champion', version: champion }] : [];
    return [200, { registered_models: [...others, { name: 'churn', aliases }] }];
  }
  if (path.includes('registered-models/alias')) {
    if (!champion) return [400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'alias champion not found' }];
    return [200, { model_version: { name: 'churn', version: champion, creation_timestamp: 5 } }];
  }
  if (path.includes('model-versions/get')) {
    const version = new URL(path, 'http://x').searchParams.get('version');
    return [200, { model_version: { name: 'churn', version, status: 'READY', creation_timestamp: 5 } }];
  }
  (tags[body.version] ??= {})[body.key] = body.value;
  return [200, {}];
};

beforeEach(async () => {
  champion = undefined;
  tags = {};
  cluster = new FakeCluster();
  cluster.add(target.deployment);
  await cluster.server.start();
  registry = await new TestServer((response, seen) => json(...answer(seen))(response, seen)).start();
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map(async (program) => program.stop('SIGKILL')));
  await cluster.server.stop();
  await registry.stop();
});

async function start(options?: Parameters<typeof Program.start>[2]): Promise<Program> {
  const program = await Program.start(cluster, registry.port, options);
  programs.push(program);
  return program;
}
const serves = async (version: string) =>
  until(`version ${version}`, () => cluster.versionOf(target.deployment) === version && tags[version]);

test('follows a serving that is added while it runs, and stops following a removed one', async () => {
  const program = await start();
  champion = '1';
  await serves('1');
  cluster.add('spam-serving');
  program.breakTargets();
  await until('it complains once', () => program.output.includes('the targets stay as they were'));
  champion = '2';
  await serves('2');
  program.follow([target.deployment, 'spam-serving']);
  await until('the new one follows', () => cluster.versionOf('spam-serving') === '2');
  program.follow(['spam-serving']);
  await until('it says so', () => /changed","targets":2[^]*changed","targets":1/.test(program.output));
  champion = '3';
  await until('the new one follows on', () => cluster.versionOf('spam-serving') === '3');
  expect(cluster.versionOf(target.deployment)).toBe('2');
  expect(program.output.match(/the targets stay as they were/g)).toHaveLength(1);
  expect(await program.metrics()).not.toContain(`deployment="${target.deployment}",version=`);
});

test('follows the alias, reports by tags, Events and metrics, and stops on SIGTERM', async () => {
  const program = await start();
  await until('it says what it waits for', () => program.output.includes('no version yet'));
  champion = '1';
  await serves('1');
  champion = '2';
  await serves('2');
  const key = 'deployment.ml-serving.churn-serving';
  await until('tags', () => tags[2]?.[`${key}.at`]);
  expect([tags[1][key], tags[2][key]]).toEqual(['replaced', 'serving']);
  expect(cluster.events.map(({ reason }) => reason)).toEqual([
    ...['ModelVersionSet', 'ModelVersionServing', 'ModelVersionSet', 'ModelVersionServing'],
  ]);
  await until('metrics', async () => (await program.metrics()).includes('wanted="2",version="2",phase="serving"} 1'));
  expect(await program.metric('mlflow_deployer_leader')).toBe(1);
  expect(await program.metric('mlflow_deployer_polls_total\\{outcome="ok"\\}')).toBeGreaterThan(1);
  expect(await program.metric('mlflow_deployer_seconds_since_last_success')).toBeLessThan(10);
  expect(await program.health()).toBe(200);
  expect(await program.stop()).toBe(0);
  expect(cluster.lease.spec.holderIdentity).toBe('');
  for (const line of program.output.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
});

test('survives any answer of the registry, changes nothing, and continues after the fault', async () => {
  champion = '1';
  const program = await start();
  await serves('1');
  const patches = () => cluster.server.seen.filter(({ method }) => method === 'PATCH').length;
  await until('calm', () => program.output.includes('Serving-1'));
  const before = patches();
  champion = '2';
  const usual = registry.answer;
  const all = Object.values(troubles).filter((each) => each !== troubles['no answer']);
  let asked = 0;
  registry.answer = (response, seen) => all[asked++ % 3](response, seen);
  await until('several failures', () => asked > 3, 30);
  expect(patches()).toBe(before);
  expect(await program.health()).toBe(200);
  registry.answer = usual;
  await serves('2');
  expect(program.output).toContain('the registry answers again');
});

test('survives any answer of the API server, and continues after the fault', async () => {
  champion = '1';
  const usual = cluster.server.answer;
  cluster.server.answer = json(500, { kind: 'Status', message: 'etcd is away' });
  const program = await start();
  await until('it says so', () => program.output.includes('etcd is away'));
  expect(await program.health()).toBe(200);
  expect(registry.seen).toEqual([]);
  cluster.server.answer = (response, seen) =>
    seen.path.includes('/deployments/')
      ? json(403, { kind: 'Status', message: 'may not' })(response, seen)
      : usual(response, seen);
  await until('it says so', () => program.output.includes('get Deployment: HTTP 403: may not'));
  cluster.server.answer = usual;
  await serves('1');
});

test('continues if an Event is refused', async () => {
  champion = '1';
  const usual = cluster.server.answer;
  cluster.server.answer = (response, seen) =>
    seen.path.includes('/events')
      ? json(403, { kind: 'Status', message: 'no' })(response, seen)
      : usual(response, seen);
  const program = await start();
  await serves('1');
  expect(program.output).toContain('Event not created: API server: create Event: HTTP 403: no');
});

test('only one of two replicas acts, and the other one takes over when the first stops', async () => {
  const [first, second] = [await start({ name: 'a' }), await start({ name: 'b' })];
  await until('one acts', () => cluster.lease?.spec.holderIdentity);
  const isFirst = cluster.lease.spec.holderIdentity === 'a';
  champion = '1';
  await serves('1');
  const [holder, waiting] = isFirst ? [first, second] : [second, first];
  expect(await waiting.metric('mlflow_deployer_leader')).toBe(0);
  expect(waiting.output).not.toContain('ModelVersionSet');
  await holder.stop();
  champion = '2';
  await serves('2');
  expect(waiting.output).toContain('ModelVersionSet');
});

test('completes a rollout of a replica that was killed at any moment', async () => {
  for (let version = 1; version <= 6; version++) {
    champion = String(version);
    const calls = cluster.server.seen.length;
    const program = await start();
    await until('some calls', () => cluster.server.seen.length >= calls + version * 2);
    await program.stop('SIGKILL');
  }
  await start();
  await serves('6');
  await until('the state is settled', () => {
    const state = JSON.parse(cluster.deployments.get(target.deployment).metadata.annotations['cdk8s-mlflow/deployer']);
    return state.phase === 'serving' && state.version === '6' && !state.tags;
  });
});

test('polls 50 servings and 200 models with few requests', async () => {
  const deployments = Array.from({ length: 50 }, (_, n) => `serving-${n}`);
  for (const each of deployments) cluster.add(each);
  champion = '1';
  const program = await start({ deployments });
  await until('all serve', () => deployments.every((each) => cluster.versionOf(each) === '1'), 60);
  const stateOf = (each: string) => cluster.deployments.get(each).metadata.annotations['cdk8s-mlflow/deployer'] ?? '';
  await until('all are calm', () =>
    deployments.every((each) => /"serving"/.test(stateOf(each)) && !/tags/.test(stateOf(each))),
  );
  await program.metrics();
  const polls = await program.metric('mlflow_deployer_polls_total\\{outcome="ok"\\}');
  registry.seen.length = 0;
  cluster.server.seen.length = 0;
  await until(
    'more polls',
    async () => (await program.metric('mlflow_deployer_polls_total\\{outcome="ok"\\}')) > polls + 3,
    60,
  );
  // All servings follow the same alias of one model, so each poll sends one request.
  const questions = registry.seen.filter(({ path }) => path.includes('registered-models/alias')).length;
  expect(registry.seen.length).toBe(questions);
  expect(questions).toBeLessThan(6);
  expect(cluster.server.connections).toBeLessThan(20);
  const seconds = await program.metric('mlflow_deployer_last_poll_seconds');
  const memory = (await program.metric('process_resident_memory_bytes')) / 2 ** 20;
  console.log(`50 servings: a poll takes ${seconds} s, the process ${memory.toFixed(0)} MiB`);
  expect(seconds).toBeLessThan(3);
  expect(memory).toBeLessThan(160);
});

describe('exits at once with the cause for a wrong setting:', () => {
  test.each<[string, Record<string, string>, string]>([
    ['no Lease', { LEASE_NAME: '' }, 'LEASE_NAME is not set'],
    ['no pod', { POD_NAME: '' }, 'POD_NAME is not set'],
    ['no targets', { DEPLOYER_TARGETS: '/nowhere' }, '/nowhere cannot be read (ENOENT)'],
    ['a port that is none', { HEALTH_PORT: '8080x' }, 'HEALTH_PORT is \\"8080x\\"'],
    ['no ServiceAccount', { SERVICE_ACCOUNT_DIRECTORY: '/nowhere' }, 'automountServiceAccountToken'],
  ])('%s', async (_, env, message) => {
    const program = await start({ env });
    expect(await program.ended).toBe(2);
    expect(program.output).toContain(message);
  });
});

test('the bundle is one file that fits into a ConfigMap', () => {
  expect(statSync(bundle).size).toBeLessThan(120_000);
});
