import { App, Chart } from 'cdk8s';
import { Authentication, Exposure, MlflowPlatform, RestrictedNamespace, ServerMonitor, Tls } from './lib';

const app = new App();
const namespace = 'mlflow';

// What any cluster takes: dist/mlflow.k8s.yaml.
const chart = new Chart(app, 'mlflow', { namespace });
new RestrictedNamespace(chart, 'namespace');

const mlflow = new MlflowPlatform(chart, 'mlflow', {
  authentication: Authentication.basic(),
  exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }),
});

// What needs the Prometheus Operator: dist/mlflow-monitoring.k8s.yaml.
const monitoring = new Chart(app, 'mlflow-monitoring', { namespace });
new ServerMonitor(monitoring, 'mlflow-metrics', { server: mlflow.server });

app.synth();
