import { App, Chart } from 'cdk8s';
import { ArtifactStore, Database, DataVolume, MlflowPlatform, RestrictedNamespace } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const volume = new DataVolume(chart, 'mlflow-data');
new MlflowPlatform(chart, 'mlflow', {
  database: Database.sqlite({ volume }),
  artifacts: ArtifactStore.volume({ volume }),
});
app.synth();
