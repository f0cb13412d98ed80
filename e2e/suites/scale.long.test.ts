// Load through the proxy: the autoscaler, database connections, memory, an artifact of 1 GiB. Needs the metrics API.
import { JsonPatch, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { memoryOf } from '../lib/memory';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { Writer } from '../lib/writer';

const CLIENTS = 20;
const MAX = 3;
const MEBIBYTE = 1024 ** 2;
const namespace = new Namespace('mlflow-e2e-scale');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const { server } = new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(4) },
    server: {
      // More CPU than an idle server needs, far less than 20 clients make it use.
      resources: { ...little, cpu: { request: Cpu.millis(80) } },
      proxyResources: little,
      autoscaling: { minReplicas: 1, maxReplicas: MAX },
    },
  });
  // By default the autoscaler waits five minutes before it scales in: too long for a test.
  const calm = { scaleDown: { stabilizationWindowSeconds: 15 } };
  server.apiObject('autoscaler').addJsonPatch(JsonPatch.add('/spec/behavior', calm));
});
let writer: Writer;

beforeAll(async () => {
  const metrics = namespace.try(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']);
  if (metrics.status !== 0) {
    throw new Error('this cluster has no metrics API; expected one, to scale by CPU. Install metrics-server');
  }
  await platform.install(1);
  writer = await Writer.start(namespace, CLIENTS);
});

afterAll(() => {
  writer?.leave();
  if (!process.env.E2E_KEEP) namespace.remove();
});

const autoscaler = () => {
  const { status } = namespace.json('get', 'hpa', 'mlflow-server-hpa');
  return `${JSON.stringify(status.currentMetrics)} ${JSON.stringify(status.conditions)}`;
};

/** Waits until exactly this many servers exist. If it times out, the error has the status of the autoscaler. */
async function untilServers(count: number, seconds: number): Promise<void> {
  try {
    await until(`${count} servers`, seconds, () => platform.servers().length === count);
  } catch (error) {
    throw new Error(`${(error as Error).message}; the autoscaler: ${autoscaler()}`);
  }
  await platform.untilReady(count, 120);
}

function atLeast(minReplicas: number): void {
  namespace.kubectl('patch', 'hpa', 'mlflow-server-hpa', '--patch', JSON.stringify({ spec: { minReplicas } }));
}

/** The open connections of the database, and its limit. */
function connections(): { now: number; max: number } {
  const query = `SELECT count(*) || ' ' || current_setting('max_connections') FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  const psql = ['psql', '-U', 'postgres', '-Atc', query];
  const [now, max] = namespace.kubectl('exec', 'mlflow-postgres-0', '--', ...psql).split(' ');
  return { now: Number(now), max: Number(max) };
}

describe(`${CLIENTS} clients that log runs and artifacts through the proxy at once`, () => {
  test('make the autoscaler add servers from 1 to 3', async () => {
    const start = Date.now();
    await untilServers(MAX, 240);
    process.stdout.write(`1 to ${MAX} servers: ${((Date.now() - start) / 1000).toFixed(0)} s\n`);
    // The following tests need three servers, also if the clients get little CPU.
    atLeast(MAX);
  });

  test('never use all connections of PostgreSQL, also during a rollout of all three servers', async () => {
    const samples: { now: number; max: number; pods: number }[] = [];
    const sample = () => samples.push({ ...connections(), pods: platform.servers().length });
    const end = Date.now() + 20_000;
    await until('a while of load', 40, () => sample() && Date.now() > end);
    namespace.kubectl('rollout', 'restart', 'deployment/mlflow-server');
    const rolled = () => {
      const { metadata, status } = namespace.json('get', 'deployment', 'mlflow-server');
      return status.observedGeneration === metadata.generation && status.updatedReplicas === status.replicas;
    };
    await until('all servers replaced', 300, () => sample() && rolled() && platform.servers().length <= MAX);
    const most = samples.reduce((a, b) => (b.now > a.now ? b : a));
    process.stdout.write(`connections: at most ${most.now} of ${most.max}, with ${most.pods} pods\n`);
    // PostgreSQL reserves three for superusers.
    expect(most.now).toBeLessThan(most.max - 3);
    expect(namespace.kubectl('logs', 'mlflow-postgres-0')).not.toMatch(/FATAL.*(too many clients|connection slots)/);
  });

  test('do not disturb an upload and a download of 1 GiB: no container reaches its memory limit and no probe fails', async () => {
    await platform.untilReady(MAX, 120);
    const client = ClientPod.start(namespace, 'large', throughTheProxy());
    const before = platform.pods().filter(isReady);
    const since = new Date(namespace.kubectl('exec', client.name, '--', 'date', '-u', '+%FT%TZ').trim());
    const child = client.background(program('transfer.py'), ['1024']);
    const said: string[] = [];
    child.stdout!.on('data', (chunk) => said.push(String(chunk)));
    child.stderr!.on('data', (chunk) => said.push(String(chunk)));
    const peaks = new Map<string, { used: number; limit: number }>();
    await until('1 GiB up and down', 400, () => {
      const now = platform.pods();
      for (const { container, used, limit } of memoryOf(namespace, now)) {
        peaks.set(container, { used: Math.max(used, peaks.get(container)?.used ?? 0), limit });
      }
      const names = now.filter(isReady).map(({ metadata }) => metadata.name);
      expect(names).toEqual(expect.arrayContaining(before.map(({ metadata }) => metadata.name)));
      return child.exitCode !== null;
    });
    client.remove();
    process.stdout.write(`1 GiB: ${said.join('').trim().split('\n').pop()} s\n`);
    for (const [container, { used, limit }] of peaks) {
      process.stdout.write(`  ${container}: ${(used / MEBIBYTE).toFixed(0)} of ${(limit / MEBIBYTE).toFixed(0)} MiB\n`);
    }
    expect([child.exitCode, said.join('').slice(-2000)]).toEqual([0, expect.anything()]);
    expect([...peaks].filter(([, { used, limit }]) => !(used < limit))).toEqual([]);
    expect(platform.pods().filter((pod) => restarts(pod) > 0)).toEqual([]);
    expect(failedProbes(since)).toEqual([]);
  });

  test('have no failed call in the whole test', async () => {
    process.stdout.write(`retried by the client: ${writer.retries().length}\n`);
    await writer.stop();
    expect(writer.failures()).toEqual([]);
  });
});

test('the autoscaler returns to one server after the load', async () => {
  const start = Date.now();
  atLeast(1);
  await untilServers(1, 300);
  process.stdout.write(`${MAX} servers to 1: ${((Date.now() - start) / 1000).toFixed(0)} s\n`);
});

/** Probes that failed since then, of pods that still exist. */
function failedProbes(since: Date): string[] {
  const names = platform.pods().map(({ metadata }) => metadata.name);
  return namespace
    .json<{ items: any[] }>('get', 'events', '--field-selector', 'reason=Unhealthy')
    .items.filter(({ involvedObject }) => names.includes(involvedObject.name))
    .filter(({ lastTimestamp, eventTime }) => new Date(lastTimestamp ?? eventTime) >= since)
    .map(({ involvedObject, message }) => `${involvedObject.name}: ${message}`);
}
