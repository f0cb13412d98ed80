import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { placement, platformWithServings } from './servings';
import {
  Authentication,
  ExtraVolume,
  MlflowPlatform,
  ModelDeployer,
  ModelDeployerProps,
  ModelServing,
  RegisteredModel,
  TrackingEndpoint,
} from '../../lib';
import { validatePlan } from '../../runtime/credentials/plan';
import { problemsOfTargets, targetsOf as readTargets } from '../../runtime/deployer/targets';
import { Rendered, errorOf, find, namesOf, render, snapshotOf } from '../support/synth';

const targetsOf = (objects: Rendered[]) =>
  JSON.parse(find(objects, 'ConfigMap', 'mlflow-deployer-targets').data['targets.json']);

const two = { churn: {}, spam: { model: RegisteredModel.byStage('spam', 'Production') } };

test('the deployer of a platform has these objects, also in the namespace of servings', () => {
  const { mlflow, serving } = platformWithServings({ churn: {} });
  const own = mlflow.filter(({ metadata }) => metadata.name.startsWith('mlflow-deployer'));
  const roles = serving.filter(({ kind }) => /^Role/.test(kind));
  expect(snapshotOf([...own, ...roles])).toMatchSnapshot();
});

test('a deployer with every option has these objects', () => {
  const all: Required<Omit<ModelDeployerProps, 'tracking'>> = {
    replicas: 2,
    pollInterval: Duration.seconds(2),
    metricsClients: [{ namespaceLabels: { team: 'observability' } }],
    egress: [{ peer: { podLabels: { app: 'collector' } }, port: 4317 }],
    sidecars: [
      {
        name: 'collector',
        image: 'registry.example.com/collector:1',
        resources: {
          cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
          memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
        },
        ports: [{ name: 'collector', port: 9801, clients: [{ podLabels: { app: 'probe' } }] }],
      },
    ],
    initContainers: [
      {
        name: 'prepare',
        image: 'registry.example.com/prepare:1',
        resources: {
          cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
          memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
        },
      },
    ],
    volumes: [ExtraVolume.scratch('/shared', Size.mebibytes(64))],
    image: 'registry.example.com/node:22',
    resources: {},
    ...placement,
  };
  const { mlflow } = platformWithServings({ churn: {} }, { deployer: all });
  expect(snapshotOf(mlflow.filter(({ metadata }) => metadata.name.startsWith('mlflow-deployer')))).toMatchSnapshot();
});

test('the targets are valid for the program', () => {
  const targets = targetsOf(platformWithServings(two).mlflow);
  expect(problemsOfTargets(targets)).toEqual([]);
  expect(targets).toEqual({
    pollSeconds: 5,
    trackingUri: 'http://mlflow-server.mlflow.svc:5000',
    targets: [
      {
        namespace: 'ml-serving',
        deployment: 'churn-serving',
        model: 'churn-prediction-model',
        alias: 'champion',
      },
      {
        namespace: 'ml-serving',
        deployment: 'spam-serving',
        model: 'spam',
        stage: 'Production',
      },
    ],
  });
});

test('the program names the containers of a serving', () => {
  const { mlflow, serving } = platformWithServings(two);
  for (const target of readTargets(targetsOf(mlflow))) {
    const { spec } = find(serving, 'Deployment', target.deployment).spec.template;
    expect(spec.containers.map(({ name }: any) => name)).toContain(target.container);
    expect(spec.initContainers.map(({ name }: any) => name)).toContain(target.initContainer);
  }
});

test('one deployer follows all servings; none exists if every version is fixed', () => {
  const deployers = (objects: Rendered[]) => namesOf(objects).filter((name) => /^Deployment .*deployer/.test(name));
  expect(deployers(platformWithServings(two).mlflow)).toEqual(['Deployment mlflow-deployer']);
  const fixed = { model: RegisteredModel.byVersion('churn', '3') };
  expect(deployers(platformWithServings({ churn: fixed }).mlflow)).toEqual([]);
});

test('the deployer may only get and patch those Deployments, create Events, and create and change its Lease', () => {
  const { mlflow, serving } = platformWithServings(two);
  const rules = [...mlflow, ...serving]
    .filter(({ kind }) => kind === 'RoleBinding')
    .filter(({ subjects }) => subjects.some(({ name }: any) => name === 'mlflow-deployer'))
    .flatMap(({ roleRef, metadata }) => {
      const objects = metadata.namespace === 'mlflow' ? mlflow : serving;
      return find(objects, 'Role', roleRef.name).rules;
    });
  const deployment = (name: string) => ({
    apiGroups: ['apps'],
    resources: ['deployments'],
    resourceNames: [name],
    verbs: ['get', 'patch'],
  });
  const events = { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] };
  expect(rules).toEqual([
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: ['mlflow-deployer'],
      verbs: ['get', 'update'],
    },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    deployment('churn-serving'),
    events,
    deployment('spam-serving'),
    events,
  ]);
  // Argo CD would ignore it.
  expect(namesOf(mlflow)).not.toContain('Lease mlflow-deployer');
});

test('a changed setting triggers a rollout of the deployer; a changed target does not', () => {
  const hash = (servings: any, props = {}) =>
    find(platformWithServings(servings, props).mlflow, 'Deployment', 'mlflow-deployer').spec.template.metadata
      .annotations['cdk8s-mlflow/config-hash'];
  expect(hash(two)).toBe(hash({ churn: {} }));
  expect(hash(two, { deployer: { pollInterval: Duration.seconds(60) } })).not.toBe(hash(two));
});

test('a deployer without a platform follows given servings, from its own namespace', () => {
  const app = new App();
  const platform = new MlflowPlatform(new Chart(app, 'mlflow', { namespace: 'mlflow' }), 'mlflow');
  const chart = new Chart(app, 'team', { namespace: 'team' });
  const tracking = TrackingEndpoint.fromServer(platform.server);
  const deployer = new ModelDeployer(chart, 'deployer', { tracking });
  deployer.follow(new ModelServing(chart, 'churn', { model: RegisteredModel.byAlias('a', 'b'), tracking }));
  expect(find(render(chart), 'Deployment', 'deployer').spec.template.spec.volumes).toContainEqual(
    expect.objectContaining({ name: 'secrets' }),
  );
});

describe('the login of a serving in another namespace', () => {
  test('is its own service user, whose Secret the platform’s Job copies there', () => {
    const { mlflow, serving } = platformWithServings({ churn: {} });
    const plan = JSON.parse(find(mlflow, 'ConfigMap', 'mlflow-credentials').data['credentials.json']);
    expect(validatePlan(plan)).toBe(plan);
    expect(plan.logins[0].users).toMatchObject({
      'deployer.deployer': [],
      'serving.churn-serving-ml-serving': ['ml-serving/churn-serving-login'],
    });
    const { volumes } = find(serving, 'Deployment', 'churn-serving').spec.template.spec;
    const { projected } = volumes.find(({ name }: any) => name === 'secrets');
    expect(projected.sources[0].secret.name).toBe('churn-serving-login');
    const role = find(serving, 'Role', 'churn-serving-login');
    expect(role.rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['churn-serving-login'], verbs: ['get'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    ]);
    expect(find(serving, 'RoleBinding', 'churn-serving-login').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'mlflow-credentials', namespace: 'mlflow' },
    ]);
  });

  test('is not copied in the platform’s own namespace', () => {
    const { platform } = platformWithServings({});
    const chart = Chart.of(platform);
    platform.addModelServing('churn', { model: RegisteredModel.byVersion('churn', '1') });
    const objects = render(chart);
    const { volumes } = find(objects, 'Deployment', 'churn-serving').spec.template.spec;
    const { projected } = volumes.find(({ name }: any) => name === 'secrets');
    expect(projected.sources[0].secret.name).toBe('mlflow-server-churn-serving-login');
    expect(namesOf(objects)).not.toContain('Role churn-serving-login');
  });

  test('is allowed by a server with restricted clients', () => {
    const { mlflow } = platformWithServings({ churn: {} }, { server: { clients: [{ podLabels: { app: 'x' } }] } });
    expect(find(mlflow, 'NetworkPolicy', 'mlflow-server').spec.ingress).toContainEqual({
      from: [
        {
          podSelector: { matchLabels: expect.objectContaining({ 'app.kubernetes.io/instance': 'churn' }) },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ml-serving' } },
        },
      ],
      ports: [{ port: 8080, protocol: 'TCP' }],
    });
  });
});

describe('under MLflow’s own login', () => {
  const authentication = Authentication.mlflow();
  const users = ({ mlflow }: { mlflow: Rendered[] }) => find(mlflow, 'ConfigMap', 'mlflow-server-users').data;

  test('deployer and servings may change only their own models', () => {
    const data = users(platformWithServings(two, { authentication }));
    expect(JSON.parse(data['service-users.json'])).toEqual({
      'deployer.deployer': ['churn-prediction-model', 'spam'],
      'serving.churn-serving-ml-serving': ['churn-prediction-model'],
      'serving.spam-serving-ml-serving': ['spam'],
    });
  });

  test('another model creates another Job, which grants the permission', () => {
    const jobOf = (model: string) => {
      const spam = { model: RegisteredModel.byAlias(model, 'champion') };
      const { mlflow } = platformWithServings({ spam }, { authentication });
      return namesOf(mlflow).find((name) => name.startsWith('Job mlflow-server-users'));
    };
    expect(jobOf('spam')).toBe(jobOf('spam'));
    expect(jobOf('spam')).not.toBe(jobOf('ham'));
  });

  test('no such Job exists if nginx checks the password', () => {
    expect(namesOf(platformWithServings(two).mlflow)).not.toContainEqual(expect.stringMatching('mlflow-server-users'));
  });
});

test('the platform’s placement also applies to its servings, in any namespace', () => {
  const { serving } = platformWithServings({ churn: {} }, { pods: { nodeSelector: { pool: 'ml' } } });
  expect(find(serving, 'Deployment', 'churn-serving').spec.template.spec.nodeSelector).toEqual({
    'kubernetes.io/os': 'linux',
    pool: 'ml',
  });
});

test.each([0, 0.5, 4000])('a deployer refuses a poll interval of %s seconds', (given) => {
  const pollInterval = Duration.seconds(given);
  expect(errorOf(() => platformWithServings({ churn: {} }, { deployer: { pollInterval } }))).toContain(
    `mlflow/mlflow: deployer.pollInterval is ${given} seconds; expected whole seconds, from 1 to 3600`,
  );
});
