// npm run measure:capacity: what one call of each kind costs in CPU, what a metric costs in the database, and what follows for
// 10, 100 and 1,000 users. It writes docs/capacity.md. CPU is read from each container's cgroup, so that other load of the
// machine changes durations and not the costs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { capacityPage, Cost, KINDS } from './capacity-page';

import { Images, MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { program } from '../lib/program';

const namespace = new Namespace('mlflow-e2e-capacity');
const METRIC_BATCHES = 100;
const say = (text: string) => process.stderr.write(`${text}\n`);

const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(2) },
    minio: { resources: little, storage: Size.gibibytes(4) },
    server: { resources: little, proxyResources: little, replicas: 1 },
  });
});

/** Seconds of CPU that a container has used since its start, by cgroup version 2 or 1. */
function cpu(pod: string, container: string): number {
  const look =
    'if [ -e /sys/fs/cgroup/cpu.stat ]; then cat /sys/fs/cgroup/cpu.stat; else cat /sys/fs/cgroup/cpuacct/cpuacct.usage; fi';
  const told = namespace.kubectl('exec', pod, '-c', container, '--', 'sh', '-c', look);
  const micro = /^usage_usec (\d+)$/m.exec(told);
  return micro ? Number(micro[1]) / 1e6 : Number(told) / 1e9;
}

function cpuOfAll(): Record<'mlflow' | 'nginx' | 'postgres' | 'store', number> {
  const server = platform.servers()[0].metadata.name;
  return {
    mlflow: cpu(server, 'mlflow'),
    nginx: cpu(server, 'nginx'),
    postgres: cpu('mlflow-postgres-0', 'postgres'),
    store: cpu('mlflow-minio-0', 'minio'),
  };
}

const psql = (query: string) =>
  namespace.kubectl('exec', 'mlflow-postgres-0', '--', 'psql', '-U', 'postgres', '-Atc', query).trim();
const databaseBytes = () => Number(psql("CHECKPOINT; SELECT pg_database_size('mlflow')").split('\n').pop());

async function main(): Promise<void> {
  await platform.install(1, 400);
  const client = ClientPod.start(namespace, 'client', throughTheProxy());
  const call = (kind: string, count: number): number[] => {
    const { status, stdout, stderr } = client.python(program('client_mix.py'), [kind, String(count)], { seconds: 900 });
    if (status !== 0) throw new Error(`${kind}: ${stderr.slice(-2000)}`);
    return JSON.parse(stdout.trim().split('\n').pop()!).durations;
  };
  const costs: Cost[] = [];
  for (const { kind, count } of KINDS) {
    // The preparation of the program is the same for 0 calls and for `count` calls, so the difference is the calls.
    const [a, , b, durations, c] = [cpuOfAll(), call(kind, 0), cpuOfAll(), call(kind, count), cpuOfAll()];
    const each = (name: keyof typeof a) => Math.max(0, (1000 * (c[name] - b[name] - (b[name] - a[name]))) / count);
    durations.sort((x, y) => x - y);
    const cost = {
      kind,
      mlflow: each('mlflow'),
      nginx: each('nginx'),
      postgres: each('postgres'),
      store: each('store'),
      p50: durations[Math.floor(count / 2)] * 1000,
    };
    say(JSON.stringify(cost));
    costs.push(cost);
  }
  const before = databaseBytes();
  call('log 1,000 metrics at once', METRIC_BATCHES);
  const bytesPerMetric = (databaseBytes() - before) / (METRIC_BATCHES * 1000);
  say(`bytes of the database per metric: ${bytesPerMetric.toFixed(0)}`);
  const text = capacityPage({ costs, bytesPerMetric, mlflow: /:v([\d.]+)/.exec(Images.MLFLOW)![1], made: new Date() });
  writeFileSync(join(__dirname, '..', '..', 'docs', 'capacity.md'), text);
  process.stdout.write(text);
}

main().then(
  () => namespace.remove(),
  (error: Error) => {
    say(error.stack!);
    namespace.remove();
    process.exitCode = 1;
  },
);
