import { Size } from 'cdk8s';
import { MinioStore } from '../../lib';
import { client, minio } from '../support/components';
import { Rendered, ofKind, synth } from '../support/synth';

// A store from the blog's manifests has these names: with others, the new pod would not find its volume.
describe('names equal to those of the seed', () => {
  const { statefulSet, container, service } = minio();

  test('StatefulSet and Service are mlflow-minio, and the StatefulSet names the Service', () => {
    expect(statefulSet.metadata.name).toBe('mlflow-minio');
    expect(service.metadata.name).toBe('mlflow-minio');
    expect(statefulSet.spec.serviceName).toBe('mlflow-minio');
  });

  test('the claim is minio-data, mounted at /data without a subPath', () => {
    expect(statefulSet.spec.volumeClaimTemplates.map((claim: Rendered) => claim.metadata.name)).toEqual(['minio-data']);
    const mount = container.volumeMounts.find(({ name }: Rendered) => name === 'minio-data');
    expect(mount).toEqual({ name: 'minio-data', mountPath: '/data' });
  });

  test('the Service has the ports api and console', () => {
    expect(service.spec).toMatchObject({ type: 'ClusterIP' });
    expect(service.spec.ports).toEqual([
      { name: 'api', port: 9000, targetPort: 'api' },
      { name: 'console', port: 9001, targetPort: 'console' },
    ]);
  });

  test('pods keep the label app', () => {
    expect(statefulSet.spec.template.metadata.labels.app).toBe('mlflow-minio');
  });
});

test('the defaults are 100Gi of the default storage class, Silo, 500m/1Gi to 2/4Gi', () => {
  const { statefulSet, container } = minio();
  const [claim] = statefulSet.spec.volumeClaimTemplates;
  expect(claim.spec).toMatchObject({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100Gi' } } });
  expect(claim.spec.storageClassName).toBeUndefined();
  expect(container.image).toBe('docker.io/pgsty/silo:RELEASE.2026-09-16T00-00-00Z');
  expect(container.resources.requests).toMatchObject({ cpu: '500m', memory: '1Gi' });
  expect(container.resources.limits).toMatchObject({ cpu: '2', memory: '4Gi' });
});

test('the claim has the given size and storage class', () => {
  const { statefulSet } = minio({ storage: Size.gibibytes(200), storageClassName: 'fast-ssd' });
  expect(statefulSet.spec.volumeClaimTemplates[0].spec).toMatchObject({
    storageClassName: 'fast-ssd',
    resources: { requests: { storage: '200Gi' } },
  });
});

test('a deleted or scaled StatefulSet keeps its volumes', () => {
  const policy = minio().statefulSet.spec.persistentVolumeClaimRetentionPolicy;
  expect(policy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
});

test('probes use the paths that need no login, on the named port', () => {
  const { startupProbe, livenessProbe, readinessProbe } = minio().container;
  expect(startupProbe.httpGet).toEqual({ path: '/minio/health/live', port: 'api' });
  expect(livenessProbe.httpGet).toEqual({ path: '/minio/health/live', port: 'api' });
  expect(readinessProbe.httpGet).toEqual({ path: '/minio/health/ready', port: 'api' });
  expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(300);
});

// The images of Silo and of MinIO have different programs; each entry point starts the right one.
test("the command runs on MinIO's and on Silo's image", () => {
  const { container, jobContainer } = minio();
  expect(container.command).toBeUndefined();
  expect(container.args[0]).toBe('server');
  expect(jobContainer.command).toEqual(['sh', '/opt/cdk8s-mlflow/setup-bucket.sh']);
});

test('neither the server nor mc asks the network for updates', () => {
  expect(minio().container.env).toContainEqual({ name: 'MINIO_UPDATE', value: 'off' });
});

describe('one pod', () => {
  const { statefulSet, container, objects, policy } = minio();

  test('has one drive, and no headless Service or budget, which would block a drain', () => {
    expect(statefulSet.spec.replicas).toBe(1);
    expect(container.args.slice(0, 2)).toEqual(['server', '/data']);
    expect(ofKind(objects, 'Service')).toHaveLength(1);
    expect(ofKind(objects, 'PodDisruptionBudget')).toEqual([]);
  });

  test('has no egress', () => {
    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(policy.spec.egress ?? []).toEqual([]);
  });
});

describe('four pods', () => {
  const { statefulSet, container, objects, policy, pod } = minio({ replicas: 4 });
  const headless = objects.find(({ metadata }) => metadata.name === 'mlflow-minio-headless');
  const selector = statefulSet.spec.selector.matchLabels;

  test('start in parallel, because each waits for the others', () => {
    expect(statefulSet.spec).toMatchObject({ replicas: 4, podManagementPolicy: 'Parallel' });
  });

  test('find each other by a headless Service before they are ready', () => {
    expect(headless.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true, selector });
    expect(statefulSet.spec.serviceName).toBe('mlflow-minio-headless');
  });

  test('have one drive each', () => {
    expect(container.args.slice(0, 2)).toEqual([
      'server',
      'http://mlflow-minio-{0...3}.mlflow-minio-headless:9000/data',
    ]);
  });

  test('have the same Service for clients, with ready pods only', () => {
    const { spec } = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'mlflow-minio');
    expect(spec.clusterIP).toBeUndefined();
    expect(spec.publishNotReadyAddresses).toBeUndefined();
  });

  test('are drained one at a time', () => {
    const [budget] = ofKind(objects, 'PodDisruptionBudget');
    expect(budget.spec).toMatchObject({ maxUnavailable: 1, selector: { matchLabels: selector } });
  });

  test('prefer different nodes', () => {
    const [term] = pod.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(term.podAffinityTerm).toEqual({
      labelSelector: { matchLabels: selector },
      topologyKey: 'kubernetes.io/hostname',
    });
  });

  test('may reach each other', () => {
    const self = [{ podSelector: { matchLabels: selector } }];
    const ports = [{ port: 9000, protocol: 'TCP' }];
    expect(policy.spec.ingress).toContainEqual({ from: self, ports });
    expect(policy.spec.egress).toContainEqual({ to: self, ports });
  });

  test('may use DNS', () => {
    expect(policy.spec.egress[0].ports.map(({ port }: Rendered) => port)).toEqual([53, 5353]);
  });
});

describe('ingress of a MinioStore', () => {
  const consolePorts = (from: Rendered) =>
    from.policy.spec.ingress.filter((rule: Rendered) => rule.ports.some(({ port }: Rendered) => port === 9001));

  test('is allowed for clients, to the api only', () => {
    const { policy } = minio({}, (store) => store.connectFrom(client(0, 'notebook')));
    expect(policy.spec.ingress).toContainEqual({
      from: [{ podSelector: { matchLabels: { app: 'notebook' } } }],
      ports: [{ port: 9000, protocol: 'TCP' }],
    });
  });

  test('is denied to the console by default', () => {
    expect(consolePorts(minio())).toEqual([]);
    expect(consolePorts(minio({ consoleClients: [{ podLabels: { app: 'admin' } }] }))).toEqual([
      { from: [{ podSelector: { matchLabels: { app: 'admin' } } }], ports: [{ port: 9001, protocol: 'TCP' }] },
    ]);
  });
});

test('a MinioStore has its URL, bucket and port as properties', () => {
  synth((chart) => {
    const store = new MinioStore(chart, 'minio', { bucket: 'models' });
    expect(store.uri).toBe('s3://models');
    expect(store.bucket).toBe('models');
    expect(store.endpoint).toBe('http://minio.mlflow.svc:9000');
    expect(store.sharedByReplicas).toBe(true);
    expect(store.reachableByClients).toBe(false);
  });
});
