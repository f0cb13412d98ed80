// The deployer with a real API server and a real Deployment controller. The registry is e2e/deployer/registry.js.
import { around, serving } from '../deployer/manifests';
import { Forward, Namespace } from '../lib/namespace';
import { isReady, Pod } from '../lib/pods';
import { run, until } from '../lib/process';

const namespace = new Namespace('mlflow-e2e-deployer');
const tag = `deployment.${namespace.name}.churn-serving`;

const apply = (...objects: object[]) => {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const result = namespace.try(['apply', '--filename', '-'], { input: JSON.stringify(list) });
  if (result.status !== 0) throw new Error(result.stderr);
};

interface Registry {
  alias?: string;
  versions: Record<string, Record<string, string>>;
  away?: boolean;
}

let forward: Forward;

/** Reads the registry, or changes it. Tags are added to those that the version has. */
async function registry(
  change?: Partial<{ alias: string | null; versions: object; away: boolean }>,
): Promise<Registry> {
  const url = `http://127.0.0.1:${forward.port}/state`;
  const answer = await fetch(url, change && { method: 'PUT', body: JSON.stringify(change) });
  return (await answer.json()) as Registry;
}
const register = async (version: string, tags: object = {}) => registry({ versions: { [version]: tags } });
const tagOf = async (version: string) => (await registry()).versions[version]?.[tag];

const deployment = () => namespace.json('get', 'deployment', 'churn-serving');
const variables = (object: any) =>
  [...object.spec.template.spec.initContainers, ...object.spec.template.spec.containers].map(
    ({ env = [] }: any) => env.find(({ name }: any) => name === 'MODEL_VERSION')?.value,
  );
const state = () => JSON.parse(deployment().metadata.annotations?.['cdk8s-mlflow/deployer'] ?? '{}');
const serves = async (version: string, seconds = 60) =>
  until(`version ${version} serves`, seconds, () => {
    const { version: now, phase, tags } = state();
    return now === version && phase === 'serving' && !tags;
  });
const events = () =>
  namespace
    .json('get', 'events', '--field-selector', 'involvedObject.name=churn-serving')
    .items.map(({ reason }: any) => reason);
const pods = (app: string) => namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', `app=${app}`).items;
const ready = (app: string) => pods(app).filter(isReady);
/** The replica that holds the Lease. The first one creates it. */
const lease = () =>
  namespace.try(['get', 'lease', 'mlflow-deployer', '--output', 'jsonpath={.spec.holderIdentity}']).stdout;

beforeAll(async () => {
  namespace.remove();
  run('kubectl', ['create', 'namespace', namespace.name]);
  apply(serving, ...around(namespace.name));
  await until(
    'registry and deployers are Ready',
    180,
    () => ready('registry').length + ready('mlflow-deployer').length === 3,
  );
  forward = await namespace.forward('service/registry', 5000);
});

afterAll(() => {
  forward?.stop();
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('sets nothing if the alias does not exist', async () => {
  await until('one replica acts', 30, lease);
  expect(variables(deployment())).toEqual([undefined, undefined]);
  expect(deployment().metadata.annotations['cdk8s-mlflow/deployer']).toBeUndefined();
});

test('rolls out the version of an alias within two polls, and records it in the registry and in Events', async () => {
  await register('1');
  await registry({ alias: '1' });
  await until('the version is set', 6, () => variables(deployment())[0] === '1');
  await serves('1');
  expect(variables(deployment())).toEqual(['1', '1']);
  expect(await tagOf('1')).toBe('serving');
  expect((await registry()).versions[1][`${tag}.at`]).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect(events()).toEqual(expect.arrayContaining(['ModelVersionSet', 'ModelVersionServing']));
  expect(deployment().spec.template.metadata.labels['model-version']).toBe('1');
});

test('owns only the fields that it sets, and kubectl apply does not revert them', () => {
  const owner = namespace
    .json('get', 'deployment', 'churn-serving', '--show-managed-fields')
    .metadata.managedFields.find(({ manager }: any) => manager === 'mlflow-model-deployer');
  expect(owner.operation).toBe('Apply');
  const variable = { 'k:{"name":"MODEL_VERSION"}': { '.': {}, 'f:name': {}, 'f:value': {} } };
  const container = (name: string) => ({ [`k:{"name":"${name}"}`]: { '.': {}, 'f:env': variable, 'f:name': {} } });
  expect(owner.fieldsV1).toEqual({
    'f:metadata': {
      'f:annotations': { 'f:cdk8s-mlflow/deployer': {} },
      'f:labels': { 'f:model-version': {} },
    },
    'f:spec': {
      'f:template': {
        'f:metadata': {
          'f:annotations': { 'f:cdk8s-mlflow/model-version-created': {} },
          'f:labels': { 'f:model-version': {} },
        },
        'f:spec': {
          'f:containers': container('model-server'),
          'f:initContainers': container('download-model'),
        },
      },
    },
  });
  const before = deployment().metadata.generation;
  apply(serving);
  expect(deployment().metadata.generation).toBe(before);
  expect(namespace.try(['diff', '--filename', '-'], { input: JSON.stringify(serving) })).toMatchObject({ status: 0 });
});

test('rolls out the next version, also if the YAML is applied during the rollout', async () => {
  await register('2');
  await registry({ alias: '2' });
  await until('the version is set', 6, () => variables(deployment())[0] === '2');
  apply(serving);
  await serves('2');
  expect([await tagOf('1'), await tagOf('2')]).toEqual(['replaced', 'serving']);
});

test('rolls back a version whose pods do not become Ready, writes the reason as a tag, and does not retry it', async () => {
  await register('3');
  await registry({ alias: '3' });
  await until('version 3 failed', 150, () => state().failed?.version === '3');
  await serves('2');
  expect(await tagOf('3')).toBe('failed: 0 of 2 pods of this version came up, and no more within 60 s');
  expect(ready('churn-serving').length).toBe(2);
  expect(events()).toEqual(expect.arrayContaining(['ModelVersionFailed', 'ModelVersionReturned']));
  const { generation } = deployment().metadata;
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  expect(deployment().metadata.generation).toBe(generation);
});

test('rolls back at once if a pod reports an error as a tag', async () => {
  await register('4');
  await registry({ alias: '4' });
  await until('the version is set', 10, () => variables(deployment())[0] === '4');
  await register('4', { [`${tag}.error`]: 'it needs Python 3.12, here is 3.11' });
  await serves('2', 50);
  expect(await tagOf('4')).toBe('failed: it needs Python 3.12, here is 3.11');
});

test('keeps the version and emits an Event if the alias is deleted', async () => {
  await registry({ alias: null });
  await until('an Event reports it', 20, () => events().includes('AliasMissing'));
  expect(variables(deployment())).toEqual(['2', '2']);
});

test('stays Ready while the registry is down, and follows the alias afterwards', async () => {
  await registry({ away: true });
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(pods('mlflow-deployer').filter(isReady).length).toBe(2);
  await registry({ away: false, alias: '1' });
  await serves('1');
  expect([await tagOf('1'), await tagOf('2')]).toEqual(['serving', 'replaced']);
});

test('another replica completes the rollout, at once after a shutdown and within half a minute after a crash', async () => {
  await registry({ alias: '2' });
  await until('the version is set', 10, () => variables(deployment())[0] === '2');
  const first = lease();
  namespace.kubectl('delete', 'pod', first, '--wait=false');
  await until('another replica acts', 12, () => ![first, '', undefined].includes(lease()));
  await serves('2');
  const second = lease();
  namespace.kubectl('delete', 'pod', second, '--grace-period=0', '--force');
  await registry({ alias: '1' });
  await serves('1', 60);
  expect(lease()).not.toBe(second);
  expect(await tagOf('1')).toBe('serving');
});

test('logs JSON, exports metrics and needs less than 128 MiB', async () => {
  const logs = namespace.kubectl('logs', '--selector', 'app=mlflow-deployer', '--tail', '-1');
  for (const line of logs.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('message');
  const scraped = await namespace.forward(`pod/${lease()}`, 9090);
  const metrics = await (await fetch(`http://127.0.0.1:${scraped.port}/metrics`)).text();
  scraped.stop();
  expect(metrics).toContain('mlflow_deployer_leader 1');
  expect(metrics).toMatch(/version_info\{.*wanted="1",version="1",phase="serving"\} 1/);
  const memory = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)![1]) / 2 ** 20;
  console.log(`memory of the deployer: ${memory.toFixed(0)} MiB`);
  expect(memory).toBeLessThan(128);
});
