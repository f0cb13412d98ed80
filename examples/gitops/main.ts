import { App, Chart, YamlOutputType } from 'cdk8s';
import { MlflowPlatform, RegisteredModel, RestrictedNamespace } from 'cdk8s-mlflow';

// One folder for each chart, for its own Application or Kustomization. One file for each object, so that a diff shows what
// changes.
const app = new App({ yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE });

const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');
const mlflow = new MlflowPlatform(chart, 'mlflow');

const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
new RestrictedNamespace(serving, 'namespace');
mlflow.addModelServing('churn-prediction-model', {
  chart: serving,
  model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
});

// If the content of a Job changes, the Job gets a new name, so a controller would prune the old one. The old Job of the
// migration is kept: it may still run, and its log names the dump.
const migration = mlflow.server.apiObject('migration/job').metadata;
migration.addAnnotation('argocd.argoproj.io/sync-options', 'Prune=false');
migration.addAnnotation('argocd.argoproj.io/compare-options', 'IgnoreExtraneous');
migration.addAnnotation('kustomize.toolkit.fluxcd.io/prune', 'disabled');

app.synth();
