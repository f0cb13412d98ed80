import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { Exposure, MlflowPlatform, RestrictedNamespace } from 'cdk8s-mlflow';

const app = new App();
const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
new RestrictedNamespace(chart, 'namespace');

// First the props: what they know is checked, and stays right in the next version.
const mlflow = new MlflowPlatform(chart, 'mlflow', {
  exposure: Exposure.ingress({ host: 'mlflow.example.com' }),
  server: { environment: { MLFLOW_LOGGING_LEVEL: 'WARNING' } },
});

// Then patches, for what no prop foresees. Each object has an id; an unknown one is refused with the list of all.
mlflow.server.apiObject('deployment').addJsonPatch(JsonPatch.add('/spec/minReadySeconds', 10));
mlflow.server
  .apiObject('autoscaler')
  .addJsonPatch(JsonPatch.add('/spec/behavior', { scaleDown: { stabilizationWindowSeconds: 600 } }));
mlflow.server.apiObject('ingress').metadata.addAnnotation('external-dns.alpha.kubernetes.io/ttl', '60');
mlflow
  .apiObject('postgres/stateful-set')
  .addJsonPatch(JsonPatch.add('/spec/template/spec/terminationGracePeriodSeconds', 300));

// And objects of one's own, beside the library's.
new ApiObject(chart, 'quota', {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'mlflow' },
  spec: { hard: { 'requests.cpu': '20', 'requests.memory': '40Gi', persistentvolumeclaims: '4' } },
});

app.synth();
