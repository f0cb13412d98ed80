// docs/how-to/small.md: SQLite and artifacts on one volume, in the pod of one server.
import { Duration, Size } from 'cdk8s';
import { ArtifactStore, Database, DataVolume, MlflowPlatform } from '../../lib';
import { loginOf, Login } from '../lib/client';
import { Colleague } from '../lib/colleague';
import { Namespace } from '../lib/namespace';
import { Platform } from '../lib/platform';
import { isReady, Pod, restarts } from '../lib/pods';
import { until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';
import { NEW, PREVIOUS, versionOf } from '../lib/upgrade';

const namespace = new Namespace('mlflow-e2e-small');
const DATABASE = '/mlflow-data/database';

/** The platform with this version of MLflow. Its requests are the defaults. */
const platform = (image: string) =>
  new Platform(namespace, 'mlflow', (chart) => {
    const volume = new DataVolume(chart, 'mlflow-data', { storage: Size.gibibytes(1) });
    new MlflowPlatform(chart, 'mlflow', {
      database: Database.sqlite({ volume }),
      artifacts: ArtifactStore.volume({ volume }),
      server: { image, drainTimeout: Duration.seconds(10) },
    });
  }).synth();

let login: Login;
let run: string;
let colleague: Colleague;
let before: object;

async function readyServer(image: string): Promise<Pod> {
  return until(`a server of ${image}`, 400, () =>
    platform(image)
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
  platform(PREVIOUS).apply();
  await readyServer(PREVIOUS);
  login = loginOf(namespace, 'mlflow-basic-auth');
  run = await logRun(platform(PREVIOUS), login, 'small');
  colleague = Colleague.start(namespace, PREVIOUS);
  colleague.writeHistory();
  before = colleague.showHistory();
});

afterAll(() => {
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
  const [old] = platform(PREVIOUS).servers();
  namespace.kubectl('delete', 'pod', old.metadata.name, '--grace-period=0', '--force');
  const server = await readyServer(PREVIOUS);
  expect(server.metadata.name).not.toBe(old.metadata.name);
  expect(colleague.showHistory()).toEqual(before);
  await readRun(platform(PREVIOUS), login, 'small', run);
});

test('a copy of a database can be read while the server runs', () => {
  const script = `import sqlite3, sys
connection = sqlite3.connect('/tmp/copy.db')
print(connection.execute('SELECT count(*) FROM runs').fetchone()[0])`;
  inServer('sh', '-c', 'python /opt/cdk8s-mlflow/sqlite_files.py mlflow >/tmp/copy.db');
  expect(Number(inServer('python', '-c', script))).toBeGreaterThan(30);
});

describe('an upgrade of MLflow', () => {
  beforeAll(async () => {
    platform(NEW).apply();
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
    await readRun(platform(NEW), login, 'small', run);
  });

  test('needs no restart of a container', async () => {
    expect(restarts(await readyServer(NEW))).toBe(0);
  });

  test('is kept by a server of the old version, which says how to go back', async () => {
    platform(PREVIOUS).apply();
    await until('an old server that says why it does not start', 300, () =>
      namespace
        .try(['logs', 'deployment/mlflow-server', '--container', 'migrate'])
        .stdout.includes('Copies of mlflow from before upgrades'),
    );
    platform(NEW).apply();
    await readyServer(NEW);
    expect(colleague.showHistory()).toEqual(before);
  });
});
