import { App, Chart } from 'cdk8s';
import {
  Credentials,
  ModelDeployer,
  ModelServing,
  RegisteredModel,
  RestrictedNamespace,
  TrackingEndpoint,
} from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(chart, 'namespace');

// The platform is in another app, so this app names its address, and a Secret of this namespace with a login.
const tracking = TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000', {
  credentials: Credentials.fromSecret('mlflow-login'),
});

// A separate deployer, which may change only the servings of this repository.
const deployer = new ModelDeployer(chart, 'model-deployer', { tracking });
deployer.follow(
  new ModelServing(chart, 'churn-prediction-model', {
    model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
    tracking,
  }),
);

app.synth();
