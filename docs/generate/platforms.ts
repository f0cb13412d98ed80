// The constructs and platforms from which the reference is generated.
import { App, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { Manifest } from './manifests';
import {
  AlertRules,
  ArtifactMove,
  ArtifactStore,
  Authentication,
  Backup,
  BackupTarget,
  CloudNativePostgres,
  Credentials,
  Dashboard,
  ExternalSecret,
  GarbageCollection,
  KedaScaler,
  MetricsMonitor,
  Exposure,
  MinioStore,
  MlflowPlatform,
  PostgresStatefulSet,
  RegisteredModel,
  RestrictedNamespace,
  ScalingTrigger,
  SeaweedStore,
  ServiceCertificate,
  ServingRuntime,
  Tls,
  WarmUp,
  VerticalRecommender,
} from '../../lib';

const model = RegisteredModel.byAlias('churn', 'champion');

/** The platform without options, and one serving. */
export function plain(chart: Chart): MlflowPlatform {
  const mlflow = new MlflowPlatform(chart, 'mlflow');
  mlflow.addModelServing('churn', { model });
  return mlflow;
}

/** All options that add objects, containers, ports or Secrets. */
export function everything(chart: Chart): MlflowPlatform {
  return everythingBehind(chart, (host) => Exposure.ingress({ host, tls: Tls.fromIssuer('letsencrypt-prod') }));
}

/** Like `everything`, with HTTPRoutes instead of Ingresses. */
export function everythingBehindGateway(chart: Chart): MlflowPlatform {
  return everythingBehind(chart, (host) => Exposure.httpRoute({ host, gateway: 'public' }));
}

function everythingBehind(chart: Chart, exposure: (host: string) => Exposure): MlflowPlatform {
  const mlflow = new MlflowPlatform(chart, 'mlflow', {
    authentication: Authentication.mlflow(),
    exposure: exposure('mlflow.example.com'),
    postgres: { tlsSecretName: 'postgres-tls', metrics: true },
    minio: { replicas: 4, metrics: true, consoleClients: [{ podLabels: { app: 'operator' } }] },
    deployer: { replicas: 2 },
    backup: {
      schedule: '0 2 * * *',
      target: BackupTarget.claim({ claimName: 'mlflow-backups' }),
      encryption: { secretName: 'mlflow-backup-key' },
    },
    garbageCollection: { schedule: '0 4 * * 6' },
  });
  mlflow.server.addServiceUser('notebooks');
  mlflow.addModelServing('churn', {
    model,
    exposure: exposure('churn.example.com'),
    runtime: ServingRuntime.withRequirements({ indexUrl: 'https://pypi.example.com/simple' }),
    warmUp: WarmUp.request('{"inputs": [[1]]}'),
  });
  return mlflow;
}

export interface Documented {
  readonly construct: string;
  /** One sentence on what it is for. */
  readonly about: string;
  /** The construct in a platform. */
  readonly of: (platform: MlflowPlatform, chart: Chart) => Construct;
}

/** Every construct that creates objects, in the order of the index. */
export const documented: Documented[] = [
  {
    construct: 'RestrictedNamespace',
    about: 'The namespace of a chart, with the Pod Security Standard "restricted".',
    of: (_, chart) => new RestrictedNamespace(chart, 'namespace'),
  },
  {
    construct: 'PostgresStatefulSet',
    about: "The embedded PostgreSQL: one pod, one volume, and a Job that creates MLflow's role and databases.",
    of: (platform) => platform.database as PostgresStatefulSet,
  },
  {
    construct: 'CloudNativePostgres',
    about:
      'A PostgreSQL with standbys, by the objects of CloudNativePG. For a chart of its own: it needs that operator. The operator creates its Secrets, Services and pods.',
    of: ({ backup }, chart) => {
      const archive = { bucket: 'mlflow-database', credentials: Credentials.fromSecret('mlflow-database-archive') };
      const database = new CloudNativePostgres(chart, 'mlflow-database', backup && { metrics: true, archive });
      if (backup) database.addDatabase('mlflow_auth');
      return database;
    },
  },
  {
    construct: 'MinioStore',
    about: "The embedded MinIO, and a Job that creates the private bucket and MLflow's key for it.",
    of: (platform) => platform.artifacts as MinioStore,
  },
  {
    construct: 'SeaweedStore',
    about:
      'SeaweedFS, an embedded store in place of MinIO: one pod, one volume, which makes the private bucket itself. None unless it is asked for.',
    // With its option in the platform that has all of them.
    of: ({ backup }, chart) => new SeaweedStore(chart, 'mlflow-seaweedfs', { metrics: backup !== undefined }),
  },
  {
    construct: 'TrackingServer',
    about: 'MLflow with its proxy, autoscaler, Ingress or HTTPRoute, and the Job that migrates the database.',
    of: (platform) => platform.server,
  },
  {
    construct: 'CredentialsJob',
    about: 'The Job that creates Secrets, once. The first `Credentials.generated()` of a platform adds it.',
    of: (platform) => platform.node.findChild('credentials'),
  },
  {
    construct: 'ModelServing',
    about: 'One registered model that answers on HTTP.',
    of: (platform) => platform.node.findChild('servings').node.findChild('churn'),
  },
  {
    construct: 'ModelDeployer',
    about: 'Follows aliases and stages of the registry. The first serving that follows one adds it.',
    of: (platform) => platform.deployer,
  },
  {
    construct: 'Backup',
    about:
      'Backs up the databases and the artifact store on a schedule, with a CronJob from which you start a restore, and a restore drill. Only with `backup`.',
    of: (platform) =>
      platform.backup ??
      new Backup(platform, 'backup', {
        server: platform.server,
        schedule: '0 2 * * *',
        target: BackupTarget.claim({ claimName: 'mlflow-backups' }),
      }),
  },
  {
    construct: 'GarbageCollection',
    about:
      'Removes for good what people deleted in MLflow, with its artifacts, on a schedule. None unless it is asked for.',
    of: (platform) =>
      platform.garbageCollection ??
      new GarbageCollection(platform, 'garbage-collection', { server: platform.server, schedule: '0 4 * * 6' }),
  },
  {
    construct: 'ArtifactMove',
    about:
      'Copies all artifacts to another store while the server goes on: [how to](../how-to/move-between-stores.md). None unless it is asked for.',
    of: ({ server }, chart) =>
      new ArtifactMove(chart, 'mlflow-move', { server, to: ArtifactStore.fromClaim({ claimName: 'new-artifacts' }) }),
  },
  {
    construct: 'MetricsMonitor',
    about:
      'A ServiceMonitor, with which Prometheus scrapes the tracking server. Put it into its own chart: it needs the Prometheus Operator.',
    of: ({ server }, chart) => new MetricsMonitor(chart, 'mlflow-metrics', { target: server }),
  },
  {
    construct: 'AlertRules',
    about:
      'A PrometheusRule with the alerts of a platform: [alerts and what to do](../how-to/alerts.md). Put it into its own chart: it needs the Prometheus Operator.',
    of: (platform, chart) => new AlertRules(chart, 'mlflow-alerts', { platform }),
  },
  {
    construct: 'Dashboard',
    about:
      'The Grafana dashboard, as a ConfigMap for the sidecar of Grafana, or as a GrafanaDashboard for the Grafana Operator.',
    // With its option in the platform that has all of them.
    of: ({ backup }, chart) =>
      new Dashboard(chart, 'mlflow-dashboard', backup && { instanceSelector: { dashboards: 'grafana' } }),
  },
  {
    construct: 'ExternalSecret',
    about:
      'A Secret that the operator External Secrets writes from a store outside the cluster. Put it into its own chart: it needs that operator.',
    of: (_platform, chart) =>
      new ExternalSecret(chart, 'mlflow-database-login', {
        store: 'vault',
        remoteKey: 'prod/mlflow/database',
        keys: { username: 'user', password: 'password' },
      }),
  },
  {
    construct: 'ServiceCertificate',
    about:
      'A certificate of cert-manager for the Service of a component with `tlsSecretName`. Put it into its own chart: it needs cert-manager.',
    of: ({ server }, chart) =>
      new ServiceCertificate(chart, 'mlflow-server-tls', { service: server, issuer: 'company-ca' }),
  },
  {
    construct: 'VerticalRecommender',
    about:
      'A VerticalPodAutoscaler that only recommends CPU and memory for one component. Put it into its own chart: it needs the autoscaler.',
    of: ({ server }, chart) => new VerticalRecommender(chart, 'mlflow-server', { target: server }),
  },
  {
    construct: 'KedaScaler',
    about:
      'A ScaledObject of KEDA for a tracking server or a serving with `autoscaling: { byKeda: true }`. Put it into its own chart: it needs KEDA.',
    of: (_platform, chart) => {
      const { server: target } = new MlflowPlatform(chart, 'scaled', { server: { autoscaling: { byKeda: true } } });
      const times = { start: '0 7 * * 1-5', end: '0 19 * * 1-5', timeZone: 'Europe/Berlin' };
      return new KedaScaler(chart, 'mlflow-server', {
        target,
        triggers: [ScalingTrigger.cron({ ...times, replicas: 6 })],
      });
    },
  },
];

export function chartOf(build: (chart: Chart) => MlflowPlatform): { chart: Chart; platform: MlflowPlatform } {
  const chart = new Chart(new App(), 'mlflow', { namespace: 'mlflow' });
  return { chart, platform: build(chart) };
}

export function objectsOf(build: (chart: Chart) => MlflowPlatform): Manifest[] {
  return chartOf(build).chart.toJson();
}
