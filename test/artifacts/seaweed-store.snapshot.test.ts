import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { CertificateAuthority, Credentials, SeaweedStoreProps } from '../../lib';
import { client, seaweed } from '../support/components';
import { snapshotOf } from '../support/synth';

const allProps: Required<SeaweedStoreProps> = {
  storage: Size.tebibytes(1),
  storageClassName: 'fast-ssd',
  bucket: 'models',
  rootCredentials: Credentials.fromSecret('seaweedfs-root'),
  credentials: Credentials.fromSecret('seaweedfs-key', { usernameKey: 'id', passwordKey: 'key' }),
  metrics: true,
  metricsClients: [{ podLabels: { app: 'prometheus' } }],
  image: 'registry.example.com/seaweedfs:4.50',
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

test('SeaweedStore without props', () => {
  expect(snapshotOf(seaweed().objects)).toMatchSnapshot();
});

test('SeaweedStore with all props', () => {
  expect(snapshotOf(seaweed(allProps, (store) => store.connectFrom(client(0))).objects)).toMatchSnapshot();
});
