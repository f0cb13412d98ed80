import { App, Chart, YamlOutputType } from 'cdk8s';
import { MlflowPlatform, RegisteredModel, RestrictedNamespace } from 'cdk8s-mlflow';

// A folder a chart, for one Application or Kustomization each, and a file an object, so that a diff shows what changes.
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

// A Job has a new name when what it runs changes, so the old one would be pruned. The migration's stays: it may be at
// work, and its log names the dump.
const migration = mlflow.server.apiObject('migration/job').metadata;
migration.addAnnotation('argocd.argoproj.io/sync-options', 'Prune=false');
migration.addAnnotation('argocd.argoproj.io/compare-options', 'IgnoreExtraneous');
migration.addAnnotation('kustomize.toolkit.fluxcd.io/prune', 'disabled');

app.synth();
