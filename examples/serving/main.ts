import { App, Chart } from 'cdk8s';
import { Exposure, MlflowPlatform, RegisteredModel, RestrictedNamespace, Tls, WarmUp } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow');

// The servings have their own namespace and file. Move the alias `champion` to roll out the next version.
const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
mlflow.addModelServing('churn-prediction-model', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
  // A new version must answer this request before it gets any other.
  warmUp: WarmUp.request('{"inputs": [[0.1, 0.2, 0.3, 0.4]]}'),
  autoscaling: { minReplicas: 2, maxReplicas: 6 },
  // Clients outside the cluster log in as users of the tracking server. Pods of the namespace need no login.
  exposure: Exposure.ingress({ host: 'churn.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }),
});

app.synth();
