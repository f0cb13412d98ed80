// DeployerPolicy: the deployer works with it, and whoever has its token can do nothing else.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart, Duration } from 'cdk8s';
import { DeployerPolicy, RegisteredModel } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { Result, run, until } from '../lib/process';
import { ServingPlatform } from '../lib/serving-platform';

const POLICY = 'mlflow-e2e-deployer';
const platform = new ServingPlatform('mlflow-e2e-policy', (mlflow, models) => {
  mlflow.addModelServing('line', {
    chart: models,
    model: RegisteredModel.byAlias('line', 'champion'),
    resources: little,
    startTimeout: Duration.seconds(300),
    replicas: 1,
  });
  new DeployerPolicy(new Chart(models.node.root as App, 'policy'), POLICY, { deployer: mlflow.deployer });
});
const { namespace, models } = platform;
const folder = mkdtempSync(join(tmpdir(), 'policy-'));
let lines: Lines;
let caller: Caller;
let access: string[];

/** A patch of the serving's Deployment with the deployer's own token. */
const patch = (body: object, type = 'strategic'): Result =>
  run('kubectl', [...access, 'patch', 'deployment/line-serving', `--type=${type}`, `--patch=${JSON.stringify(body)}`]);
const template = (spec: object) => ({ spec: { template: { spec } } });
const server = (container: object) => template({ containers: [{ name: 'model-server', ...container }] });

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);

  const { clusters } = JSON.parse(run('kubectl', ['config', 'view', '--raw', '--minify', '--output=json']).stdout);
  const { server: address, 'certificate-authority-data': authority } = clusters[0].cluster;
  const token = namespace.kubectl('create', 'token', 'mlflow-deployer', '--duration=30m').trim();
  writeFileSync(join(folder, 'ca.crt'), Buffer.from(authority, 'base64'));
  access = [
    ...['--kubeconfig=/dev/null', `--server=${address}`, `--certificate-authority=${join(folder, 'ca.crt')}`],
    ...[`--token=${token}`, `--namespace=${models.name}`],
  ];
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (process.env.E2E_KEEP) return;
  for (const kind of ['validatingadmissionpolicybinding', 'validatingadmissionpolicy']) {
    run('kubectl', ['delete', kind, POLICY, '--ignore-not-found']);
  }
  platform.remove();
});

test('the deployer follows its alias with it', async () => {
  for (const version of ['1', '2']) {
    lines.setAlias('champion', version);
    await until(`version ${version} answers`, 200, () => {
      return JSON.stringify(caller.predictions()) === JSON.stringify(lines.predictions[version]);
    });
  }
});

test('Kubernetes has nothing to say against its expressions', () => {
  const { status } = namespace.json('get', 'validatingadmissionpolicy', POLICY);
  expect(status.typeChecking ?? {}).toEqual({});
});

const changes: [what: string, body: object, type?: string][] = [
  ['another image', server({ image: 'docker.io/library/postgres:17.11' })],
  ['another command', server({ command: ['sleep', '1'] })],
  ['another init container', template({ initContainers: [{ name: 'download-model', args: ['x'] }] })],
  ['one more container', template({ containers: [{ name: 'more', image: 'docker.io/library/postgres:17.11' }] })],
  ['one more variable', server({ env: [{ name: 'PYTHONPATH', value: '/tmp' }] })],
  [
    'a version from a Secret',
    server({ env: [{ name: 'MODEL_VERSION', value: null, valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }] }),
  ],
  ['a version that is no number', server({ env: [{ name: 'MODEL_VERSION', value: '1 2' }] })],
  ['a Secret as a volume', template({ volumes: [{ name: 'more', secret: { secretName: 'line-serving-login' } }] })],
  ['another ServiceAccount', template({ serviceAccountName: 'default' })],
  ["the node's network", template({ hostNetwork: true })],
  ['more replicas', { spec: { replicas: 3 } }],
  ['another label', { metadata: { labels: { team: 'mallory' } } }],
  ['another annotation of the pods', { spec: { template: { metadata: { annotations: { 'a/b': 'c' } } } } }],
  ['a finalizer', { metadata: { finalizers: ['example.com/never'] } }],
  ['no variables', [{ op: 'remove', path: '/spec/template/spec/containers/0/env' }], 'json'],
];

test.each(changes.map(([what, body, type = 'strategic']) => ({ what, body, type })))(
  'its token cannot set $what',
  ({ body, type }) => {
    const { status, stderr } = patch(body, type);
    expect([status, stderr]).toEqual([1, expect.stringContaining(`ValidatingAdmissionPolicy '${POLICY}'`)]);
  },
);

test('its token can set the version, as the deployer does', () => {
  const env = [{ name: 'MODEL_VERSION', value: '1' }];
  const body = template({
    containers: [{ name: 'model-server', env }],
    initContainers: [{ name: 'download-model', env }],
  });
  expect(patch(body)).toMatchObject({ status: 0 });
});

test('others can still change the Deployment', () => {
  expect(models.try(['patch', 'deployment/line-serving', '--patch={"spec":{"revisionHistoryLimit":3}}'])).toMatchObject(
    {
      status: 0,
    },
  );
});
