import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { CertificateAuthority, Credentials, PostgresStatefulSetProps } from '../../lib';
import { client, postgres } from '../support/components';
import { snapshotOf } from '../support/synth';

const allProps: Required<PostgresStatefulSetProps> = {
  storage: Size.gibibytes(200),
  storageClassName: 'fast-ssd',
  databaseName: 'tracking',
  superuser: Credentials.fromSecret('postgres-root'),
  credentials: Credentials.fromSecret('postgres-login', { usernameKey: 'user', passwordKey: 'pass' }),
  maxConnections: 300,
  tlsSecretName: 'postgres-tls',
  metrics: true,
  metricsClients: [{ podLabels: { app: 'prometheus' } }],
  exporterCredentials: Credentials.fromSecret('exporter', { usernameKey: 'user' }),
  exporterImage: 'registry.example.com/postgres-exporter:v0.19.1',
  exporterResources: { memory: { limit: Size.mebibytes(256) } },
  image: 'registry.example.com/postgres:17.6',
  resources: {
    cpu: { request: Cpu.units(1), limit: Cpu.units(4) },
    memory: { request: Size.gibibytes(8), limit: Size.gibibytes(8) },
    ephemeralStorage: { request: Size.mebibytes(128), limit: Size.gibibytes(2) },
  },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'database', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
      },
    },
  },
  priorityClassName: 'database',
  runtimeClassName: 'nvidia',
  labels: { 'cost-center': '4711' },
  annotations: { 'example.com/contact': 'ml@example.com' },
  jobPodLabels: { 'sidecar.istio.io/inject': 'false' },
  jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
  imagePullSecrets: ['registry-login'],
  podAnnotations: { 'example.com/owner': 'platform' },
  podLabels: { team: 'ml' },
  scrapeAnnotations: true,
  imageRegistry: 'registry.example.com/mirror',
  apiServerEgress: [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }],
  jobResources: { memory: { request: Size.mebibytes(96), limit: Size.mebibytes(300) } },
  reserveEphemeralStorage: true,
  clusterAssignsUsers: false,
  authority: CertificateAuthority.fromConfigMap('company-ca'),
  images: { node: 'registry.example.com/node:22.1.0' },
};

test('PostgresStatefulSet without props', () => {
  expect(snapshotOf(postgres().objects)).toMatchSnapshot();
});

test('PostgresStatefulSet with all props', () => {
  expect(snapshotOf(postgres(allProps, (database) => database.connectFrom(client(70))).objects)).toMatchSnapshot();
});
