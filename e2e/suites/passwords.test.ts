// Existing Secrets whose passwords contain special characters: no part splits, quotes, encodes or logs them.
import { Credentials } from '../../lib';
import { basic, htpasswd, Login, python } from '../lib/client';
import { Namespace } from '../lib/namespace';
import { restarts } from '../lib/pods';
import { until } from '../lib/process';
import { twoLogins, untilBothAreReady } from '../lib/two-logins';

/** Ends with a name, so that no two are equal. A secret key of the store has at most 40 bytes. */
const password = (whose: string) => `/&%@:'"$\\#? é${whose}`;
const PERSON = { username: 'person', password: password('person') };
const ADMINISTRATOR = { username: 'boss', password: password('boss') };
const SECRETS: Record<string, Record<string, string>> = {
  superuser: { POSTGRES_USER: 'postgres', POSTGRES_PASSWORD: password('superuser') },
  role: { username: 'mlflow', password: password('role') },
  root: { MINIO_ROOT_USER: 'root-user', MINIO_ROOT_PASSWORD: password('root') },
  key: { AWS_ACCESS_KEY_ID: 'mlflow-key', AWS_SECRET_ACCESS_KEY: password('key') },
  people: { auth: htpasswd(PERSON) },
  administrator: { ...ADMINISTRATOR },
};

const namespace = new Namespace('mlflow-e2e-passwords');
const from = (secret: string) => Credentials.fromSecret(secret);
const platform = twoLogins(namespace, {
  users: from('people'),
  admin: from('administrator'),
  postgres: { superuser: from('superuser'), credentials: from('role') },
  minio: { rootCredentials: from('root'), credentials: from('key') },
});

function put(name: string, values: Record<string, string>): void {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: values };
  const { status, stderr } = namespace.try(['apply', '--filename', '-'], { input: JSON.stringify(secret) });
  expect([status, stderr]).toEqual([0, '']);
}

/** MLflow's own client logs a run with an artifact and reads both back. Throws if it cannot. */
async function logAndRead(service: string, login: Login): Promise<void> {
  const forward = await namespace.forward(`service/${service}`, 5000);
  try {
    const runs = (...args: string[]) => {
      const { status, stdout, stderr } = python('programs/runs.py', forward.port, login, args);
      if (status !== 0) throw new Error(stderr.slice(-2000));
      return stdout.trim().split('\n').pop()!;
    };
    runs('read', service, runs('log', service));
  } finally {
    forward.stop();
  }
}

beforeAll(async () => {
  namespace.remove();
  namespace.kubectl('create', 'namespace', namespace.name);
  for (const [name, values] of Object.entries(SECRETS)) put(name, values);
  platform.synth().apply();
  await untilBothAreReady(platform);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

describe('with special characters in the passwords of database, superuser, store, root user and login', () => {
  test.each([
    ['nginx', 'mlflow-server', PERSON],
    ['MLflow', 'own', ADMINISTRATOR],
  ])(
    "MLflow's client logs a run and an artifact and reads them, if %s checks the password",
    async (_, service, login) => {
      await logAndRead(service, login);
    },
  );

  test('no log and no command line shows a password', () => {
    const pods = namespace.kubectl('get', 'pods', '--output', 'name').trim().split('\n');
    const logs = pods.map((pod) => namespace.kubectl('logs', pod, '--all-containers')).join('\n');
    expect(logs).toContain('bucket mlflow is ready');
    expect(logs).not.toContain(password(''));
    const commands = 'cat /proc/[0-9]*/cmdline | tr "\\0" " "';
    for (const [pod, container, program] of [
      ['mlflow-postgres-0', 'postgres', 'postgres'],
      ['mlflow-minio-0', 'minio', 'silo'],
      [platform.servers()[0].metadata.name, 'mlflow', 'mlflow'],
    ]) {
      const shown = namespace.kubectl('exec', pod, '--container', container, '--', 'sh', '-c', commands);
      expect(shown).toContain(program);
      expect(shown).not.toContain(password(''));
    }
  });
});

test('a changed login takes effect without a restart, and the old one is refused', async () => {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const url = `http://127.0.0.1:${forward.port}/version`;
    const status = async (login: Login) => (await fetch(url, { headers: basic(login) })).status;
    const next = { username: 'successor', password: password('successor') };
    expect([await status(PERSON), await status(next)]).toEqual([200, 401]);
    const before = platform.servers();
    put('people', { auth: htpasswd(next) });
    await until('the new login', 150, async () => (await status(next)) === 200);
    expect([await status(PERSON), await status(next)]).toEqual([401, 200]);
    const after = platform.servers();
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    expect(after.map(restarts)).toEqual(before.map(() => 0));
  } finally {
    forward.stop();
  }
});

test("many wrong passwords at MLflow's own login do not delay the user with the right one", async () => {
  const forward = await namespace.forward('service/own', 5000);
  try {
    const url = `http://127.0.0.1:${forward.port}/version`;
    const ask = async (login: Login) => (await fetch(url, { headers: basic(login) })).status;
    expect(await ask(ADMINISTRATOR)).toBe(200);
    let over = false;
    const answers: number[] = [];
    const flood = Array.from({ length: 16 }, async (_, who) => {
      while (!over) answers.push(await ask({ ...ADMINISTRATOR, password: `wrong ${who} ${answers.length}` }));
    });
    await until('the flood', 60, () => answers.length > 16);
    const times: number[] = [];
    for (let round = 0; round < 9; round++) {
      const start = Date.now();
      expect(await ask(ADMINISTRATOR)).toBe(200);
      times.push(Date.now() - start);
    }
    over = true;
    await Promise.all(flood);
    // Requests that waited too long in the queue get 429.
    expect(answers.filter((status) => status !== 401 && status !== 429)).toEqual([]);
    // Behind 16 slow hashes it would take seconds.
    expect(times.sort((a, b) => a - b)[4]).toBeLessThan(1000);
  } finally {
    forward.stop();
  }
});
