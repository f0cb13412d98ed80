// The platform of main.ts, small enough for a node of two cores, in a namespace of its own.
import { App, Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { MlflowPlatform, RestrictedNamespace } from '../lib';

const app = new App({ outdir: process.env.E2E_OUTPUT ?? 'e2e/output' });
const chart = new Chart(app, 'mlflow', { namespace: process.env.E2E_NAMESPACE ?? 'mlflow-e2e' });
const little = { cpu: { request: Cpu.millis(50) }, memory: { request: Size.mebibytes(128) } };

new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow', {
  postgres: { resources: little, storage: Size.gibibytes(1) },
  minio: { resources: little, storage: Size.gibibytes(2) },
  server: { resources: little, proxyResources: little, autoscaling: { maxReplicas: 4 } },
});
mlflow.server.addProgram('trainer');

app.synth();
