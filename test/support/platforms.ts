import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  AlertRules,
  ArtifactMove,
  ArtifactStore,
  Authentication,
  Backup,
  BackupTarget,
  CertificateAuthority,
  CloudNativePostgres,
  ConfigValue,
  Credentials,
  Dashboard,
  Database,
  DefaultPermission,
  DataVolume,
  Exposure,
  ExtraVolume,
  Images,
  KedaScaler,
  MinioStore,
  MlflowPlatform,
  RegisteredModel,
  RestrictedNamespace,
  SeaweedStore,
  MetricsMonitor,
  MountedFiles,
  PolicySelection,
  ScalingMetric,
  ScalingTrigger,
  SecretValue,
  ServiceCertificate,
  ServiceUserRole,
  ServingRuntime,
  Tls,
  TokenIssuer,
  WarmUp,
} from '../../lib';

/** Platforms that differ in many options, each in its own namespace, for checks on whole outputs. */
export const platforms = {
  /** Without options. */
  plain: (chart: Chart) => new MlflowPlatform(chart, 'mlflow'),

  /** With all features turned on. */
  full(chart: Chart) {
    const platform = new MlflowPlatform(chart, 'mlflow', {
      authentication: Authentication.mlflow(),
      exposure: Exposure.ingress({
        host: 'mlflow.example.com',
        className: 'traefik',
        tls: Tls.fromNamespacedIssuer('team-ca'),
        annotations: { 'example.com/owner': 'ml' },
      }),
      postgres: {
        metrics: true,
        tlsSecretName: 'postgres-tls',
        storage: Size.gibibytes(200),
        storageClassName: 'fast-ssd',
      },
      minio: {
        replicas: 4,
        metrics: true,
        versioning: true,
        bucket: 'models',
        storageClassName: 'bulk',
        consoleClients: [{ podLabels: { app: 'operator' } }],
      },
      backup: {
        schedule: '0 2 * * *',
        timeZone: 'Europe/Berlin',
        target: BackupTarget.bucket({
          bucket: 'backups',
          region: 'eu-west-1',
          credentials: Credentials.fromSecret('backup-target'),
        }),
        encryption: { secretName: 'backup-key' },
      },
      garbageCollection: {
        schedule: '0 4 * * 6',
        tracesOlderThan: Duration.days(90),
        archiveTracesOlderThan: Duration.days(30),
      },
      server: {
        replicas: 2,
        workers: 2,
        spool: Size.gibibytes(50),
        drainTimeout: Duration.seconds(300),
        secretEnvironment: { OPENAI_API_KEY: SecretValue.fromSecret('llm', 'key') },
        files: [MountedFiles.fromSecret('llm-certificate', '/etc/llm')],
      },
      pods: {
        nodeSelector: { 'kubernetes.io/arch': 'amd64' },
        tolerations: [{ key: 'mlflow', operator: 'Exists' }],
        priorityClassName: 'important',
        imagePullSecrets: ['registry-login'],
        imageRegistry: 'registry.example.com/mirror',
        podAnnotations: { 'example.com/owner': 'ml' },
        podLabels: { team: 'ml' },
      },
    });
    platform.server.addServiceUser('notebooks');
    platform.addModelServing('churn', {
      model: RegisteredModel.byAlias('churn', 'champion'),
      exposure: Exposure.ingress({ host: 'churn.example.com' }),
      warmUp: WarmUp.request('{"inputs": [[1]]}'),
      secretEnvironment: { OPENAI_API_KEY: SecretValue.fromSecret('llm', 'key') },
      files: [MountedFiles.fromConfigMap('prompts', '/etc/prompts')],
    });
    platform.addModelServing('spam', {
      model: RegisteredModel.byStage('spam', 'Production'),
      runtime: ServingRuntime.withRequirements({ indexUrl: 'https://pypi.example.com/simple' }),
      replicas: 1,
    });
    return platform;
  },

  /** People log in at an OpenID Connect provider. */
  oidc(chart: Chart) {
    const platform = new MlflowPlatform(chart, 'mlflow', {
      exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromSecret('mlflow-tls') }),
      authentication: Authentication.oidc({
        issuer: 'https://login.example.com/realms/ml',
        clientId: 'mlflow',
        credentials: Credentials.fromSecret('mlflow-sso'),
        groups: ['ml-people', 'ml-robots'],
        emailDomains: ['example.com'],
        scopes: ['openid', 'email', 'groups'],
        audiences: ['mlflow-api'],
        issuers: [{ issuer: 'https://ci.example.com', audience: 'mlflow' }],
        logoutUrl: 'https://login.example.com/realms/ml/protocol/openid-connect/logout',
        authoritySecretName: 'company-ca',
      }),
      server: { environment: { HTTPS_PROXY: 'http://proxy.example.com:3128', NO_PROXY: '.svc' } },
    });
    platform.server.addServiceUser('notebooks', { role: ServiceUserRole.READER });
    platform.server.addServiceAccount({ namespace: 'training', name: 'trainer', role: ServiceUserRole.TRAINER });
    platform.server.addTokenLogin({
      name: 'churn-pipeline',
      issuer: TokenIssuer.gitHubActions(),
      claims: { repository: 'example/churn' },
      role: ServiceUserRole.TRAINER,
    });
    platform.addModelServing('churn', {
      model: RegisteredModel.byVersion('churn', '7'),
      exposure: Exposure.ingress({ host: 'churn.example.com' }),
    });
    return platform;
  },

  /** The same with MLflow's permissions. */
  permissions(chart: Chart) {
    const platform = new MlflowPlatform(chart, 'mlflow', {
      exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromSecret('mlflow-tls') }),
      authentication: Authentication.oidc({
        issuer: 'https://login.example.com/realms/ml',
        clientId: 'mlflow',
        credentials: Credentials.fromSecret('mlflow-sso'),
        groups: ['ml-people'],
        scopes: ['openid', 'email', 'profile', 'groups'],
        permissions: { adminGroups: ['ml-admins'], defaultPermission: DefaultPermission.NO_PERMISSIONS },
      }),
      backup: {
        schedule: '0 2 * * *',
        target: BackupTarget.rclone({ configurationSecretName: 'rclone', remote: 'gcs:backups/mlflow' }),
      },
    });
    platform.server.addServiceUser('notebooks', { role: ServiceUserRole.TRAINER });
    platform.server.addServiceAccount({ namespace: 'training', name: 'trainer', role: ServiceUserRole.TRAINER });
    platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
    return platform;
  },

  /** Teams with workspaces of one server. */
  tenants(chart: Chart) {
    const platform = new MlflowPlatform(chart, 'mlflow', {
      server: {
        checkBeforeServing: true,
        workspaces: [
          { name: 'fraud', description: 'Team fraud', users: ['ann'], requestsPerSecond: 50 },
          { name: 'pricing', users: ['bob'] },
        ],
        userLimits: { requestsPerSecond: 20, concurrentRequests: 30 },
        auditLog: true,
      },
    });
    platform.server.addServiceUser('trainer', { role: ServiceUserRole.TRAINER, workspace: 'fraud' });
    platform.server.addServiceAccount({
      ...{ namespace: 'pricing', name: 'trainer', role: ServiceUserRole.TRAINER },
      workspace: 'pricing',
    });
    platform.addModelServing('churn', {
      model: RegisteredModel.byAlias('churn', 'champion', { workspace: 'fraud' }),
      exposure: Exposure.ingress({ host: 'churn.example.com' }),
    });
    return platform;
  },

  /** With the other embedded store, which is a separate component. */
  seaweed(chart: Chart) {
    const artifacts = new SeaweedStore(chart, 'mlflow-seaweedfs', { metrics: true });
    return new MlflowPlatform(chart, 'mlflow', { artifacts });
  },

  /** With a database on an existing MariaDB server. */
  mysql(chart: Chart) {
    return new MlflowPlatform(chart, 'mlflow', {
      database: Database.mysql({
        host: 'mariadb.example.com',
        credentials: Credentials.fromSecret('database'),
        authoritySecretName: 'database-ca',
        clientCertificateSecretName: 'database-client',
        cidr: '10.20.0.0/16',
      }),
    });
  },

  /** With an existing database, bucket and Gateway. */
  external(chart: Chart) {
    const exposure = (host: string) =>
      Exposure.httpRoute({ host, gateway: 'public', gatewayNamespace: 'gateway', listener: 'https' });
    const platform = new MlflowPlatform(chart, 'mlflow', {
      exposure: exposure('mlflow.example.com'),
      authentication: Authentication.basic({ users: Credentials.fromSecret('people') }),
      database: Database.fromExisting({
        host: 'db.example.com',
        otherHosts: ['db-standby.example.com'],
        readReplicaHost: 'db-ro.example.com',
        credentials: Credentials.fromSecret('database'),
        authoritySecretName: 'database-ca',
        clientCertificateSecretName: 'database-client',
        cidr: '10.20.0.0/16',
      }),
      artifacts: ArtifactStore.fromBucket({
        bucket: 'models',
        prefix: 'team-a',
        region: 'eu-west-1',
        endpoint: 'https://s3.example.com',
        authoritySecretName: 'store-ca',
        uploadArguments: { ServerSideEncryption: 'AES256' },
        credentials: Credentials.fromServiceAccount({ 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123:role/mlflow' }),
      }),
    });
    new Backup(chart, 'nightly', {
      server: platform.server,
      schedule: '@daily',
      target: BackupTarget.rclone({ configurationSecretName: 'rclone', remote: 'gcs:backups/mlflow' }),
      retention: { keepAll: true },
    });
    new ArtifactMove(chart, 'to-google', {
      server: platform.server,
      to: ArtifactStore.fromGoogleBucket({ bucket: 'models', credentials: Credentials.fromSecret('gcs-key') }),
      bytesPerSecond: Size.mebibytes(100),
    });
    platform.addModelServing('churn', {
      model: RegisteredModel.byVersion('churn', '7'),
      exposure: exposure('churn.example.com'),
    });
    return platform;
  },

  /** An operator runs the database, which is in a separate chart. */
  operated(chart: Chart) {
    const operated = new Chart(chart.node.root, `${chart.node.id}-database`, { namespace: chart.namespace });
    const database = new CloudNativePostgres(operated, 'mlflow-postgres', {
      metrics: true,
      archive: { bucket: 'database-archive', credentials: Credentials.fromSecret('archive-login') },
    });
    new MetricsMonitor(operated, 'database-metrics', { target: database });
    const artifacts = ArtifactStore.fromGoogleBucket({
      bucket: 'models',
      credentials: Credentials.fromSecret('gcs-key'),
    });
    return new MlflowPlatform(chart, 'mlflow', { database, artifacts, authentication: Authentication.mlflow() });
  },

  /** One pod with one volume. */
  small(chart: Chart) {
    const volume = new DataVolume(chart, 'mlflow-data');
    return new MlflowPlatform(chart, 'mlflow', {
      database: Database.sqlite({ volume }),
      artifacts: ArtifactStore.volume({ volume }),
      authentication: Authentication.mlflow(),
    });
  },

  /** With what the cluster and the company ask of pods and objects. */
  pods(chart: Chart) {
    const small = { request: Size.mebibytes(32), limit: Size.mebibytes(128) };
    const resources = { cpu: { request: Cpu.millis(20), limit: Cpu.millis(500) }, memory: small };
    const platform = new MlflowPlatform(chart, 'mlflow', {
      labels: { 'cost-center': '4711' },
      annotations: { 'example.com/contact': 'ml@example.com' },
      pods: {
        scrapeAnnotations: true,
        jobPodLabels: { 'sidecar.istio.io/inject': 'false' },
        jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
      },
      server: {
        autoscaling: {
          targetMemoryPercent: 250,
          scaleDown: { stabilizationWindow: Duration.minutes(10), selectPolicy: PolicySelection.MIN },
        },
        extraArguments: ['--x-frame-options', 'DENY'],
        volumes: [ExtraVolume.scratch('/shared', Size.gibibytes(1))],
        sidecars: [
          {
            ...{
              name: 'watcher',
              image: Images.NODE,
              command: ['node', '-e', 'setInterval(() => 0, 1000)'],
              resources,
            },
            ports: [{ name: 'watcher', port: 9801, clients: [{ podLabels: { app: 'watched' } }] }],
            livenessProbe: { port: 9801, path: '/' },
          },
        ],
      },
    });
    platform.addModelServing('churn', {
      model: RegisteredModel.byAlias('churn', 'champion'),
      gpus: 1,
      sharedMemory: Size.gibibytes(1),
      runtimeClassName: 'nvidia',
      autoscaling: { metrics: [ScalingMetric.external({ name: 'queue_messages', averageValue: 30 })] },
      volumes: [ExtraVolume.fromClaim('datasets', '/datasets')],
      initContainers: [{ name: 'prepare', image: Images.NODE, command: ['node', '--version'], resources }],
    });
    return platform;
  },

  /** With an authority of its own, https to each pod, and KEDA. */
  trusting(chart: Chart) {
    const exposure = (host: string) => Exposure.httpRoute({ host, gateway: 'public' });
    const platform = new MlflowPlatform(chart, 'mlflow', {
      authority: CertificateAuthority.fromConfigMap('company-ca'),
      exposure: exposure('mlflow.example.com'),
      minio: { tlsSecretName: 'minio-tls', metrics: true },
      server: {
        tlsSecretName: 'mlflow-server-tls',
        configEnvironment: { MLFLOW_LOGGING_LEVEL: ConfigValue.fromConfigMap('settings', 'level') },
      },
    });
    const target = platform.addModelServing('churn', {
      model: RegisteredModel.byAlias('churn', 'champion'),
      exposure: exposure('churn.example.com'),
      tlsSecretName: 'churn-serving-tls',
      autoscaling: { byKeda: true, minReplicas: 0 },
    });
    const names = [platform.server, target, platform.artifacts as MinioStore];
    for (const service of names) {
      new ServiceCertificate(chart, `${service.componentName}-certificate`, { service, issuer: 'company-ca' });
    }
    const trigger = { type: 'rabbitmq', metadata: { queueName: 'scores' } };
    const secretParameters = { host: SecretValue.fromSecret('queue', 'url') };
    new KedaScaler(chart, 'churn', { target, triggers: [ScalingTrigger.of({ ...trigger, secretParameters })] });
    return platform;
  },

  /** With artifacts in Azure. The database is the embedded one. */
  azure(chart: Chart) {
    const artifacts = ArtifactStore.fromAzureContainer({
      account: 'mlflowmodels',
      container: 'models',
      credentials: Credentials.fromSecret('azure-key'),
    });
    return new MlflowPlatform(chart, 'mlflow', {
      artifacts,
      backup: {
        schedule: '@daily',
        target: BackupTarget.rclone({ configurationSecretName: 'rclone', remote: 'azure:backups' }),
      },
    });
  },
};

/** Objects that the users of the platforms must create. */
export const external = [
  ...[
    'postgres-tls',
    'registry-login',
    'people',
    'database',
    'database-ca',
    'database-client',
    'store-ca',
    'backup-target',
    'backup-key',
    'rclone',
    'archive-login',
    'gcs-key',
    'azure-key',
    'mlflow-sso',
    'mlflow-tls',
    'mlflow-server-tls',
    'churn-serving-tls',
    'minio-tls',
    'queue',
    'company-ca',
    'llm',
    'llm-certificate',
    // CloudNativePG creates these.
    'mlflow-postgres-app',
    'mlflow-postgres-ca',
  ],
]
  .map((name) => `Secret/${name}`)
  // Kubernetes creates the second one in each namespace.
  .concat(
    'ConfigMap/prompts',
    'ConfigMap/company-ca',
    'ConfigMap/settings',
    'ConfigMap/kube-root-ca.crt',
    'PersistentVolumeClaim/datasets',
    'RuntimeClass/nvidia',
  );

/** One platform in a separate app, with its namespace, its monitor, alerts and dashboards. */
export function platformApp(name: keyof typeof platforms, outdir?: string): { app: App; charts: Chart[] } {
  const app = new App({ outdir });
  const chart = new Chart(app, name, { namespace: name });
  new RestrictedNamespace(chart, 'namespace');
  const platform = platforms[name](chart);
  const monitoring = new Chart(app, `${name}-monitoring`, { namespace: name });
  new MetricsMonitor(monitoring, 'mlflow-metrics', { target: platform.server });
  new AlertRules(monitoring, 'mlflow-alerts', { platform });
  new Dashboard(monitoring, 'mlflow-dashboard');
  new Dashboard(monitoring, 'mlflow-operator-dashboard', { instanceSelector: { dashboards: 'grafana' } });
  return { app, charts: app.charts };
}
