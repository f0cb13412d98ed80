// People log runs, look at them and ask a model for predictions, while one random fault after another happens.
//   E2E_SOAK_MINUTES=60 E2E_SOAK_SEED=1 npm run e2e:full -- soak
// An equal seed gives an equal order of faults.
import { RegisteredModel } from '../../lib';
import { poolConnections } from '../../lib/tracking/server-plan';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Caller, Lines, Load } from '../lib/lines';
import { memoryOf } from '../lib/memory';
import { Namespace } from '../lib/namespace';
import { NodeFaults } from '../lib/node-faults';
import { little } from '../lib/platform';
import { isReady, Pod } from '../lib/pods';
import { until } from '../lib/process';
import { Seeded } from '../lib/seeded';
import { ServingPlatform } from '../lib/serving-platform';
import { Writer } from '../lib/writer';

const MINUTES = Number(process.env.E2E_SOAK_MINUTES ?? 6);
const random = new Seeded(Number(process.env.E2E_SOAK_SEED ?? 1));
const SECONDS = MINUTES * 60;
const LIMIT = SECONDS * 1000 + 1_800_000;
const [SERVERS, SERVINGS, DEPLOYERS, WRITERS] = [2, 2, 2, 3];
/** Requests of a server that may use the database at once. */
const REQUESTS = 6;
const MEBIBYTE = 1024 ** 2;
const platform = new ServingPlatform(
  'mlflow-e2e-soak',
  (mlflow, models) => {
    mlflow.addModelServing('line', {
      chart: models,
      model: RegisteredModel.byAlias('line', 'champion'),
      resources: little,
      proxyResources: little,
      replicas: SERVINGS,
    });
  },
  {
    server: { resources: little, proxyResources: little, replicas: SERVERS, maxDatabaseRequests: REQUESTS },
    deployer: { replicas: DEPLOYERS },
  },
);
const { namespace, models } = platform;
const node = new NodeFaults(new Namespace('mlflow-e2e-soak-node'), namespace);
const say = (text: string) => process.stdout.write(`${text}\n`);

const select = (where: Namespace, app: string) =>
  where.json<{ items: Pod[] }>('get', 'pods', '--selector', `app=${app}`).items;
const servers = () => select(namespace, 'mlflow-server');
const servings = () => platform.pods('line');

function allReady(): boolean {
  const ready = (pods: Pod[], count: number) => pods.length === count && pods.every(isReady);
  return (
    ready(servers(), SERVERS) &&
    ready(select(namespace, 'mlflow-postgres'), 1) &&
    ready(select(namespace, 'mlflow-minio'), 1) &&
    ready(platform.deployers(), DEPLOYERS) &&
    ready(servings(), SERVINGS)
  );
}

const remove = (where: Namespace, pods: Pod[]) =>
  where.kubectl('delete', 'pod', random.pick(pods).metadata.name, '--wait=false');

const psql = (query: string) =>
  namespace.kubectl('exec', 'mlflow-postgres-0', '--', 'psql', '-U', 'postgres', '-Atc', query).trim();

/** Each returns when the fault has happened. */
const FAULTS: Record<string, () => unknown> = {
  'a server is deleted': () => remove(namespace, servers()),
  'all servers are restarted': () => namespace.kubectl('rollout', 'restart', 'deployment/mlflow-server'),
  'the pod of the database is deleted': () => remove(namespace, select(namespace, 'mlflow-postgres')),
  'the database is killed with -9': () => node.kill9('mlflow-postgres-0', 'postgres'),
  'all connections of the database are closed': () =>
    psql(
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    ),
  'the pod of the store is deleted': () => remove(namespace, select(namespace, 'mlflow-minio')),
  'the store is killed with -9': () => node.kill9('mlflow-minio-0', 'silo'),
  'a deployer is deleted': () => remove(namespace, platform.deployers()),
  'a serving is deleted': () => remove(models, servings()),
};

/** They end servers, so only the first half of the soak has them: the servers of the second half show their growth. */
const FIRST_HALF = ['a server is deleted', 'all servers are restarted'];

interface Sample {
  readonly minute: number;
  readonly connections: number;
  readonly memory: Record<string, number>;
}

function sample(minute: number): Sample {
  const pods: [Namespace, Pod[]][] = [
    [namespace, [...servers(), ...platform.deployers()].filter(isReady)],
    [models, servings().filter(isReady)],
  ];
  const memory = pods.flatMap(([where, each]) => memoryOf(where, each));
  return {
    minute,
    connections: Number(psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")),
    memory: Object.fromEntries(memory.map(({ container, used }) => [container, used])),
  };
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** For each container that lived in the second half: median memory of its last third against that of its second third. */
function growth(samples: Sample[]): Record<string, { before: number; after: number }> {
  const names = Object.keys(samples[samples.length - 1].memory);
  return Object.fromEntries(
    names.flatMap((name) => {
      const values = samples.flatMap(({ memory }) => (name in memory ? [memory[name]] : []));
      if (values.length < 6) return [];
      const third = Math.floor(values.length / 3);
      return [[name, { before: median(values.slice(third, 2 * third)), after: median(values.slice(-third)) }]];
    }),
  );
}

/** How often each failure was told, without what differs each time. */
function counted(failures: string[]): Record<string, number> {
  const told = failures.map((failure) => failure.replace(/[0-9a-f]{32}|\d+/g, '…').slice(0, 250));
  return Object.fromEntries([...new Set(told)].map((each) => [each, told.filter((other) => other === each).length]));
}

let lines: Lines;
let writer: Writer;

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  lines.setAlias('champion', '1');
  await until('all pods are Ready', 400, allReady);
  writer = await Writer.start(namespace, WRITERS, 0.5);
});

afterAll(() => {
  writer?.leave();
  node.remove();
  if (!process.env.E2E_KEEP) platform.remove();
});

describe(`${MINUTES} minutes of load with random faults`, () => {
  const samples: Sample[] = [];
  let reads: { counts: Record<string, number>; failures: string[]; failed: number; p99: number };
  let predictions: Load;

  test(
    'all pods are Ready again after each fault, and the writer logs again',
    async () => {
      const caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);
      const reader = ClientPod.start(namespace, 'reader', throughTheProxy());
      const reading = reader.report<typeof reads>('soak_reader.py', String(SECONDS + 600));
      // It is awaited at the end, which a fault that is not mended does not reach.
      reading.catch(() => undefined);
      const start = Date.now();
      const minute = () => (Date.now() - start) / 60_000;
      predictions = await caller.load(
        async () => {
          while (minute() < MINUTES) {
            const names = Object.keys(FAULTS).filter((each) => minute() < MINUTES / 2 || !FIRST_HALF.includes(each));
            const fault = random.pick(names);
            const at = minute();
            await FAULTS[fault]();
            await until(`all pods are Ready again after: ${fault}`, 600, allReady);
            const ready = (minute() - at) * 60;
            await writer.untilWriting(WRITERS, 600);
            say(
              `minute ${at.toFixed(1)}: ${fault}; Ready again ${ready.toFixed(0)} s, all writers ${((minute() - at) * 60).toFixed(0)} s`,
            );
            samples.push(sample(minute()));
          }
        },
        SECONDS + 600,
        0.2,
      );
      reader.run(['touch', '/tmp/stop']);
      reads = await reading;
      expect(samples.length).toBeGreaterThan(2);
    },
    LIMIT,
  );

  test('no prediction fails, although pods of the serving, the server, the database and the store end', () => {
    say(`predictions: ${JSON.stringify(predictions.counts)}`);
    expect(predictions.failures).toEqual([]);
  });

  test("no read fails for good with the retries of MLflow's client", () => {
    say(`reads: ${JSON.stringify(reads.counts)}; p99 ${reads.p99} s`);
    expect(reads.failures).toEqual([]);
  });

  test(
    'nothing that was acknowledged is lost',
    async () => {
      await writer.stop();
      const { acknowledged, missing } = writer.readBack(900);
      say(`acknowledged: ${JSON.stringify(acknowledged)}; retried: ${writer.retries().length}`);
      say(`calls of the writer that failed for good: ${JSON.stringify(counted(writer.failures()))}`);
      expect(missing).toEqual([]);
      for (const kind of ['run', 'param', 'metric', 'artifact', 'end']) expect(acknowledged[kind]).toBeGreaterThan(10);
    },
    LIMIT,
  );

  test('no container grows', () => {
    const grown = growth(samples.filter(({ minute }) => minute > MINUTES / 2));
    for (const [container, { before, after }] of Object.entries(grown)) {
      say(`${container}: ${(before / MEBIBYTE).toFixed(0)} MiB, later ${(after / MEBIBYTE).toFixed(0)} MiB`);
      expect({ container, grows: after > before * 1.1 + 8 * MEBIBYTE }).toEqual({ container, grows: false });
    }
    // A short soak has too few samples to see growth.
    if (MINUTES >= 30) expect(Object.keys(grown).length).toBeGreaterThan(4);
  });

  test('no connection to the database is left open', async () => {
    const pools = SERVERS * poolConnections(REQUESTS);
    const idle = () => Number(psql("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"));
    await until('no transaction is left open', 60, () => idle() === 0);
    const last = sample(MINUTES).connections;
    say(
      `connections of the database: ${samples.map(({ connections }) => connections).join(' ')}, at the end ${last}, at most ${pools}`,
    );
    expect(last).toBeLessThanOrEqual(pools);
  });
});
