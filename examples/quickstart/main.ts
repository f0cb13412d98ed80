import { App, Chart } from 'cdk8s';
import { MlflowPlatform, RestrictedNamespace } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
new MlflowPlatform(chart, 'mlflow');
app.synth();
