// Nothing acknowledged is lost, first half: the database and the store die under a writer. durability.long.test.ts has
// the servers.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { Namespace } from '../lib/namespace';
import { NodeFaults } from '../lib/node-faults';
import { little, Platform } from '../lib/platform';
import { restarts } from '../lib/pods';
import { until } from '../lib/process';
import { THREADS, Writer } from '../lib/writer';

const SERVERS = 2;
/** Seconds from the fault until all is Ready again. */
const READY = 60;
/** Until a client got a whole run through, with the pauses between its tries: less than the 120 s that it waits for an answer. */
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

/** Which container is meant: another one has another start. */
function life(pod: string): string {
  const [found] = platform.pods(`app=${pod.replace(/-0$/, '')}`).filter(({ metadata }) => metadata.name === pod);
  return found ? `${found.metadata.uid} ${restarts(found)}` : 'none';
}

/**
 * @param fault makes it happen, and says when it did
 * @param threads how many of the writer must have got through: where connections are refused the others may still wait
 *   for their next try, which the client puts off for longer and longer
 */
async function readyAgainAfter(pod: string, fault: () => Promise<number>, threads = 1): Promise<void> {
  const before = life(pod);
  const failures = writer.failures().length;
  const start = await fault();
  await until(`${pod} is another one`, READY, () => ![before, 'none'].includes(life(pod)));
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

describe('while a writer logs without pause, all is Ready within a minute, and written to again, after', () => {
  for (const [program, pod] of [
    ['postgres', 'mlflow-postgres-0'],
    ['silo', 'mlflow-minio-0'],
  ]) {
    test(`the pod of ${program} is deleted`, () => readyAgainAfter(pod, () => deleted(pod)));
    test(`the process of ${program} is killed with -9`, () => readyAgainAfter(pod, () => node.kill9(pod, program)));
  }

  test('the pod of postgres is lost with its node, without a farewell to anybody', () => {
    const lost = async () => {
      const now = await node.cutOff('mlflow-postgres-0');
      await deleted('mlflow-postgres-0', '--force', '--grace-period=0');
      return now;
    };
    // All: whoever waits for an answer that never comes must be told.
    return readyAgainAfter('mlflow-postgres-0', lost, THREADS);
  });
});

test('every run, parameter, metric and artifact that was acknowledged is there, whole', async () => {
  await writer.stop();
  const { acknowledged, missing } = writer.readBack();
  process.stdout.write(`acknowledged: ${JSON.stringify(acknowledged)}; retried: ${writer.retries().length}\n`);
  expect(missing).toEqual([]);
  for (const kind of ['run', 'param', 'metric', 'artifact', 'end']) expect(acknowledged[kind]).toBeGreaterThan(50);
});
