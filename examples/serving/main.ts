import { App, Chart } from 'cdk8s';
import { Exposure, MlflowPlatform, RegisteredModel, RestrictedNamespace, Tls, WarmUp } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow');

// A namespace and a file of its own. Move the alias `champion` to roll out the next version.
const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
mlflow.addModelServing('churn-prediction-model', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
  // What a new version has to answer before it gets any other request.
  warmUp: WarmUp.request('{"inputs": [[0.1, 0.2, 0.3, 0.4]]}'),
  autoscaling: { minReplicas: 2, maxReplicas: 6 },
  // From outside with the users of the tracking server; pods of the namespace need none.
  exposure: Exposure.ingress({ host: 'churn.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }),
});

app.synth();
