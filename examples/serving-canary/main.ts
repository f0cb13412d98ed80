import { ApiObject, App, Chart } from 'cdk8s';
import { MlflowPlatform, RegisteredModel, RestrictedNamespace } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow');

// Two servings of one model. Each follows its own alias.
const namespace = 'ml-serving';
const serving = new Chart(app, 'ml-serving', { namespace });
new RestrictedNamespace(serving, 'namespace');
// The gateway's pods may connect, in addition to those of the namespace: this port asks for no login.
const clients = [{ podLabels: {} }, { namespaceLabels: { 'kubernetes.io/metadata.name': 'gateway' } }];
const champion = mlflow.addModelServing('churn-champion', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
  clients,
});
const challenger = mlflow.addModelServing('churn-challenger', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'challenger'),
  clients,
  replicas: 1,
});

// The library does not split the traffic: here a gateway of the cluster sends every tenth request to the challenger.
const split = new Chart(app, 'churn-split', { namespace });
new ApiObject(split, 'route', {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'churn' },
  spec: {
    parentRefs: [{ name: 'internal', namespace: 'gateway' }],
    hostnames: ['churn.internal.example.com'],
    rules: [
      {
        backendRefs: [
          { name: champion.componentName, port: 8080, weight: 90 },
          { name: challenger.componentName, port: 8080, weight: 10 },
        ],
      },
    ],
  },
});

app.synth();
