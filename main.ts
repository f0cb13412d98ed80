import { App, Chart } from 'cdk8s';
import {
  Authentication,
  MetricsMonitor,
  Exposure,
  MlflowPlatform,
  RegisteredModel,
  RestrictedNamespace,
  Tls,
} from './lib';

const app = new App();
const namespace = 'mlflow';

// What any cluster takes: dist/mlflow.k8s.yaml.
const chart = new Chart(app, 'mlflow', { namespace });
new RestrictedNamespace(chart, 'namespace');

const mlflow = new MlflowPlatform(chart, 'mlflow', {
  authentication: Authentication.basic(),
  exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }),
});

// A model that answers on HTTP, in a namespace of its own: dist/ml-serving.k8s.yaml. Move the alias to roll out a version.
const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
const churn = mlflow.addModelServing('churn-prediction-model', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
});

// What needs the Prometheus Operator: dist/mlflow-monitoring.k8s.yaml.
const monitoring = new Chart(app, 'mlflow-monitoring', { namespace });
new MetricsMonitor(monitoring, 'mlflow-metrics', { target: mlflow.server });
new MetricsMonitor(monitoring, 'mlflow-deployer-metrics', { target: mlflow.deployer });
new MetricsMonitor(monitoring, 'churn-prediction-model-metrics', { target: churn });

app.synth();
