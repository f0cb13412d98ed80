// The other half of the options: MLflow's own login, TLS to the database, a distributed store, a fixed number of servers.
import { App, Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Authentication, MlflowPlatform, RestrictedNamespace } from '../lib';

const app = new App({ outdir: process.env.E2E_OUTPUT ?? 'e2e/output' });
const chart = new Chart(app, 'variant', { namespace: process.env.E2E_NAMESPACE ?? 'mlflow-e2e-variant' });
const little = { cpu: { request: Cpu.millis(20) }, memory: { request: Size.mebibytes(128) } };

new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'team-a', {
  authentication: Authentication.mlflow(),
  postgres: { resources: little, storage: Size.gibibytes(1), tlsSecretName: 'database-tls' },
  minio: { resources: little, storage: Size.gibibytes(1), replicas: 4, versioning: true },
  server: { resources: little, proxyResources: little, replicas: 2 },
});
mlflow.server.addProgram('trainer');

app.synth();
