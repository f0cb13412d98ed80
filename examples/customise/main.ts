import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { Exposure, MlflowPlatform, RestrictedNamespace } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');

// Use props first: they are checked, and they keep their meaning in the next version.
const mlflow = new MlflowPlatform(chart, 'mlflow', {
  exposure: Exposure.ingress({ host: 'mlflow.example.com' }),
  server: { environment: { MLFLOW_LOGGING_LEVEL: 'WARNING' } },
});

// Use patches for fields that no prop sets. Each object has an id. An unknown id is refused, with the list of all ids.
mlflow.server.apiObject('deployment').addJsonPatch(JsonPatch.add('/spec/minReadySeconds', 10));
mlflow.server
  .apiObject('autoscaler')
  .addJsonPatch(JsonPatch.add('/spec/behavior', { scaleDown: { stabilizationWindowSeconds: 600 } }));
mlflow.server.apiObject('ingress').metadata.addAnnotation('external-dns.alpha.kubernetes.io/ttl', '60');
mlflow
  .apiObject('postgres/stateful-set')
  .addJsonPatch(JsonPatch.add('/spec/template/spec/terminationGracePeriodSeconds', 300));

// You can also add objects of your own to the chart.
new ApiObject(chart, 'quota', {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'mlflow' },
  spec: { hard: { 'requests.cpu': '20', 'requests.memory': '40Gi', persistentvolumeclaims: '4' } },
});

app.synth();
