// MLflow's own features, each used once from a pod beside the platform, in the configuration that nobody changed.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { ClientPod, throughTheDoor } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';

const namespace = new Namespace('mlflow-e2e-features');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(1) },
    server: { resources: little, proxyResources: little, replicas: 1 },
  });
});

beforeAll(() => platform.install(1));
afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('prompts, traces, OTLP, datasets, evaluations, logged models, runs and webhooks work', async () => {
  const client = ClientPod.start(namespace, 'client', throughTheDoor());
  expect(await client.report<string[]>('mlflow_features.py')).toHaveLength(8);
});
