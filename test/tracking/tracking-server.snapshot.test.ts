import { Duration, Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import { addServer, existingBucket, existingDatabase, serverObjects } from './servers';
import {
  CertificateAuthority,
  ConfigValue,
  ArtifactAccess,
  Authentication,
  Credentials,
  Exposure,
  IpFamily,
  IpFamilyPolicy,
  ExtraVolume,
  MountedFiles,
  PolicySelection,
  ScalingMetric,
  SecretValue,
  ServiceType,
  Tls,
  TrackingServerProps,
} from '../../lib';
import { namesOf, snapshotOf, synth, synthWithoutNamespace } from '../support/synth';

const all: Required<TrackingServerProps> = {
  database: existingDatabase(),
  artifacts: existingBucket(),
  image: 'registry.example.com/mlflow:v3.17.2',
  resources: {
    cpu: { request: Cpu.millis(250), limit: Cpu.units(4) },
    memory: { request: Size.mebibytes(768), limit: Size.gibibytes(2) },
    ephemeralStorage: { request: Size.gibibytes(2), limit: Size.gibibytes(40) },
  },
  autoscaling: {
    minReplicas: 2,
    maxReplicas: 4,
    targetCpuPercent: 60,
    targetMemoryPercent: 150,
    metrics: [ScalingMetric.perPod({ name: 'requests_per_second', averageValue: 20, selector: { path: 'api' } })],
    scaleUp: { policies: [{ percent: 100, period: Duration.minutes(1) }] },
    scaleDown: {
      stabilizationWindow: Duration.minutes(10),
      policies: [{ pods: 1, period: Duration.minutes(1) }],
      selectPolicy: PolicySelection.MIN,
    },
  },
  replicas: 2,
  workers: 2,
  maxDatabaseRequests: 4,
  spool: Size.gibibytes(30),
  artifactAccess: ArtifactAccess.DIRECT,
  pauseArtifactWrites: false,
  userLimits: { requestsPerSecond: 20, burst: 100, concurrentRequests: 30 },
  auditLog: true,
  checkBeforeServing: true,
  workspaces: [
    { name: 'fraud', description: 'Team fraud', users: ['ann', 'bob'], requestsPerSecond: 50 },
    { name: 'pricing' },
  ],
  authentication: Authentication.basic({ users: Credentials.fromSecret('people'), realm: 'Models' }),
  exposure: Exposure.ingress({
    host: 'mlflow.example.com',
    className: 'traefik',
    tls: Tls.fromIssuer('letsencrypt-prod'),
    annotations: { 'example.com/note': 'mlflow' },
  }),
  allowedHosts: ['mlflow.internal'],
  allowedOrigins: ['https://notebooks.example.com'],
  clients: [{ podLabels: { app: 'notebook' } }, { namespaceLabels: { 'kubernetes.io/metadata.name': 'ingress' } }],
  metricsClients: [{ namespaceLabels: { 'kubernetes.io/metadata.name': 'prometheus' } }],
  sidecars: [
    {
      name: 'database-proxy',
      image: 'registry.example.com/database-proxy:2.1',
      command: ['/proxy'],
      args: ['--port', '5432'],
      resources: {
        cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
        memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
      },
      environment: { LOG_LEVEL: 'info' },
      secretEnvironment: { PROXY_KEY: SecretValue.fromSecret('database-proxy', 'key') },
      files: [MountedFiles.fromConfigMap('database-proxy', '/etc/proxy')],
      volumes: [ExtraVolume.scratch('/tmp', Size.mebibytes(64))],
      user: 20001,
      ports: [{ name: 'proxy-health', port: 9801, clients: [{ podLabels: { app: 'probe' } }] }],
      livenessProbe: { port: 9801, path: '/liveness', period: Duration.seconds(20), timeout: Duration.seconds(3) },
      readinessProbe: { port: 9801, failures: 5 },
      startupProbe: { command: ['/proxy', 'check'] },
    },
  ],
  initContainers: [
    {
      name: 'get-dictionary',
      image: 'registry.example.com/get:1',
      resources: {
        cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
        memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
        ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(512) },
      },
    },
  ],
  volumes: [ExtraVolume.scratch('/dictionary', Size.gibibytes(1)), ExtraVolume.fromClaim('datasets', '/datasets')],
  extraArguments: ['--x-frame-options', 'DENY'],
  drainTimeout: Duration.seconds(120),
  startTimeout: Duration.minutes(20),
  livenessTimeout: Duration.minutes(5),
  readinessTimeout: Duration.minutes(1),
  egress: [{ peer: { podLabels: { app: 'proxy' } }, port: 3128 }],
  ipv6: true,
  tlsSecretName: 'mlflow-server-tls',
  configEnvironment: { CHURN_THRESHOLD: ConfigValue.fromConfigMap('settings', 'threshold') },
  service: {
    type: ServiceType.LOAD_BALANCER,
    annotations: { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internal' },
    port: 80,
    nodePort: 30080,
    loadBalancerClass: 'service.k8s.aws/nlb',
    loadBalancerSourceRanges: ['10.0.0.0/8'],
    keepClientAddress: true,
    sessionAffinity: Duration.minutes(10),
    ipFamilyPolicy: IpFamilyPolicy.REQUIRE_DUAL_STACK,
    ipFamilies: [IpFamily.IPV6, IpFamily.IPV4],
  },
  keys: Credentials.fromSecret('server-keys'),
  environment: { MLFLOW_LOGGING_LEVEL: 'DEBUG' },
  secretEnvironment: { OPENAI_API_KEY: SecretValue.fromSecret('llm', 'key') },
  files: [MountedFiles.fromSecret('llm-certificate', '/etc/llm')],
  proxyImage: 'registry.example.com/nginx-unprivileged:1.28',
  proxyResources: { cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) } },
  dumpSpace: Size.gibibytes(50),
  dumpsKept: 5,
  nodeSelector: { 'kubernetes.io/arch': 'amd64' },
  tolerations: [{ key: 'mlflow', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] } },
      ],
    },
  } satisfies k8s.Affinity,
  priorityClassName: 'important',
  runtimeClassName: 'nvidia',
  labels: { 'cost-center': '4711' },
  annotations: { 'example.com/contact': 'ml@example.com' },
  jobPodLabels: { 'sidecar.istio.io/inject': 'false' },
  jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
  imagePullSecrets: ['registry'],
  podAnnotations: { 'example.com/team': 'data' },
  podLabels: { team: 'data' },
  scrapeAnnotations: true,
  imageRegistry: 'registry.example.com/mirror',
  apiServerEgress: [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }],
  jobResources: { memory: { request: Size.mebibytes(96), limit: Size.mebibytes(300) } },
  reserveEphemeralStorage: true,
  clusterAssignsUsers: false,
  authority: CertificateAuthority.fromConfigMap('company-ca'),
  images: { node: 'registry.example.com/node:22.1.0' },
};

test('a server with only its database and store has these objects', () => {
  expect(snapshotOf(serverObjects())).toMatchSnapshot();
});

test('a server with every prop has these objects', () => {
  // A fixed number and an autoscaler exclude each other.
  const { replicas, ...autoscaled } = all;
  expect(snapshotOf(synth((chart) => addServer(chart, autoscaled)))).toMatchSnapshot();
});

test('a server with a fixed number of pods has the same objects but for the autoscaler', () => {
  const { autoscaling, ...fixed } = all;
  const { replicas, ...autoscaled } = all;
  const names = (props: Partial<TrackingServerProps>) =>
    namesOf(serverObjects(props)).filter((name) => !name.startsWith('Job'));
  expect(names(fixed)).toEqual(names(autoscaled).filter((name) => !name.startsWith('HorizontalPodAutoscaler')));
});

test('a server in a chart without a namespace has no namespace in its objects', () => {
  const objects = synthWithoutNamespace((chart) =>
    addServer(chart, {
      keys: Credentials.fromSecret('server-keys'),
      authentication: Authentication.basic({ users: Credentials.fromSecret('people') }),
    }),
  );
  expect(objects.filter(({ metadata }) => 'namespace' in metadata)).toEqual([]);
});
