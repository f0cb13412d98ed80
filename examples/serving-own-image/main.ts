import { App, Chart } from 'cdk8s';
import { MlflowPlatform, RegisteredModel, RestrictedNamespace, ServingRuntime } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow');

const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
mlflow.addModelServing('churn-prediction-model', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
  // Built from the Dockerfile in this folder. A new tag starts a rollout of the version that is served.
  runtime: ServingRuntime.image('registry.example.com/team/churn-serving:1.0.0'),
  imagePullSecrets: ['registry-login'],
});

app.synth();
