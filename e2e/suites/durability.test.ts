// The database and the store are deleted, killed and cut off while a writer logs: nothing acknowledged is lost.
// durability.long.test.ts does the same with the servers.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { Namespace } from '../lib/namespace';
import { NodeFaults } from '../lib/node-faults';
import { little, Platform } from '../lib/platform';
import { restarts } from '../lib/pods';
import { until } from '../lib/process';
import { THREADS, Writer } from '../lib/writer';

const SERVERS = 2;
/** Seconds from the fault until all pods are Ready again. */
const READY = 60;
/** Seconds until a client has logged a whole run, with the pauses between its retries. Its own timeout is 120 s. */
const WRITING = 90;
const namespace = new Namespace('mlflow-e2e-durability');
const faults = new Namespace('mlflow-e2e-durability-node');
const node = new NodeFaults(faults, namespace);
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
  writer = await Writer.start(namespace);
});

afterAll(() => {
  writer?.leave();
  faults.remove();
  if (!process.env.E2E_KEEP) namespace.remove();
});

/** Identifies the pod and the start of its container. */
function life(pod: string): string {
  const [found] = platform.pods(`app=${pod.replace(/-0$/, '')}`).filter(({ metadata }) => metadata.name === pod);
  return found ? `${found.metadata.uid} ${restarts(found)}` : 'none';
}

/**
 * @param fault causes the fault, and returns when it happened
 * @param threads how many threads of the writer must have logged a run: if connections are refused, the others may still
 *   wait for their next retry, because the client backs off
 */
async function readyAgainAfter(pod: string, fault: () => Promise<number>, threads = 1): Promise<void> {
  const before = life(pod);
  const failures = writer.failures().length;
  const start = await fault();
  await until(`${pod} is replaced`, READY, () => ![before, 'none'].includes(life(pod)));
  await platform.untilReady(SERVERS, READY);
  const since = () => Number(((Date.now() - start) / 1000).toFixed(1));
  const ready = since();
  await writer.untilWriting(threads, 300);
  const writing = since();
  const failed = writer.failures().length - failures;
  process.stdout.write(`Ready again: ${ready} s; writing again: ${writing} s; calls that failed for good: ${failed}\n`);
  expect(ready).toBeLessThan(READY);
  expect(writing).toBeLessThan(WRITING);
}

async function deleted(pod: string, ...options: string[]): Promise<number> {
  const now = Date.now();
  namespace.kubectl('delete', 'pod', pod, ...options);
  return now;
}

describe('while a writer logs without pause, all pods are Ready again within a minute, and it logs again, after', () => {
  for (const [program, pod] of [
    ['postgres', 'mlflow-postgres-0'],
    ['silo', 'mlflow-minio-0'],
  ]) {
    test(`the pod of ${program} is deleted`, () => readyAgainAfter(pod, () => deleted(pod)));
    test(`the process of ${program} is killed with -9`, () => readyAgainAfter(pod, () => node.kill9(pod, program)));
  }

  test('the pod of postgres is lost with its node, and its connections are not closed', () => {
    const lost = async () => {
      const now = await node.cutOff('mlflow-postgres-0');
      await deleted('mlflow-postgres-0', '--force', '--grace-period=0');
      return now;
    };
    // All threads: a client that waits for an answer from the lost pod must get an error.
    return readyAgainAfter('mlflow-postgres-0', lost, THREADS);
  });
});

test('keeps every acknowledged run, parameter, metric and artifact when PostgreSQL and the store are killed', async () => {
  await writer.stop();
  const { acknowledged, missing } = writer.readBack();
  process.stdout.write(`acknowledged: ${JSON.stringify(acknowledged)}; retried: ${writer.retries().length}\n`);
  expect(missing).toEqual([]);
  for (const kind of ['run', 'param', 'metric', 'artifact', 'end']) expect(acknowledged[kind]).toBeGreaterThan(50);
});
