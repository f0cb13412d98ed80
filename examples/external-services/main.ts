import { App, Chart, Size } from 'cdk8s';
import {
  ArtifactStore,
  Credentials,
  Database,
  MlflowPlatform,
  PostgresStatefulSet,
  RestrictedNamespace,
  TrackingServer,
} from 'cdk8s-mlflow';

const app = new App();

const artifacts = (prefix: string) =>
  ArtifactStore.fromBucket({
    bucket: 'example-models',
    prefix,
    region: 'eu-west-1',
    credentials: Credentials.fromServiceAccount({
      'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/mlflow',
    }),
  });

// A platform on an existing database and bucket: it has no StatefulSet.
const external = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(external, 'namespace');
new MlflowPlatform(external, 'mlflow', {
  database: Database.fromExisting({
    host: 'db.example.com',
    credentials: Credentials.fromSecret('mlflow-database'),
    authoritySecretName: 'mlflow-database-ca',
    cidr: '10.20.0.0/16',
    maxConnections: 400,
  }),
  artifacts: artifacts('mlflow'),
});

// The same without MlflowPlatform: this code connects the parts itself, so you can replace each part.
const standalone = new Chart(app, 'tracking', { namespace: 'tracking' });
new RestrictedNamespace(standalone, 'namespace');
new TrackingServer(standalone, 'tracking', {
  database: new PostgresStatefulSet(standalone, 'tracking-postgres', { storage: Size.gibibytes(20) }),
  artifacts: artifacts('tracking'),
  replicas: 2,
});

app.synth();
