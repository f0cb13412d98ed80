import { App, Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { MetricsMonitor, MlflowPlatform, RegisteredModel, RestrictedNamespace } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow');

const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
// One pod is enough for a model with few requests.
const small = {
  replicas: 1,
  resources: {
    cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
    memory: { request: Size.mebibytes(512), limit: Size.gibibytes(2) },
  },
};
const servings = [
  mlflow.addModelServing('churn', {
    chart: serving,
    model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
  }),
  mlflow.addModelServing('spam', {
    chart: serving,
    model: RegisteredModel.byStage('spam-filter', 'Production'),
    ...small,
  }),
  mlflow.addModelServing('prices', { chart: serving, model: RegisteredModel.byVersion('prices', '3'), ...small }),
];

// Objects that need the Prometheus Operator. The id of a ServiceMonitor is its name. It is in the namespace of its target.
const monitoring = new Chart(app, 'mlflow-monitoring', { namespace: 'mlflow' });
for (const each of servings) new MetricsMonitor(monitoring, `${each.componentName}-metrics`, { target: each });
new MetricsMonitor(monitoring, 'mlflow-deployer-metrics', { target: mlflow.deployer });

app.synth();
