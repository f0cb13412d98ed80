// Every pod is evicted as `kubectl drain` evicts it, by the Eviction API, while a writer logs. The node itself is not cordoned.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { until } from '../lib/process';
import { Writer } from '../lib/writer';

const SERVERS = 2;
const namespace = new Namespace('mlflow-e2e-drain');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: SERVERS },
  });
});
let writer: Writer;

beforeAll(async () => {
  await platform.install(SERVERS);
  writer = await Writer.start(namespace, 3, 0.2);
});

afterAll(() => {
  writer?.leave();
  if (!process.env.E2E_KEEP) namespace.remove();
});

/** Asks for the eviction of a pod, and returns the refusal if a PodDisruptionBudget forbids it. */
function evict(pod: string): string | undefined {
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod, namespace: namespace.name },
  };
  const path = `/api/v1/namespaces/${namespace.name}/pods/${pod}/eviction`;
  const { status, stderr } = namespace.try(['create', '--raw', path, '--filename', '-'], {
    input: JSON.stringify(eviction),
  });
  return status === 0 ? undefined : stderr;
}

test('servers are evicted one at a time, and no call of the writer fails', async () => {
  const failures = writer.failures().length;
  const [first, second] = platform.servers().map(({ metadata }) => metadata.name);
  expect(evict(first)).toBeUndefined();
  expect(evict(second)).toContain('violate the pod');
  await until('the second server is evicted as soon as the first is replaced', 200, () => !evict(second));
  await until('both are replaced', 200, () => {
    const names = platform.servers().map(({ metadata }) => metadata.name);
    return names.length === SERVERS && !names.includes(first) && !names.includes(second);
  });
  await platform.untilReady(SERVERS, 200);
  await writer.untilWriting();
  expect(writer.failures().slice(failures)).toEqual([]);
});

test.each(['mlflow-postgres-0', 'mlflow-minio-0'])(
  '%s is evicted at once, comes back with its volume, and the writer goes on',
  async (pod) => {
    const { uid } = namespace.json('get', 'pod', pod).metadata;
    const start = Date.now();
    expect(evict(pod)).toBeUndefined();
    await until(`${pod} is replaced`, 120, () => {
      const { status, stdout } = namespace.try(['get', 'pod', pod, '--output', 'jsonpath={.metadata.uid}']);
      return status === 0 && stdout !== uid;
    });
    await platform.untilReady(SERVERS, 200);
    const ready = (Date.now() - start) / 1000;
    await writer.untilWriting();
    process.stdout.write(
      `${pod}: Ready again ${ready.toFixed(0)} s, all writers ${((Date.now() - start) / 1000).toFixed(0)} s\n`,
    );
  },
);

test('nothing that was acknowledged is lost', async () => {
  await writer.stop();
  const { acknowledged, missing } = writer.readBack();
  process.stdout.write(`acknowledged: ${JSON.stringify(acknowledged)}\n`);
  expect(missing).toEqual([]);
  expect(acknowledged.run).toBeGreaterThan(10);
});
