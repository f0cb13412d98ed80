// The commands of docs/how-to/rotate-a-password.md, for each Secret of its table.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegisteredModel } from '../../lib';
import { pages } from '../../test/docs/pages';
import { basic, loginOf } from '../lib/client';
import { commandsOf, paste, putIntoDist } from '../lib/guide';
import { little } from '../lib/platform';
import { until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';
import { ServingPlatform } from '../lib/serving-platform';

const PAGE = 'docs/how-to/rotate-a-password.md';
const MODEL = 'churn-prediction-model';
const platform = new ServingPlatform('mlflow-e2e-rotate', (mlflow, models) => {
  mlflow.addModelServing(MODEL, {
    chart: models,
    model: RegisteredModel.byAlias(MODEL, 'champion'),
    replicas: 1,
    resources: little,
  });
});
const { namespace, models } = platform;
const named = { namespace, name: 'mlflow' };
const folder = mkdtempSync(join(tmpdir(), 'rotate-'));
const commands = (section: string, instead: Record<string, string> = {}) =>
  commandsOf(PAGE, { sections: [section], namespace: namespace.name, instead });

/** Cells of the table: Secret, its user, delete it?, the Job that runs again, the workload that restarts. */
const table = pages
  .find(({ file }) => file === PAGE)!
  .text.split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** Runs the commands of the page for this Secret, with the Job and the workload that the table names. */
function rotate(secret: string): void {
  const [, , , , again, restart] = table.find(([, name]) => name === `\`${secret}\``)!;
  const component = /^`([\w-]+)`$/.exec(again)?.[1];
  const workload = /^`([\w-]+\/[\w-]+)`$/.exec(restart)?.[1];
  const [{ heading, commands: text }] = commands('The commands', { 'mlflow-s3-secret': secret });
  const lines = text.split('\n').flatMap((line) => {
    if (line.includes('minio-set-up')) return component ? [line.replace('minio-set-up', component)] : [];
    if (line.includes('rollout')) return workload ? [line.replace('deployment/mlflow-server', workload)] : [];
    return [line];
  });
  paste([{ heading, commands: lines.join('\n') }], folder, 1200);
}

/** Whether the database accepts this password over TCP: its socket asks for none. */
function databaseAccepts(role: string, database: string, password: string): boolean {
  const script = `PGPASSWORD="$(cat)" psql -h "$(hostname -i)" -U ${role} -d ${database} -qAtc 'SELECT 1'`;
  const { status, stderr } = namespace.try(['exec', '-i', 'mlflow-postgres-0', '--', 'sh', '-c', script], {
    input: password,
  });
  if (status !== 0 && !stderr.includes('password authentication failed')) throw new Error(stderr);
  return status === 0;
}

function storeAccepts(user: string, password: string): boolean {
  const script = 'export MC_CONFIG_DIR=/tmp/try; mc alias set try http://localhost:9000; s=$?; rm -r /tmp/try; exit $s';
  const { status, stdout, stderr } = namespace.try(['exec', '-i', 'mlflow-minio-0', '--', 'sh', '-c', script], {
    input: `${user}\n${password}\n`,
  });
  const said = stdout + stderr;
  if (status !== 0 && !/Access Key Id you provided does not exist|signature we calculated does not match/.test(said)) {
    throw new Error(said);
  }
  return status === 0;
}

async function proxyAccepts(login: { username: string; password: string }): Promise<boolean> {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const { status } = await fetch(`http://127.0.0.1:${forward.port}/version`, { headers: basic(login) });
    // 403: the password of a serving is right, and its role does not include this address.
    return status === 200 || status === 403;
  } finally {
    forward.stop();
  }
}

/** Logs a run with an artifact, and reads all earlier ones. */
const runs: string[] = [];
async function untilAllWorks(): Promise<void> {
  const login = loginOf(namespace, 'mlflow-basic-auth');
  await until('the login', 150, () => proxyAccepts(login));
  runs.push(await logRun(named, login, 'of the rotation'));
  for (const run of runs) await readRun(named, login, 'of the rotation', run);
}

beforeAll(async () => {
  platform.remove();
  platform.apply();
  await platform.untilServerReady(300);
  putIntoDist(folder, platform.manifest);
  await untilAllWorks();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) platform.remove();
});

interface Case {
  readonly secret: string;
  /** Whether the part that uses the Secret accepts these values. */
  readonly accepts: (values: Record<string, string>) => boolean | Promise<boolean>;
}

const cases: Case[] = [
  {
    secret: 'mlflow-basic-auth',
    accepts: ({ username, password }) => proxyAccepts({ username, password }),
  },
  {
    secret: 'mlflow-postgres-mlflow-secret',
    accepts: ({ username, password }) => databaseAccepts(username, 'mlflow', password),
  },
  {
    secret: 'mlflow-s3-secret',
    accepts: ({ AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: password }) => storeAccepts(key, password),
  },
  {
    secret: 'mlflow-minio-secret',
    accepts: ({ MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password }) => storeAccepts(user, password),
  },
];

const valuesOf = (secret: string) =>
  Object.fromEntries(
    Object.keys(namespace.json('get', 'secret', secret).data).map((key) => [key, namespace.secret(secret, key)]),
  );

test.each(cases)(
  'a rotated $secret takes effect, the old value is refused, and no run is lost',
  async ({ secret, accepts }) => {
    const old = valuesOf(secret);
    expect(await accepts(old)).toBe(true);
    rotate(secret);
    const now = valuesOf(secret);
    await untilAllWorks();
    expect([await accepts(now), await accepts(old)]).toEqual([true, false]);
  },
);

test('the server starts with new keys of mlflow-server-secret, which encrypt and sign sessions', async () => {
  const secret = 'mlflow-server-secret';
  const old = valuesOf(secret);
  rotate(secret);
  expect(Object.values(valuesOf(secret)).filter((value) => Object.values(old).includes(value))).toEqual([]);
  await untilAllWorks();
});

test('the set-up Job logs in with the rotated password of the superuser of PostgreSQL', async () => {
  const old = valuesOf('mlflow-postgres-secret').POSTGRES_PASSWORD;
  expect(databaseAccepts('postgres', 'postgres', old)).toBe(true);
  paste(commands('The superuser of PostgreSQL'), folder);
  const now = valuesOf('mlflow-postgres-secret').POSTGRES_PASSWORD;
  expect([databaseAccepts('postgres', 'postgres', now), databaseAccepts('postgres', 'postgres', old)]).toEqual([
    true,
    false,
  ]);
  rotate('mlflow-postgres-mlflow-secret');
  await untilAllWorks();
});

test('the proxy accepts the rotated login of a serving in another namespace, and its Secret there has it', async () => {
  const secret = `mlflow-server-${MODEL}-serving-${models.name}-login`;
  const old = loginOf(namespace, secret);
  expect(await proxyAccepts(old)).toBe(true);
  paste(commands('A program of another namespace', { 'ml-serving': models.name }), folder);
  await until('the Secret and its copy', 120, () => {
    const found = [namespace, models].map((each, at) =>
      each.try(['get', 'secret', at === 0 ? secret : `${MODEL}-serving-login`]),
    );
    return found.every(({ status }) => status === 0);
  });
  const now = loginOf(namespace, secret);
  expect(loginOf(models, `${MODEL}-serving-login`)).toEqual(now);
  await until('the new login', 150, () => proxyAccepts(now));
  expect(await proxyAccepts(old)).toBe(false);
  // A pod that waits for its model has read the new login.
  const log = () => models.try(['logs', '-l', `app=${MODEL}-serving`, '-c', 'download-model', '--tail=1']).stdout;
  await until('a serving that waits for its alias', 60, () => log().includes('No version yet'));
});
