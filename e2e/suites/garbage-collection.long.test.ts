// docs/how-to/clean-up.md: deleted runs are removed with their files, except those that the registry uses.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { jobOf } from '../lib/cron-job';
import { asRootOfStore } from '../lib/mc';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { program } from '../lib/program';

const SERVERS = 1;
const namespace = new Namespace('mlflow-e2e-garbage-collection');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: SERVERS },
    pods: { jobResources: { cpu: little.cpu } },
    garbageCollection: { schedule: '0 4 * * 6' },
  });
});
let runs: { old: string; new: string; used: string };

const psql = (statement: string) =>
  namespace
    .kubectl('exec', 'mlflow-postgres-0', '--', ...['psql', '-U', 'postgres', '-d', 'mlflow', '-qAtc', statement])
    .trim();
const rows = () => psql('SELECT run_uuid FROM runs').split('\n').sort();
const files = () => asRootOfStore(namespace, 'mc find store/mlflow/artifacts --name file.txt');

jest.setTimeout(1_200_000);

beforeAll(async () => {
  await platform.install(SERVERS, 400);
  const client = ClientPod.start(namespace, 'people', throughTheProxy());
  const { status, stdout, stderr } = client.python(program('deleted_runs.py'), [], { seconds: 300 });
  client.remove();
  if (status !== 0) throw new Error(stderr);
  runs = JSON.parse(stdout.trim().split('\n').pop()!);
  const aged = [runs.old, runs.used].map((id) => `'${id}'`).join();
  psql(`UPDATE runs SET deleted_time = deleted_time - 31::bigint * 86400000 WHERE run_uuid IN (${aged})`);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('a dry run names what it would remove, and removes nothing', async () => {
  const { succeeded, log } = await jobOf(namespace, 'check', 'mlflow-garbage-collection', ['DRY_RUN=yes']);
  expect(log).toContain(`Would remove the run ${runs.old}.`);
  expect(log).toContain('Dry run: would remove 1 × run; 1 files');
  expect(succeeded).toBe(true);
  expect(rows()).toEqual(Object.values(runs).sort());
});

test('removes a run that was deleted a month ago with its files, and keeps the run of a model version', async () => {
  const { succeeded, log } = await jobOf(namespace, 'collection', 'mlflow-garbage-collection');
  expect(log).toContain(`Kept 1 that are deleted, and that the model registry uses: ${runs.used}.`);
  expect(log).toContain('Removed 1 × run; 1 files');
  expect(succeeded).toBe(true);
  expect(rows()).toEqual([runs.new, runs.used].sort());
  expect(files()).not.toContain(runs.old);
  expect(files()).toContain(runs.new);
  expect(files()).toContain(runs.used);
});
