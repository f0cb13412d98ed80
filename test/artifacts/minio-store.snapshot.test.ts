import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { CertificateAuthority, Credentials, MinioStoreProps } from '../../lib';
import { client, minio } from '../support/components';
import { snapshotOf } from '../support/synth';

const allProps: Required<MinioStoreProps> = {
  storage: Size.tebibytes(1),
  storageClassName: 'fast-ssd',
  replicas: 4,
  bucket: 'models',
  versioning: true,
  tlsSecretName: 'minio-tls',
  rootCredentials: Credentials.fromSecret('minio-root'),
  credentials: Credentials.fromSecret('minio-key', { usernameKey: 'id', passwordKey: 'key' }),
  metrics: true,
  metricsClients: [{ podLabels: { app: 'prometheus' } }],
  consoleClients: [{ podLabels: { app: 'admin' }, namespaceLabels: { team: 'platform' } }],
  image: 'registry.example.com/minio:RELEASE.2025-09-07T16-13-09Z',
  resources: {
    cpu: { request: Cpu.units(1), limit: Cpu.units(4) },
    memory: { request: Size.gibibytes(2), limit: Size.gibibytes(8) },
    ephemeralStorage: { request: Size.mebibytes(128), limit: Size.gibibytes(2) },
  },
  nodeSelector: { disk: 'hdd' },
  tolerations: [{ key: 'storage', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] }],
      },
    },
  },
  priorityClassName: 'storage',
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

test('MinioStore without props', () => {
  expect(snapshotOf(minio().objects)).toMatchSnapshot();
});

test('MinioStore with all props', () => {
  expect(snapshotOf(minio(allProps, (store) => store.connectFrom(client(0))).objects)).toMatchSnapshot();
});
