import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu, Pods } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import * as lib from '../../lib';
import { CALLS, ENUMS, STRUCTS } from '../../lib/inputs/table';

type Args = Record<string, any>;

/** A wrong or unusual value of one public prop or parameter, in an app without other mistakes. */
export interface Input {
  /** e.g. `new MinioStore props.replicas = "3"` */
  readonly name: string;
  /** The call that gets the value, e.g. `new MinioStore`. */
  readonly call: string;
  /** True for a value that must be accepted: it proves that the app has no other mistake. */
  readonly right: boolean;
  /** Returns the app's objects. Throws if the value is refused. */
  readonly build: () => object[];
}

const texts = [
  ...[
    '',
    ' ',
    '-',
    'a-',
    '-a',
    'a.',
    'a_',
    'A B',
    'UPPER_case',
    'ümlaut',
    'a\nb',
    '.',
    '..',
    '..a',
    'a..b',
    'a.-b',
    'a/b',
    '/',
  ],
  ...[
    'a/',
    '/a',
    'a/b/c',
    '*',
    '$(X)',
    'a:b',
    'a=b',
    '1',
    '10.0.0.0',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '::1/129',
    '010.0.0.0/8',
  ],
  ...[
    'undefined',
    'https://',
    'http://[',
    'http://a:99999',
    'http://a/b?c',
    'a'.repeat(64),
    'a'.repeat(254),
    'a.'.repeat(126) + 'a',
  ],
];
const numbers = [0, -1, 1.5, NaN, Infinity, -Infinity, 101, 65536, 2 ** 31, 2 ** 53, 1e21];
/** The few values for a prop that another call has too: they show that both calls have the same rules. */
const few = { texts: ['', 'A B', 'a-'], numbers: [0, NaN, 2 ** 31], amounts: [0, Infinity] };
const many = {
  texts,
  numbers,
  amounts: [0, -1, 0.00001, 1.5, NaN, Infinity, 1e9, 1e21],
};
type Values = typeof many;

/** Valid values, by type, or by type and the name of a prop. */
const right: Record<string, () => any> = {
  string: () => 'a',
  'string host': () => 'mlflow.example.com',
  'string image': () => 'mlflow:3',
  'string clientImage': () => 'mlflow:3',
  'string proxyImage': () => 'mlflow:3',
  'string exporterImage': () => 'mlflow:3',
  'string postgresExporter': () => 'mlflow:3',
  'string mlflow': () => 'mlflow:3',
  'string postgres': () => 'mlflow:3',
  'string mariadb': () => 'mlflow:3',
  'string silo': () => 'mlflow:3',
  'string seaweedfs': () => 'mlflow:3',
  'string nginx': () => 'mlflow:3',
  'string oauth2Proxy': () => 'mlflow:3',
  'string node': () => 'mlflow:3',
  'string rclone': () => 'mlflow:3',
  // Ids of every component, and of one of its objects.
  'string id': () => 'service-account',
  'string namespace': () => 'mlflow',
  'string endpoint': () => 'https://s3.example.com',
  'string allowedOrigins': () => 'https://notebooks.example.com',
  'string cidr': () => '10.0.0.0/8',
  'string sslMode': () => 'require',
  'string contentType': () => 'text/csv',
  'string effect': () => 'NoExecute',
  'string url': () => 'http://mlflow-server.mlflow.svc:5000',
  'string pushgateway': () => 'http://pushgateway.monitoring.svc:9091',
  'string indexUrl': () => 'https://pypi.org/simple',
  'string stage': () => 'Production',
  'string version': () => '7',
  'string body': () => '{"inputs": [[1]]}',
  'string account': () => 'mlflowmodels',
  'string bucket': () => 'models',
  'string container': () => 'models',
  'string domain': () => 'blob.core.windows.net',
  'string operator': () => 'Exists',
  'string schedule': () => '0 2 * * *',
  'string start': () => '0 7 * * *',
  'string end': () => '0 19 * * *',
  'string serverAddress': () => 'http://prometheus.monitoring.svc:9090',
  'string tlsSecretName': () => 'mlflow-tls',
  'string destinationAuthority': () => '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  'string timeZone': () => 'Europe/Berlin',
  'string remote': () => 'gcs:backups/mlflow',
  'string mountPath': () => '/etc/prompts',
  'string topologyKey': () => 'kubernetes.io/hostname',
  'string time': () => '2026-11-28T09:30:00Z',
  'string issuer': () => 'https://login.example.com',
  'string workspace': () => 'fraud',
  'string keysUrl': () => 'https://login.example.com/keys',
  'string logoutUrl': () => 'https://login.example.com/logout',
  'string path': () => '/mlflow',
  'string loadBalancerSourceRanges': () => '10.0.0.0/8',
  'string publicUrl': () => 'https://mlflow.example.com',
  'string authorization': () => 'https://login.example.com/authorize',
  'string token': () => 'https://login.example.com/token',
  'string keys': () => 'https://login.example.com/keys',
  'string scopes': () => 'openid',
  'string extraArguments': () => '--x-frame-options=DENY',
  'string gpuResource': () => 'amd.com/gpu',
  number: () => 50,
  'number port': () => 9801,
  'number gpus': () => 1,
  'number workers': () => 1,
  'number maxDatabaseRequests': () => 1,
  boolean: () => true,
  'string runbooks': () => 'https://wiki.example.com/alerts',
  'string disabledAlerts': () => 'MlflowServerSlow',
  'Duration serverLatency': () => Duration.seconds(2),
  'Duration servingLatency': () => Duration.seconds(2),
  'Duration volumeFullWithin': () => Duration.days(1),
  'Duration deployerLag': () => Duration.minutes(5),
  'Construct platform': () => server({}),
  Construct: () => new Chart(new App(), 'chart', { namespace: 'mlflow' }),
  Chart: () => new Chart(new App(), 'chart', { namespace: 'mlflow' }),
  Size: () => Size.gibibytes(5),
  'Size request': () => Size.mebibytes(32),
  'Size limit': () => Size.gibibytes(4),
  'Size sharedMemory': () => Size.gibibytes(1),
  Cpu: () => Cpu.units(1),
  Duration: () => Duration.minutes(1),
  'Duration olderThan': () => Duration.days(30),
  'Duration tracesOlderThan': () => Duration.days(90),
  'Duration archiveTracesOlderThan': () => Duration.days(30),
  'Duration retention': () => Duration.days(1),
  Credentials: () => lib.Credentials.fromSecret('login'),
  IDatabase: () => lib.Database.fromExisting({ host: 'db', credentials: lib.Credentials.fromSecret('db') }),
  IDataVolume: () => lib.DataVolume.fromClaim('mlflow-data'),
  IArtifactStore: () => lib.ArtifactStore.fromClaim({ claimName: 'artifacts', readWriteMany: true }),
  RegisteredModel: () => lib.RegisteredModel.byVersion('churn', '7'),
  TrackingEndpoint: () => lib.TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000'),
  ModelDeployer: () => new lib.ModelDeployer(scope(), 'deployer', { tracking: right.TrackingEndpoint() }),
  IngressController: () => lib.IngressController.nginx(),
  Tls: () => lib.Tls.fromIssuer('letsencrypt'),
  SecretValue: () => lib.SecretValue.fromSecret('llm', 'key'),
  ConfigValue: () => lib.ConfigValue.fromConfigMap('settings', 'threshold'),
  CertificateAuthority: () => lib.CertificateAuthority.fromConfigMap('company-ca'),
  ScalingTrigger: () => right.CronTrigger(),
  CronTrigger: () =>
    lib.ScalingTrigger.cron({ timeZone: 'Europe/Berlin', start: '0 7 * * *', end: '0 19 * * *', replicas: 1 }),
  WorkspaceProps: () => ({ name: 'fraud' }),
  UserLimits: () => ({ requestsPerSecond: 20 }),
  ServiceCertificateProps: () => ({ service: right.ICertifiedService(), issuer: 'company-ca' }),
  'Duration duration': () => Duration.days(90),
  ICertifiedService: () => new lib.MinioStore(scope(), 'minio'),
  IScaledComponent: () => server({ autoscaling: { byKeda: true } }),
  MountedFiles: () => lib.MountedFiles.fromConfigMap('prompts', '/etc/prompts'),
  Authentication: () => lib.Authentication.basic(),
  TokenIssuer: () =>
    lib.TokenIssuer.fromUrl({ issuer: 'https://ci.example.com', keysUrl: 'https://ci.example.com/keys' }),
  Exposure: () => lib.Exposure.ingress({ host: 'mlflow.example.com' }),
  BackupTarget: () => lib.BackupTarget.claim({ claimName: 'backups' }),
  RouteTimeout: () => lib.RouteTimeout.seconds(600),
  ServingRuntime: () => lib.ServingRuntime.image('mlflow:3'),
  WarmUp: () => lib.WarmUp.request('{"inputs": [[1]]}'),
  IPodSelector: () => Pods.select(scope(), 'pods', { labels: { app: 'jobs' } }),
  NetworkPeer: () => ({ cidr: '10.0.0.0/8' }),
  PostgresArchiveProps: () => ({ bucket: 'models', credentials: lib.Credentials.fromSecret('login') }),
  ExternalMetricProps: () => ({ name: 'a', averageValue: 20 }),
  ConnectionClient: () => ({ name: 'chart/jobs', podLabels: { app: 'jobs' }, namespace: 'mlflow', maxConnections: 5 }),
  Toleration: () => ({ key: 'a' }),
  ExtraVolume: () => lib.ExtraVolume.scratch('/cache', Size.gibibytes(1)),
  ExtraContainer: () => ({ name: 'a', image: 'mlflow:3', resources: right['ContainerResources resources']() }),
  SidecarContainer: () => right.ExtraContainer(),
  ExtraContainerProbe: () => ({ port: 9801 }),
  'ContainerResources resources': () => ({
    cpu: { request: Cpu.millis(50), limit: Cpu.units(1) },
    memory: { request: Size.mebibytes(64), limit: Size.gibibytes(4) },
  }),
  ScalingMetric: () => lib.ScalingMetric.perPod({ name: 'requests', averageValue: 20 }),
  ScalingPolicy: () => ({ pods: 1, period: Duration.minutes(1) }),
  'NodeSelectorRequirement matchFields': () => ({ key: 'metadata.name', operator: 'In', values: ['node-1'] }),
};

/** Further props without which a prop has no effect or is refused, by struct and prop, or by struct. */
const beside: Record<string, () => object> = {
  'UserLimits.burst': () => ({ requestsPerSecond: 20 }),
  'UserLimits.concurrentRequests': () => ({}),
  'NetworkPeer.podLabels': () => ({}),
  'NetworkPeer.namespaceLabels': () => ({}),
  'NetworkPeer.anyone': () => ({}),
  'CloudNativePostgresProps.metricsClients': () => ({ metrics: true }),
  'CloudNativePostgresProps.recoverFrom': () => ({ archive: right.PostgresArchiveProps() }),
  'ExistingBucketProps.authoritySecretName': () => ({
    ...{ bucket: 'models', credentials: lib.Credentials.fromSecret('key') },
    endpoint: 'https://s3.example.com',
  }),
  'OtherTriggerProps.secretParameters': () => ({ type: 'rabbitmq', metadata: { queueName: 'jobs' } }),
  'OidcAuthenticationProps.issuers': () => ({
    ...{ issuer: 'https://login.example.com', clientId: 'mlflow', groups: ['ml-robots'] },
    credentials: lib.Credentials.fromSecret('mlflow-sso'),
  }),
  'RouteExposureProps.destinationAuthority': () => ({
    host: 'mlflow.example.com',
    termination: lib.RouteTermination.REENCRYPT,
  }),
  'MinioStoreProps.metricsClients': () => ({ metrics: true }),
  'SeaweedStoreProps.metricsClients': () => ({ metrics: true }),
  'PostgresStatefulSetProps.metricsClients': () => ({ metrics: true }),
  'PostgresStatefulSetProps.exporterCredentials': () => ({ metrics: true }),
  'PostgresStatefulSetProps.exporterImage': () => ({ metrics: true }),
  'PostgresStatefulSetProps.exporterResources': () => ({ metrics: true }),
  'ServerServiceOptions.nodePort': () => ({ type: lib.ServiceType.NODE_PORT }),
  'ServerServiceOptions.keepClientAddress': () => ({ type: lib.ServiceType.NODE_PORT }),
  'ServerServiceOptions.loadBalancerClass': () => ({ type: lib.ServiceType.LOAD_BALANCER }),
  'ServerServiceOptions.loadBalancerSourceRanges': () => ({ type: lib.ServiceType.LOAD_BALANCER }),
  'Toleration.tolerationSeconds': () => ({ key: 'a', effect: 'NoExecute' }),
  'ExtraContainerProbe.command': () => ({}),
  'ScalingPolicy.percent': () => ({ period: Duration.minutes(1) }),
  'ExternalMetricProps.value': () => ({ name: 'a' }),
  'ModelServingProps.tlsSecretName': () => ({
    model: right.RegisteredModel(),
    exposure: right.Exposure(),
    tracking: right.TrackingEndpoint(),
  }),
  'ModelServingProps.gpuResource': () => ({
    ...{ model: right.RegisteredModel(), tracking: right.TrackingEndpoint() },
    gpus: 1,
  }),
  'PlatformServingOptions.tlsSecretName': () => ({ model: right.RegisteredModel(), exposure: right.Exposure() }),
  'PlatformServingOptions.gpuResource': () => ({ model: right.RegisteredModel(), gpus: 1 }),
  'NodeSelectorRequirement.values': () => ({ key: 'a', operator: 'In' }),
  'LabelSelectorRequirement.values': () => ({ key: 'a', operator: 'In' }),
  'PodAffinityTerm.matchLabelKeys': () => ({ topologyKey: 'a', labelSelector: { matchLabels: { app: 'a' } } }),
  'PodAffinityTerm.mismatchLabelKeys': () => ({ topologyKey: 'a', labelSelector: { matchLabels: { app: 'a' } } }),
};

/** How each call becomes part of an app; `args` has one wrong argument. */
const apps: Record<string, (args: Args) => Construct> = {
  ...Object.fromEntries(
    Object.keys(CALLS)
      .filter((call) => call.startsWith('new '))
      .map((call) => [call, ({ scope, id, props }: Args) => new (lib as any)[call.slice(4)](scope, id, props)]),
  ),
  'ArtifactStore.fromBucket': ({ props }) => server({ artifacts: lib.ArtifactStore.fromBucket(props) }),
  'ArtifactStore.fromAzureContainer': ({ props }) => server({ artifacts: lib.ArtifactStore.fromAzureContainer(props) }),
  'ArtifactStore.fromGoogleBucket': ({ props }) => server({ artifacts: lib.ArtifactStore.fromGoogleBucket(props) }),
  'ArtifactStore.fromClaim': ({ props }) => server({ artifacts: lib.ArtifactStore.fromClaim(props), replicas: 1 }),
  'ArtifactStore.volume': ({ props }) => server({ artifacts: lib.ArtifactStore.volume(props), replicas: 1 }),
  'Authentication.basic': ({ props }) => server({ authentication: lib.Authentication.basic(props) }),
  'Authentication.mlflow': ({ props }) => server({ authentication: lib.Authentication.mlflow(props) }),
  'Authentication.oidc': ({ props }) =>
    server({ authentication: lib.Authentication.oidc(props), exposure: right.Exposure() }),
  'BackupTarget.bucket': ({ props }) => backup(lib.BackupTarget.bucket(props)),
  'BackupTarget.claim': ({ props }) => backup(lib.BackupTarget.claim(props)),
  'BackupTarget.rclone': ({ props }) => backup(lib.BackupTarget.rclone(props)),
  // Its chart has no namespace.
  'new DeployerPolicy': ({ scope: given, id, props }) =>
    new lib.DeployerPolicy(given instanceof Construct ? new Chart(given.node.root, 'beside') : given, id, props),
  'DeployerPolicy#apiObject': ({ id }) =>
    new lib.DeployerPolicy(new Chart(new App(), 'beside'), 'deployer', { deployer: right.ModelDeployer() }).apiObject(
      id === right['string id']() ? 'policy' : id,
    ),
  'Component#apiObject': ({ id }) => server({}).apiObject(id),
  'Credentials.fromSecret': ({ name, keys }) =>
    new lib.PostgresStatefulSet(scope(), 'postgres', { credentials: lib.Credentials.fromSecret(name, keys) }),
  'Credentials.fromServiceAccount': ({ annotations }) =>
    server({
      artifacts: lib.ArtifactStore.fromBucket({
        bucket: 'models',
        credentials: lib.Credentials.fromServiceAccount(annotations),
      }),
    }),
  'CloudNativePostgres#connectFrom': ({ client }) =>
    connected(new lib.CloudNativePostgres(scope(), 'postgres'), client),
  'CloudNativePostgres#addDatabase': ({ name }) => {
    const postgres = new lib.CloudNativePostgres(scope(), 'postgres');
    postgres.addDatabase(name);
    return postgres;
  },
  'Database.fromExisting': ({ props }) =>
    server({ database: lib.Database.fromExisting(props), replicas: 1, maxDatabaseRequests: 1 }),
  'Database.mysql': ({ props }) => server({ database: lib.Database.mysql(props), replicas: 1, maxDatabaseRequests: 1 }),
  'Database.sqlite': ({ props }) => server({ database: lib.Database.sqlite(props) }),
  'DataVolume.fromClaim': ({ claimName }) =>
    server({ artifacts: lib.ArtifactStore.volume({ volume: lib.DataVolume.fromClaim(claimName) }), replicas: 1 }),
  'DataVolume#mountFrom': ({ client }) => {
    const volume = new lib.DataVolume(scope(), 'mlflow-data');
    volume.mountFrom(client);
    return volume;
  },
  'DataVolume#apiObject': ({ id }) => {
    const volume = new lib.DataVolume(scope(), 'mlflow-data');
    volume.apiObject(id === right['string id']() ? 'claim' : id);
    return volume;
  },
  'ExtraVolume.fromClaim': ({ claimName, mountPath, readOnly }) =>
    serving({ volumes: [lib.ExtraVolume.fromClaim(claimName, mountPath, readOnly)] }),
  'ExtraVolume.scratch': ({ mountPath, size }) => serving({ volumes: [lib.ExtraVolume.scratch(mountPath, size)] }),
  'Exposure.httpRoute': ({ props }) => server({ exposure: lib.Exposure.httpRoute(props) }),
  'Exposure.route': ({ props }) =>
    server({
      exposure: lib.Exposure.route(props),
      ...(props?.termination === lib.RouteTermination.REENCRYPT && { tlsSecretName: 'mlflow-tls' }),
    }),
  'Exposure.ingress': ({ props }) => server({ exposure: lib.Exposure.ingress(props) }),
  'MinioStore#connectFrom': ({ client }) => connected(new lib.MinioStore(scope(), 'minio'), client),
  'SeaweedStore#connectFrom': ({ client }) => connected(new lib.SeaweedStore(scope(), 'seaweedfs'), client),
  'PostgresStatefulSet#connectFrom': ({ client }) =>
    connected(new lib.PostgresStatefulSet(scope(), 'postgres'), client),
  'PostgresStatefulSet#addDatabase': ({ name }) => {
    const postgres = new lib.PostgresStatefulSet(scope(), 'postgres');
    postgres.addDatabase(name);
    return postgres;
  },
  'MlflowPlatform#addModelServing': ({ id, options }) => platform(beneath(options?.chart)).addModelServing(id, options),
  'MetricsMonitor#apiObject': ({ id }) =>
    new lib.MetricsMonitor(scope(), 'metrics', { target: server({}) }).apiObject(
      id === right['string id']() ? 'service-monitor' : id,
    ),
  'ExternalSecret#apiObject': ({ id }) =>
    new lib.ExternalSecret(scope(), 'login', { store: 'vault', remoteKey: 'mlflow', keys: { a: 'a' } }).apiObject(
      id === right['string id']() ? 'external-secret' : id,
    ),
  'Dashboard#apiObject': ({ id }) =>
    new lib.Dashboard(scope(), 'dashboard').apiObject(id === right['string id']() ? 'config-map' : id),
  'AlertRules#apiObject': ({ id }) =>
    new lib.AlertRules(scope(), 'alerts', { platform: server({}) }).apiObject(
      id === right['string id']() ? 'prometheus-rule' : id,
    ),
  'MlflowPlatform#apiObject': ({ id }) => platform().apiObject(id === right['string id']() ? `server/${id}` : id),
  'MountedFiles.fromConfigMap': ({ name, mountPath }) =>
    serving({ files: [lib.MountedFiles.fromConfigMap(name, mountPath)] }),
  'MountedFiles.fromSecret': ({ name, mountPath }) => server({ files: [lib.MountedFiles.fromSecret(name, mountPath)] }),
  'NetworkPeers.fromPods': ({ pods }) => server({ clients: [lib.NetworkPeers.fromPods(pods)] }),
  'RestrictedNamespace#apiObject': ({ id }) =>
    new lib.RestrictedNamespace(scope(), 'restricted').apiObject(id === right['string id']() ? 'namespace' : id),
  'MlflowPlatform#follow': ({ serving: followed }) => {
    const of = platform(beneath(followed));
    of.follow(followed);
    return of;
  },
  'ModelDeployer#follow': ({ serving: followed }) => {
    const tracking = right.TrackingEndpoint();
    const deployer = new lib.ModelDeployer(beneath(followed), 'deployer', { tracking });
    deployer.follow(followed);
    return deployer;
  },
  'RegisteredModel.byAlias': ({ name, alias, options }) =>
    serving({ model: lib.RegisteredModel.byAlias(name, alias, options) }),
  'RegisteredModel.byStage': ({ name, stage, options }) =>
    serving({ model: lib.RegisteredModel.byStage(name, stage, options) }),
  'RegisteredModel.byVersion': ({ name, version, options }) =>
    serving({ model: lib.RegisteredModel.byVersion(name, version, options) }),
  'RouteTimeout.seconds': ({ seconds }) =>
    server({
      exposure: lib.Exposure.httpRoute({
        host: 'a.example.com',
        gateway: 'a',
        timeout: lib.RouteTimeout.seconds(seconds),
      }),
    }),
  'ScalingMetric.external': ({ props }) => scaled(lib.ScalingMetric.external(props)),
  'ScalingMetric.perPod': ({ props }) => scaled(lib.ScalingMetric.perPod(props)),
  'SecretValue.fromSecret': ({ name, key }) =>
    serving({ secretEnvironment: { OPENAI_API_KEY: lib.SecretValue.fromSecret(name, key) } }),
  'ConfigValue.fromConfigMap': ({ name, key }) =>
    serving({ configEnvironment: { CHURN_THRESHOLD: lib.ConfigValue.fromConfigMap(name, key) } }),
  'CertificateAuthority.fromConfigMap': ({ name, key }) =>
    serving({ authority: lib.CertificateAuthority.fromConfigMap(name, key) }),
  'CertificateAuthority.fromSecret': ({ name, key }) =>
    server({ authority: lib.CertificateAuthority.fromSecret(name, key) }),
  'ServiceCertificate#apiObject': ({ id }) =>
    new lib.ServiceCertificate(scope(), 'tls', { service: server({}), issuer: 'a' }).apiObject(
      id === right['string id']() ? 'certificate' : id,
    ),
  'VerticalRecommender#apiObject': ({ id }) =>
    new lib.VerticalRecommender(scope(), 'size', { target: server({}) }).apiObject(
      id === right['string id']() ? 'vertical-pod-autoscaler' : id,
    ),
  'KedaScaler#apiObject': ({ id }) =>
    keda(right.CronTrigger()).apiObject(id === right['string id']() ? 'scaled-object' : id),
  'ScalingTrigger.cron': ({ props }) => keda(lib.ScalingTrigger.cron(props)),
  'ScalingTrigger.prometheus': ({ props }) => keda(lib.ScalingTrigger.prometheus(props)),
  'ScalingTrigger.of': ({ props }) => keda(lib.ScalingTrigger.of(props)),
  'ServingRuntime.image': ({ image }) => serving({ runtime: lib.ServingRuntime.image(image) }),
  'ServingRuntime.withRequirements': ({ props }) => serving({ runtime: lib.ServingRuntime.withRequirements(props) }),
  'ServiceUser#mayEdit': ({ model }) => {
    const of = server({ authentication: lib.Authentication.mlflow() });
    of.addServiceUser('notebooks').mayEdit(model);
    return of;
  },
  'Tls.fromIssuer': ({ clusterIssuer }) => secured(lib.Tls.fromIssuer(clusterIssuer)),
  'Tls.fromNamespacedIssuer': ({ issuerName }) => secured(lib.Tls.fromNamespacedIssuer(issuerName)),
  'Tls.fromSecret': ({ name }) => secured(lib.Tls.fromSecret(name)),
  'TrackingEndpoint.fromServer': ({ server: of }) =>
    serving({ tracking: lib.TrackingEndpoint.fromServer(of) }, beneath(of)),
  'TrackingEndpoint.fromUrl': ({ url, props }) => serving({ tracking: lib.TrackingEndpoint.fromUrl(url, props) }),
  'TokenIssuer.fromUrl': ({ props }) => withTokens({ issuer: lib.TokenIssuer.fromUrl(props) }),
  'TokenIssuer.gitLab': ({ issuer, options }) =>
    withTokens({ issuer: lib.TokenIssuer.gitLab(issuer, options), claims: { project_path: 'team/churn' } }),
  'TrackingServer#addTokenLogin': ({ props }) => {
    const of = server({});
    of.addTokenLogin(props);
    return of;
  },
  'TrackingServer#addServiceAccount': ({ props }) => {
    const of = server({ workspaces: [{ name: 'fraud' }] });
    of.addServiceAccount(props);
    return of;
  },
  'TrackingServer#addServiceUser': ({ username, options }) => {
    const of = server({ workspaces: [{ name: 'fraud' }] });
    of.addServiceUser(username, options);
    return of;
  },
  'WarmUp.fromConfigMap': ({ name, key, contentType }) =>
    serving({ warmUp: lib.WarmUp.fromConfigMap(name, key, contentType) }),
  'WarmUp.request': ({ body, contentType }) => serving({ warmUp: lib.WarmUp.request(body, contentType) }),
};

const scope = () => right.Construct();
const server = (props: object) =>
  new lib.TrackingServer(scope(), 'server', {
    database: right.IDatabase(),
    artifacts: right.IArtifactStore(),
    ...props,
  });
const withTokens = (props: object) => {
  const of = server({});
  const login = { name: 'ci', issuer: right.TokenIssuer(), claims: { a: 'a' }, role: lib.ServiceUserRole.READER };
  of.addTokenLogin({ ...login, ...props });
  return of;
};
/** A chart in the app of a construct, or in a new app if the value is not a construct. */
const beneath = (construct: unknown) =>
  construct instanceof Construct ? new Chart(construct.node.root, 'beside', { namespace: 'mlflow' }) : scope();
const serving = (props: object, within = scope()) =>
  new lib.ModelServing(within, 'churn', {
    model: right.RegisteredModel(),
    tracking: right.TrackingEndpoint(),
    ...props,
  });
const scaled = (metric: lib.ScalingMetric) => serving({ autoscaling: { metrics: [metric] } });
const keda = (trigger: lib.ScalingTrigger) =>
  new lib.KedaScaler(scope(), 'keda', { target: server({ autoscaling: { byKeda: true } }), triggers: [trigger] });
const backup = (target: lib.BackupTarget) =>
  new lib.Backup(scope(), 'backup', { server: server({}), schedule: '0 2 * * *', target });
const platform = (within = scope()) => new lib.MlflowPlatform(within, 'mlflow');
const secured = (tls: lib.Tls) => server({ exposure: lib.Exposure.ingress({ host: 'a.example.com', tls }) });
const connected = (of: any, client: lib.ConnectionClient) => {
  of.connectFrom(client);
  return of;
};

/**
 * Every wrong value of every parameter of every call, and of every prop of every struct that a call takes. The first time
 * that a prop occurs, also a right value.
 */
export function inputs(calls = Object.keys(CALLS)): Input[] {
  const seen = new Set<string>();
  return calls.flatMap((call) => {
    if (!apps[call]) throw new Error(`no app for ${call}: add one to test/inputs/wrong-inputs.ts`);
    const parameters = CALLS[call];
    return Object.entries(parameters).flatMap(([name, type]) =>
      valuesOf(type, name, many, seen).map(([label, value]) => ({
        name: `${call} ${name}${label}`,
        call,
        right: label.endsWith(RIGHT),
        build: () => {
          const args = { ...argumentsOf(call), [name]: value };
          return (apps[call](args).node.root as App).charts.flatMap((chart) => chart.toJson());
        },
      })),
    );
  });
}

function argumentsOf(call: string): Args {
  return Object.fromEntries(
    Object.entries(CALLS[call])
      .filter(([, type]) => !type.endsWith('?'))
      .map(([name, type]) => [name, name === 'id' ? 'construct' : rightValue(type, name)]),
  );
}

function rightValue(type: string, name: string): any {
  const known = right[`${type} ${name}`] ?? right[type];
  if (known) return known();
  if (type.endsWith('[]')) return [rightValue(type.slice(0, -2), name)];
  if (type.startsWith('{')) return { [rightKey(name)]: rightValue(type.slice(1, -1), name) };
  if (type in ENUMS) return ENUMS[type][0];
  if (type === 'TrackingServer' || type === 'IMetricsTarget') return server({});
  if (type === 'ModelServing') return serving({ model: lib.RegisteredModel.byAlias('churn', 'champion') });
  if (!(type in STRUCTS)) throw new Error(`no right value for ${name}: ${type}; add one to ${__filename}`);
  return Object.fromEntries(
    Object.entries(STRUCTS[type])
      .filter(([, of]) => !of.endsWith('?'))
      .map(([field, of]) => [field, rightValue(of, field)]),
  );
}

/** A key of a map: of some maps only known ones are right. */
function rightKey(name: string): string {
  return name === 'uploadArguments' ? 'StorageClass' : 'a';
}

type Labelled = [label: string, value: unknown];
const RIGHT = ' is right';

function valuesOf(written: string, name: string, values: Values, seen: Set<string>): Labelled[] {
  const type = written.replace(/\?$/, '');
  const given: Labelled[] = values === few ? [] : [[RIGHT, rightValue(type, name)]];
  return [...given, ...wrongValues(written, name, values, seen)];
}

function wrongValues(written: string, name: string, values: Values, seen: Set<string>): Labelled[] {
  const type = written.replace(/\?$/, '');
  const others = [undefined, null, 5, true, 'text', {}, [], () => 1, lib.Exposure.none()];
  // A prop that was tried before is not left out again: that is accepted, and accepted values take most of the time.
  const isLeftOut = written.endsWith('?') && type !== 'string';
  const tried = values === few ? others.slice(isLeftOut ? 1 : 0, 5) : others;
  return [...tried.map((value): Labelled => [` = ${say(value)}`, value]), ...ofType(type, name, values, seen)];
}

function ofType(type: string, name: string, values: Values, seen: Set<string>): Labelled[] {
  const valued = (list: unknown[]) => list.map((value): Labelled => [` = ${say(value)}`, value]);
  if (type === 'string') {
    return valued([...values.texts, ...(name === 'body' ? [JSON.stringify('a'.repeat(2 ** 20))] : [])]);
  }
  if (type === 'number') return valued(values.numbers);
  if (type === 'Size') {
    return values.amounts.flatMap((amount) => valueOf(`Size ${amount}`, () => Size.gibibytes(amount)));
  }
  if (type === 'Duration') {
    return values.amounts.flatMap((amount) => valueOf(`Duration ${amount}`, () => Duration.seconds(amount)));
  }
  if (type === 'Cpu') return values.amounts.flatMap((amount) => valueOf(`Cpu ${amount}`, () => Cpu.units(amount)));
  if (type.endsWith('[]')) {
    return valuesOf(type.slice(0, -2), name, values, seen).map(([label, value]) => [`[0]${label}`, [value]]);
  }
  if (type.startsWith('{')) {
    const keys = values.texts.map((key): Labelled => [`.${say(key)} = "a"`, { [key]: 'a' }]);
    const inner = valuesOf(type.slice(1, -1), '', values, seen);
    const known = rightKey(name);
    return [...keys, ...inner.map(([label, value]): Labelled => [`.${known}${label}`, { [known]: value }])];
  }
  if (!(type in STRUCTS)) return [];
  const fields = Object.entries(STRUCTS[type]).flatMap(([field, of]) => {
    const key = `${field} ${of}`;
    const inner = valuesOf(of, field, values === few || seen.has(key) ? few : many, seen);
    seen.add(key);
    const base = (
      right[`${type} ${name}`] ??
      beside[`${type}.${field}`] ??
      beside[type] ??
      (() => rightValue(type, name))
    )();
    return inner.map(([label, value]): Labelled => [`.${field}${label}`, { ...base, [field]: value }]);
  });
  return [[`.unknown = 1`, { ...rightValue(type, name), unknown: 1 }], ...fields];
}

function valueOf(label: string, make: () => unknown): Labelled[] {
  try {
    return [[` = ${label}`, make()]];
  } catch {
    return []; // cdk8s refuses it itself
  }
}

function say(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number') return String(value);
  const text = value instanceof lib.Exposure ? 'an Exposure' : String(JSON.stringify(value));
  return text.length > 40 ? `${text.slice(0, 20)}… (${text.length})` : text;
}
