import { App, Chart, Size } from 'cdk8s';
import { Exposure, MlflowPlatform, RestrictedNamespace, Tls } from 'cdk8s-mlflow';

const app = new App();

const teams = [
  { team: 'fraud', storage: Size.gibibytes(200) },
  { team: 'pricing', storage: Size.gibibytes(50) },
];

// Each team has a namespace, a file and a platform. The names inside are the same in each namespace.
for (const { team, storage } of teams) {
  const namespace = `mlflow-${team}`;
  const chart = new Chart(app, namespace, { namespace });
  new RestrictedNamespace(chart, 'namespace');
  new MlflowPlatform(chart, 'mlflow', {
    exposure: Exposure.ingress({ host: `${team}.mlflow.example.com`, tls: Tls.fromIssuer('letsencrypt-prod') }),
    minio: { storage },
    server: { autoscaling: { minReplicas: 2, maxReplicas: 4 } },
    pods: { podLabels: { team } },
  });
}

app.synth();
