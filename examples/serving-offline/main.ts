import { App, Chart } from 'cdk8s';
import { MlflowPlatform, RegisteredModel, RestrictedNamespace, ServingRuntime } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow', {
  // All images are pulled from here, each under its own path, also those of Jobs and servings.
  pods: { imageRegistry: 'registry.example.com/mirror', imagePullSecrets: ['registry-login'] },
});

const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
mlflow.addModelServing('churn-prediction-model', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
  // This is the default: nothing is installed when a pod starts.
  runtime: ServingRuntime.offline(),
});

app.synth();
