// Each feature of MLflow once, from a client's pod, with the default configuration.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
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

test('prompts, traces, OTLP, datasets, evaluations, logged models, runs and webhooks work through the proxy', async () => {
  const client = ClientPod.start(namespace, 'client', throughTheProxy());
  expect(await client.report<string[]>('mlflow_features.py')).toHaveLength(8);
});
