import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { IConstruct } from 'constructs';
import {
  CloudNativePostgres,
  Credentials,
  MetricsMonitor,
  MinioStore,
  MlflowPlatform,
  PostgresStatefulSet,
  RegisteredModel,
  RestrictedNamespace,
  SeaweedStore,
} from '../../lib';
import { Rendered, errorOf, find, synth } from '../support/synth';

/** The ids that the docstring of each construct lists, and the kind of each object. */
const postgresIds = {
  'stateful-set': 'StatefulSet',
  service: 'Service',
  'config-map': 'ConfigMap',
  'service-account': 'ServiceAccount',
  'network-policy': 'NetworkPolicy',
  'set-up/job': 'Job',
  'set-up/config-map': 'ConfigMap',
  'set-up/service-account': 'ServiceAccount',
  'set-up/network-policy': 'NetworkPolicy',
};

const cloudNativeIds = {
  cluster: 'Cluster',
  'network-policy': 'NetworkPolicy',
  'metrics-service': 'Service',
  'object-store': 'ObjectStore',
  'scheduled-backup': 'ScheduledBackup',
  'database-mlflow_auth': 'Database',
};

const minioIds = {
  'stateful-set': 'StatefulSet',
  service: 'Service',
  'headless-service': 'Service',
  'disruption-budget': 'PodDisruptionBudget',
  'service-account': 'ServiceAccount',
  'network-policy': 'NetworkPolicy',
  'set-up/job': 'Job',
  'set-up/config-map': 'ConfigMap',
  'set-up/service-account': 'ServiceAccount',
  'set-up/network-policy': 'NetworkPolicy',
};

const seaweedIds = {
  'stateful-set': 'StatefulSet',
  service: 'Service',
  'metrics-service': 'Service',
  'config-map': 'ConfigMap',
  'service-account': 'ServiceAccount',
  'network-policy': 'NetworkPolicy',
};

const serverIds = {
  deployment: 'Deployment',
  service: 'Service',
  'metrics-service': 'Service',
  autoscaler: 'HorizontalPodAutoscaler',
  'disruption-budget': 'PodDisruptionBudget',
  'config-map': 'ConfigMap',
  'proxy-config-map': 'ConfigMap',
  'service-account': 'ServiceAccount',
  'network-policy': 'NetworkPolicy',
  'migration/job': 'Job',
  'migration/config-map': 'ConfigMap',
  'migration/service-account': 'ServiceAccount',
  'migration/network-policy': 'NetworkPolicy',
};

describe('apiObject() finds every object of a platform by its documented id', () => {
  let platform!: MlflowPlatform;
  let seaweed!: SeaweedStore;
  synth((chart) => (platform = new MlflowPlatform(chart, 'mlflow', { minio: { replicas: 4 } })));
  synth((chart) => (seaweed = new SeaweedStore(chart, 'mlflow-seaweedfs', { metrics: true })));

  test.each(Object.entries(postgresIds))('PostgresStatefulSet %s', (id, kind) => {
    expect((platform.database as PostgresStatefulSet).apiObject(id).kind).toBe(kind);
  });

  test.each(Object.entries(minioIds))('MinioStore %s', (id, kind) => {
    expect((platform.artifacts as MinioStore).apiObject(id).kind).toBe(kind);
  });

  test.each(Object.entries(seaweedIds))('SeaweedStore %s', (id, kind) => {
    expect(seaweed.apiObject(id).kind).toBe(kind);
  });

  test.each(Object.entries(serverIds))('TrackingServer %s', (id, kind) => {
    expect(platform.server.apiObject(id).kind).toBe(kind);
  });
});

test('the documented ids are those of all objects', () => {
  synth((chart) => {
    const database = new MlflowPlatform(chart, 'mlflow').database as PostgresStatefulSet;
    const below = database.node.findAll().filter((node) => ApiObject.isApiObject(node));
    expect(below.map((node) => node.node.path.replace('chart/mlflow/postgres/', '')).sort()).toEqual(
      Object.keys(postgresIds).sort(),
    );
  });
});

test('the ids of CloudNativePostgres are those of all its objects', () => {
  synth((chart) => {
    const database = new CloudNativePostgres(chart, 'postgres', {
      metrics: true,
      archive: { bucket: 'archive', credentials: Credentials.fromSecret('archive') },
    });
    database.addDatabase('mlflow_auth');
    for (const [id, kind] of Object.entries(cloudNativeIds)) expect(database.apiObject(id).kind).toBe(kind);
    expect(database.node.children).toHaveLength(Object.keys(cloudNativeIds).length);
    expect(ApiObject.of(database).kind).toBe('Cluster');
  });
});

test('apiObject() refuses an unknown id and lists the existing ones', () => {
  synth((chart) => {
    const store = new MinioStore(chart, 'minio');
    expect(errorOf(() => store.apiObject('deployment'))).toContain(
      "chart/minio: the object 'deployment' does not exist; expected one of ",
    );
    expect(errorOf(() => store.apiObject('deployment'))).toContain("'stateful-set'");
    expect(errorOf(() => store.apiObject(''))).toContain("the object '' does not exist");
  });
});

describe('the default child', () => {
  const chart = new Chart(new App(), 'chart', { namespace: 'mlflow' });
  const platform = new MlflowPlatform(chart, 'mlflow');
  const serving = platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
  platform.server.addServiceUser('notebooks');
  const monitor = new MetricsMonitor(chart, 'metrics', { target: platform.server });
  const namespace = new RestrictedNamespace(chart, 'namespace');

  test.each<[string, IConstruct, string]>([
    ['platform', platform, 'Deployment mlflow-server'],
    ['server', platform.server, 'Deployment mlflow-server'],
    ['database', platform.database as PostgresStatefulSet, 'StatefulSet mlflow-postgres'],
    ['store', platform.artifacts as MinioStore, 'StatefulSet mlflow-minio'],
    ['serving', serving, 'Deployment churn-serving'],
    ['deployer', platform.deployer, 'Deployment mlflow-deployer'],
    ['monitor', monitor, 'ServiceMonitor metrics'],
    ['namespace', namespace, 'Namespace mlflow'],
    ['migration', platform.server.node.findChild('migration'), 'Job mlflow-server-migration'],
    ['credentials Job', platform.node.findChild('credentials'), 'Job mlflow-credentials'],
  ])('of the %s is its workload', (_, construct, expected) => {
    const { kind, name } = ApiObject.of(construct);
    expect(`${kind} ${name}`).toBe(expected);
  });

  test('of a namespace and a monitor is also found by its id, and another id is refused with the list', () => {
    expect(namespace.apiObject('namespace')).toBe(ApiObject.of(namespace));
    expect(errorOf(() => namespace.apiObject('quota'))).toBe(
      "chart/namespace: the object 'quota' does not exist; expected one of 'namespace'",
    );
    expect(errorOf(() => platform.apiObject('deployment'))).toMatch(
      /^chart\/mlflow: the object 'deployment' does not exist; expected one of .*'server\/deployment'/,
    );
  });
});

describe('a JSON patch', () => {
  const patched = (id: string, ...patches: JsonPatch[]): Rendered => {
    const objects = synth((chart: Chart) => {
      const { server } = new MlflowPlatform(chart, 'mlflow');
      server.apiObject(id).addJsonPatch(...patches);
    });
    return find(objects, 'Deployment', 'mlflow-server');
  };

  test('changes a field', () => {
    expect(patched('deployment', JsonPatch.add('/spec/paused', true)).spec.paused).toBe(true);
    const replace = JsonPatch.replace('/spec/revisionHistoryLimit', 2);
    expect(patched('deployment', replace).spec.revisionHistoryLimit).toBe(2);
  });

  test('changes an element of the list of containers', () => {
    const add = JsonPatch.add('/spec/template/spec/containers/0/env', [{ name: 'TZ', value: 'UTC' }]);
    expect(patched('deployment', add).spec.template.spec.containers[0].env).toEqual([{ name: 'TZ', value: 'UTC' }]);
  });

  // The classes of cdk8s-plus-27 drop fields that are newer than Kubernetes 1.27.
  test.each([
    ['/spec/template/spec/resources', { limits: { cpu: '4' } }],
    ['/spec/template/spec/hostUsers', false],
    ['/spec/template/spec/securityContext/supplementalGroupsPolicy', 'Strict'],
    ['/spec/podReplacementPolicy', 'TerminatingOrFailed'],
    ['/spec/template/spec/containers/0/restartPolicyRules', [{ action: 'Restart' }]],
  ])('adds a field newer than Kubernetes 1.27: %s', (path, value) => {
    const keys = path.slice(1).split('/');
    const found = keys.reduce((object, key) => object[key], patched('deployment', JsonPatch.add(path, value)));
    expect(found).toEqual(value);
  });

  test('removes a field', () => {
    const remove = JsonPatch.remove('/spec/template/spec/topologySpreadConstraints');
    expect(patched('deployment', remove).spec.template.spec.topologySpreadConstraints).toBeUndefined();
  });
});
