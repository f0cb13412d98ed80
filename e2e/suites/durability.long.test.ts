// Servers are deleted, restarted and scaled in while a writer logs: no call fails, and nothing acknowledged is lost.
// durability.test.ts does the same with the database and the store.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { until } from '../lib/process';
import { Writer } from '../lib/writer';

const SERVERS = 3;
const namespace = new Namespace('mlflow-e2e-durability-servers');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: {
      resources: little,
      proxyResources: little,
      autoscaling: { minReplicas: SERVERS, maxReplicas: SERVERS },
    },
  });
});
let writer: Writer;

beforeAll(async () => {
  await platform.install(SERVERS);
  writer = await Writer.start(namespace);
});

afterAll(() => {
  writer?.leave();
  if (!process.env.E2E_KEEP) namespace.remove();
});

/** Waits until exactly this many servers exist, terminating ones included. */
async function untilServers(count: number): Promise<void> {
  await until(`exactly ${count} servers`, 200, () => platform.servers().length === count);
  await platform.untilReady(count, 200);
}

async function withoutFailure(what: () => Promise<void>): Promise<void> {
  const [failures, retries] = [writer.failures().length, writer.retries().length];
  const start = Date.now();
  await what();
  await writer.untilWriting();
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  const retried = writer.retries().slice(retries);
  process.stdout.write(`${seconds} s; retried by the client: ${retried.length} ${retried[0] ?? ''}\n`);
  expect(writer.failures().slice(failures)).toEqual([]);
}

describe('no call of a writer that logs without pause fails', () => {
  test('while each server is deleted, one after another', () =>
    withoutFailure(async () => {
      for (const { metadata } of platform.servers()) {
        namespace.kubectl('delete', 'pod', metadata.name, '--wait=false');
        await platform.untilReady(SERVERS, 200);
      }
      await untilServers(SERVERS);
    }));

  test('while a rolling restart replaces all servers', () =>
    withoutFailure(async () => {
      const before = platform.servers().map(({ metadata }) => metadata.name);
      namespace.kubectl('rollout', 'restart', 'deployment/mlflow-server');
      namespace.kubectl('rollout', 'status', 'deployment/mlflow-server', '--timeout=300s');
      await untilServers(SERVERS);
      expect(platform.servers().filter(({ metadata }) => before.includes(metadata.name))).toEqual([]);
    }));

  test('while the autoscaler removes servers', () =>
    withoutFailure(async () => {
      // Its bounds also apply without metrics, so this works on any cluster; scale.long.test.ts scales by CPU.
      const patch = JSON.stringify({ spec: { minReplicas: 1, maxReplicas: 1 } });
      namespace.kubectl('patch', 'hpa', 'mlflow-server-hpa', '--patch', patch);
      await untilServers(1);
    }));
});

test('keeps every acknowledged run, parameter, metric and artifact when servers stop', async () => {
  await writer.stop();
  const { acknowledged, missing } = writer.readBack();
  process.stdout.write(`acknowledged: ${JSON.stringify(acknowledged)}\n`);
  expect(missing).toEqual([]);
  for (const kind of ['run', 'param', 'metric', 'artifact', 'end']) expect(acknowledged[kind]).toBeGreaterThan(50);
});
