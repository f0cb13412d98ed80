import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  Authentication,
  BackupTarget,
  Credentials,
  Exposure,
  MlflowPlatform,
  RestrictedNamespace,
  MetricsMonitor,
  Tls,
} from 'cdk8s-mlflow';

const app = new App();
const namespace = 'mlflow';
const chart = new Chart(app, 'mlflow', { namespace });
new RestrictedNamespace(chart, 'namespace');

const mlflow = new MlflowPlatform(chart, 'mlflow', {
  authentication: Authentication.basic({ users: Credentials.fromSecret('mlflow-people') }),
  exposure: Exposure.ingress({
    host: 'mlflow.example.com',
    className: 'traefik',
    tls: Tls.fromIssuer('letsencrypt-prod'),
  }),
  postgres: {
    storage: Size.gibibytes(200),
    storageClassName: 'fast-ssd',
    superuser: Credentials.fromSecret('mlflow-postgres-superuser'),
    credentials: Credentials.fromSecret('mlflow-postgres-role'),
    tlsSecretName: 'mlflow-postgres-tls',
    resources: {
      cpu: { request: Cpu.units(1), limit: Cpu.units(4) },
      memory: { request: Size.gibibytes(4), limit: Size.gibibytes(8) },
    },
  },
  // Four drives: MinIO still accepts writes after the loss of one. The number cannot be changed later.
  minio: {
    replicas: 4,
    storage: Size.gibibytes(500),
    storageClassName: 'bulk',
    versioning: true,
    rootCredentials: Credentials.fromSecret('mlflow-minio-root'),
    credentials: Credentials.fromSecret('mlflow-minio-key'),
  },
  server: {
    autoscaling: { minReplicas: 3, maxReplicas: 12 },
    // The server accepts artifacts of up to nine tenths of this size.
    spool: Size.gibibytes(50),
    drainTimeout: Duration.seconds(300),
    keys: Credentials.fromSecret('mlflow-keys'),
  },
  // A bucket in another account, so that it is not lost together with the platform.
  backup: {
    schedule: '0 2 * * *',
    target: BackupTarget.bucket({
      bucket: 'example-mlflow-backups',
      region: 'eu-west-1',
      credentials: Credentials.fromSecret('mlflow-backup-target'),
    }),
    retention: { daily: 7, weekly: 4, monthly: 12 },
    encryption: { secretName: 'mlflow-backup-key' },
  },
  // Removes deleted runs after a month. The backups of that month still contain them.
  garbageCollection: { schedule: '0 4 * * 6', olderThan: Duration.days(30) },
  pods: { priorityClassName: 'platform', podLabels: { team: 'ml-platform' } },
});

// Objects that need the Prometheus Operator are in a separate file.
const monitoring = new Chart(app, 'mlflow-monitoring', { namespace });
new MetricsMonitor(monitoring, 'mlflow-metrics', {
  target: mlflow.server,
  labels: { release: 'kube-prometheus-stack' },
});

app.synth();
