// docs/how-to/small.md and from-sqlite-to-postgresql.md: SQLite and artifacts on one volume, in the pod of one server.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duration, Size } from 'cdk8s';
import { ArtifactStore, BackupTarget, Database, DataVolume, MlflowPlatform } from '../../lib';
import { loginOf, Login } from '../lib/client';
import { Colleague } from '../lib/colleague';
import { jobOf } from '../lib/cron-job';
import { commandsOf, paste, putIntoDist } from '../lib/guide';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady, Pod, restarts } from '../lib/pods';
import { until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';
import { NEW, PREVIOUS, versionOf } from '../lib/upgrade';

const namespace = new Namespace('mlflow-e2e-small');
const folder = mkdtempSync(join(tmpdir(), 'small-'));
const DATABASE = '/mlflow-data/database';

const server = (image: string) => ({ image, drainTimeout: Duration.seconds(10) });

/** The platform with this version of MLflow. Its requests are the defaults. */
const small = (image: string) =>
  new Platform(namespace, 'mlflow', (chart) => {
    const volume = new DataVolume(chart, 'mlflow-data', { storage: Size.gibibytes(1) });
    new MlflowPlatform(chart, 'mlflow', {
      database: Database.sqlite({ volume }),
      artifacts: ArtifactStore.volume({ volume }),
      server: server(image),
      pods: { jobResources: { cpu: little.cpu } },
      backup: {
        schedule: '0 2 * * *',
        target: BackupTarget.claim({ claimName: 'backups' }),
        dumpSpace: Size.gibibytes(1),
        resources: { cpu: little.cpu },
      },
      garbageCollection: { schedule: '0 4 * * 6' },
    });
  }).synth();

/** The same platform with PostgreSQL. */
const grown = () =>
  new Platform(namespace, 'mlflow', (chart) => {
    const volume = new DataVolume(chart, 'mlflow-data', { storage: Size.gibibytes(1) });
    new MlflowPlatform(chart, 'mlflow', {
      postgres: { resources: little, storage: Size.gibibytes(1) },
      artifacts: ArtifactStore.volume({ volume }),
      server: { ...server(NEW), replicas: 1, resources: little, proxyResources: little },
    });
  }).synth();

/** Runs sections of a page, in a folder that has the YAML of the platform with PostgreSQL. */
function follow(page: string, ...sections: string[]): Record<string, string> {
  const all = commandsOf(`docs/how-to/${page}.md`, { sections, namespace: namespace.name });
  const here = all.map(({ heading, commands }) => ({
    heading,
    commands: commands.replaceAll('namespace: mlflow\n', `namespace: ${namespace.name}\n`),
  }));
  return paste(here, folder, 1200);
}

let login: Login;
let run: string;
let colleague: Colleague;
let before: object;

async function readyServer(image: string): Promise<Pod> {
  return until(`a server of ${image}`, 400, () =>
    small(image)
      .servers()
      .find((pod: any) => isReady(pod) && pod.spec.initContainers[0].image === image),
  ) as Promise<Pod>;
}

function inServer(...command: string[]): string {
  return namespace.kubectl('exec', 'deployment/mlflow-server', '--container', 'mlflow', '--', ...command);
}

const migrationLog = () => namespace.kubectl('logs', 'deployment/mlflow-server', '--container', 'migrate');

beforeAll(async () => {
  namespace.remove();
  small(PREVIOUS).apply();
  namespace.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await readyServer(PREVIOUS);
  login = loginOf(namespace, 'mlflow-basic-auth');
  run = await logRun(small(PREVIOUS), login, 'small');
  colleague = Colleague.start(namespace, PREVIOUS);
  colleague.writeHistory();
  before = colleague.showHistory();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('the platform is one pod, and one Job that creates the Secrets', () => {
  const names = (kind: string) =>
    namespace
      .json<{ items: any[] }>('get', kind, '--selector', 'app.kubernetes.io/part-of=mlflow')
      .items.map(({ metadata }) => metadata.name);
  expect(names('deployments,statefulsets')).toEqual(['mlflow-server']);
  expect(names('jobs')).toEqual([expect.stringMatching(/^mlflow-credentials-/)]);
  expect(names('persistentvolumeclaims')).toEqual(['mlflow-data']);
});

test('the log of the first migration says that it created the schema', () => {
  expect(migrationLog()).toContain('The tracking database mlflow: creating the schema');
});

test('all data is there after the pod is killed', async () => {
  const [old] = small(PREVIOUS).servers();
  namespace.kubectl('delete', 'pod', old.metadata.name, '--grace-period=0', '--force');
  const ready = await readyServer(PREVIOUS);
  expect(ready.metadata.name).not.toBe(old.metadata.name);
  expect(colleague.showHistory()).toEqual(before);
  await readRun(small(PREVIOUS), login, 'small', run);
});

test('the copy of the page has the database and the artifacts', () => {
  follow('small', 'Make a copy by hand');
  expect(readFileSync(join(folder, 'mlflow.db')).subarray(0, 15).toString()).toBe('SQLite format 3');
  expect(existsSync(join(folder, 'artifacts.tar'))).toBe(true);
});

test('a backup is proven by the drill, and a restore brings back rows that were deleted', async () => {
  for (const [name, from] of [
    ['backup-1', 'mlflow-backup'],
    ['drill-1', 'mlflow-restore-drill'],
  ]) {
    expect((await jobOf(namespace, name, from)).succeeded).toBe(true);
  }
  const statements = "'DELETE FROM params', 'DELETE FROM metrics', 'DELETE FROM latest_metrics'";
  const program = `import sqlite3
connection = sqlite3.connect('${DATABASE}/mlflow.db', timeout=20)
for statement in (${statements}):
    connection.execute(statement)
connection.commit()`;
  inServer('python', '-c', program);
  expect(colleague.showHistory()).not.toEqual(before);
  const restore = await jobOf(namespace, 'restore-1', 'mlflow-restore', ['OVERWRITE=yes']);
  expect(restore.log).toContain(`what was in it is in the folder ${DATABASE}/before-`);
  expect(restore.succeeded).toBe(true);
  await readyServer(PREVIOUS);
  expect(colleague.showHistory()).toEqual(before);
});

test('the garbage collection removes nothing that is new', async () => {
  const { succeeded, log } = await jobOf(namespace, 'collection', 'mlflow-garbage-collection');
  expect(log).toContain('Removed nothing');
  expect(succeeded).toBe(true);
  expect(colleague.showHistory()).toEqual(before);
});

describe('an upgrade of MLflow', () => {
  beforeAll(async () => {
    small(NEW).apply();
    await readyServer(NEW);
  });

  test('copies the file before it changes the schema', () => {
    const log = migrationLog();
    const [copy] = new RegExp(`${DATABASE}/copies/mlflow-\\S+-before-mlflow-${versionOf(NEW)}.db`).exec(log)!;
    expect(log.indexOf(copy)).toBeLessThan(log.indexOf('upgrading the schema'));
    expect(inServer('ls', `${DATABASE}/copies`).trim()).toBe(copy.split('/').pop());
  });

  test('keeps every run, model and file', async () => {
    expect(colleague.showHistory()).toEqual(before);
    await readRun(small(NEW), login, 'small', run);
  });

  test('needs no restart of a container', async () => {
    expect(restarts(await readyServer(NEW))).toBe(0);
  });

  test('is undone by the commands of the page, after which the old version says how to go back', async () => {
    small(PREVIOUS).apply();
    await until('an old server that says why it does not start', 300, () =>
      namespace
        .try(['logs', 'deployment/mlflow-server', '--container', 'migrate'])
        .stdout.includes('Copies of mlflow from before upgrades'),
    );
    expect(follow('small', 'Go back to the previous version')['Go back to the previous version']).toContain('Restored');
    await readyServer(PREVIOUS);
    expect(colleague.showHistory()).toEqual(before);
    small(NEW).apply();
    await readyServer(NEW);
    expect(colleague.showHistory()).toEqual(before);
  });
});

test('the commands of docs/how-to/from-sqlite-to-postgresql.md move every run and model to PostgreSQL', async () => {
  putIntoDist(folder, grown().manifest);
  const printed = follow(
    'from-sqlite-to-postgresql',
    ...['1. Take the program and a backup', '2. Apply the platform with PostgreSQL', '3. Copy the rows'],
    '4. Start the server',
  );
  expect(printed['3. Copy the rows']).toMatch(
    /Copied \/mlflow-data\/database\/mlflow\.db to the database mlflow: \d+ rows/,
  );
  expect(colleague.showHistory()).toEqual(before);
  await readRun({ namespace, name: 'mlflow' }, login, 'small', run);
});
