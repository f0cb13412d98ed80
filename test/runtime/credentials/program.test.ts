import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ApiServer, refuse, type Seen, status, usual } from './api-server';
import { login, plan, postgres } from './plans';
import { run } from './program';

let server: ApiServer;
beforeEach(async () => {
  server = await new ApiServer().start();
});
afterEach(async () => server.stop());

const onlyReadsAndCreates = ({ method }: Seen) => method === 'GET' || method === 'POST';
const writes = () => server.asked.filter((each) => !each.startsWith('GET'));

describe('missing Secrets', () => {
  test('are created as planned', async () => {
    const { code, stdout, stderr } = await run(server, plan);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n')).toEqual([
      'level=info secret=mlflow-postgres-secret result=created keys=POSTGRES_USER,POSTGRES_PASSWORD,POSTGRES_DB',
      'level=info secret=mlflow-login result=created keys=htpasswd,username,password,key,access,flask',
    ]);
    expect(server.values(postgres.name)).toEqual({
      POSTGRES_USER: 'postgres',
      POSTGRES_PASSWORD: expect.stringMatching(/^[A-Za-z0-9]{32}$/),
      POSTGRES_DB: 'mlflow',
    });
    const { htpasswd, username, password, key, access, flask } = server.values(login.name);
    const [, encoded] = /^admin:\{SSHA\}(.+)\n$/.exec(htpasswd)!;
    const salted = Buffer.from(encoded, 'base64');
    const digest = createHash('sha1').update(password).update(salted.subarray(20)).digest();
    expect(username).toBe('admin');
    expect(salted.subarray(0, 20).equals(digest)).toBe(true);
    expect(Buffer.from(key, 'base64url')).toHaveLength(32);
    expect(access).toMatch(/^[A-Z0-9]{20}$/);
    expect(flask).toMatch(/^[0-9a-f]{64}$/);
    expect(server.secrets.get(postgres.name)!.metadata.labels).toEqual({
      'app.kubernetes.io/name': 'postgres',
      'app.kubernetes.io/managed-by': 'cdk8s-mlflow-credentials',
    });
  });

  test('are created once: a second run changes nothing', async () => {
    await run(server, plan);
    const before = structuredClone([...server.secrets]);
    server.seen.length = 0;
    const { code, stdout } = await run(server, plan);
    expect(code).toBe(0);
    expect(stdout.match(/result=kept/g)).toHaveLength(2);
    expect([...server.secrets]).toEqual(before);
    expect(server.asked).toEqual(['GET mlflow-postgres-secret', 'GET mlflow-login']);
  });

  test('are created once by two runs at the same time', async () => {
    // Both requests are answered only after both have arrived, so both programs find no Secret and create it.
    let waiting = 0;
    let open: () => void = () => undefined;
    const bothAsked = new Promise<void>((resolve) => (open = resolve));
    const rendezvous = async () => {
      if (++waiting === 2) open();
      await bothAsked;
      return false as const;
    };
    server.faults = [rendezvous, rendezvous];
    const only = { secrets: [postgres] };
    const outcomes = await Promise.all([run(server, only), run(server, only)]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(outcomes.map(({ stdout }) => /result=(\w+)/.exec(stdout)![1]).sort()).toEqual(['created', 'kept']);
    const sent = server.seen.filter(({ method }) => method === 'POST');
    expect(sent).toHaveLength(2);
    const { data } = server.secrets.get(postgres.name)!;
    expect(sent.filter(({ body }) => body?.data === data)).toHaveLength(1);
    expect(server.seen.every(onlyReadsAndCreates)).toBe(true);
  });
});

describe('existing Secrets', () => {
  const values = { POSTGRES_USER: 'custom', POSTGRES_PASSWORD: 'chosen-by-its-owner', POSTGRES_DB: 'other' };

  test('are kept with any content', async () => {
    server.put(postgres.name, { ...values, more: 'than-was-planned' });
    const { code, stdout } = await run(server, { secrets: [postgres] });
    expect(code).toBe(0);
    expect(stdout).toContain('result=kept');
    expect(server.values(postgres.name)).toMatchObject(values);
    expect(writes()).toEqual([]);
  });

  test('may lack optional keys', async () => {
    const names = Object.keys(login.keys).filter((name) => name !== 'flask');
    const rest = Object.fromEntries(names.map((name) => [name, `somebody's-${name}`]));
    server.put(login.name, rest);
    await expect(run(server, { secrets: [login] })).resolves.toMatchObject({ code: 0 });
  });

  test('that lack keys are logged, not changed, and do not stop the others', async () => {
    server.put(postgres.name, { POSTGRES_USER: 'postgres', POSTGRES_DB: '' });
    const { code, stdout, stderr } = await run(server, plan);
    expect(code).toBe(1);
    expect(stderr).toContain('secret=mlflow-postgres-secret result=wrong');
    expect(stderr).toContain('lacks POSTGRES_PASSWORD and has nothing in POSTGRES_DB; nothing was changed');
    expect(stdout).toContain('secret=mlflow-login result=created');
    expect(server.values(postgres.name)).toEqual({ POSTGRES_USER: 'postgres', POSTGRES_DB: '' });
    expect(writes()).toEqual(['POST mlflow-login']);
  });

  test('that another client created first are checked too', async () => {
    const taken = () => {
      server.put(postgres.name, { POSTGRES_USER: 'postgres', POSTGRES_DB: 'mlflow' });
      return false as const;
    };
    server.faults = [usual, taken];
    const { code, stderr } = await run(server, { secrets: [postgres] });
    expect(code).toBe(1);
    expect(stderr).toContain('lacks POSTGRES_PASSWORD');
  });

  test('that are being deleted are created again after the deletion', async () => {
    server.put(postgres.name, values, { deletionTimestamp: '2030-01-01T00:00:00Z' });
    const gone = () => {
      server.secrets.delete(postgres.name);
      return false as const;
    };
    server.faults = [usual, usual, gone];
    const { code, stdout, stderr } = await run(server, { secrets: [postgres] });
    expect(code).toBe(0);
    expect(stderr.match(/is being deleted/g)).toHaveLength(2);
    expect(stdout).toContain('result=created');
    expect(server.values(postgres.name).POSTGRES_PASSWORD).toMatch(/^[A-Za-z0-9]{32}$/);
  });

  test('that are created and deleted meanwhile are retried', async () => {
    server.faults = [usual, refuse(409, 'AlreadyExists')];
    const { code, stderr } = await run(server, { secrets: [postgres] });
    expect(code).toBe(0);
    expect(stderr).toContain('created by another client and deleted again');
  });
});

test('a Secret that the API server refuses does not stop the others, and the message has no value', async () => {
  const denied = (response: Parameters<typeof status>[0], { body }: Seen) =>
    status(response, 422, 'Invalid', `denied by policy: ${JSON.stringify(body?.data)}`);
  server.faults = [usual, denied];
  const { code, stdout, stderr } = await run(server, plan);
  expect(code).toBe(1);
  expect(stderr).toMatch(/secret=mlflow-postgres-secret result=failed .*refused with HTTP 422: denied by policy/);
  expect(stderr).toContain('***');
  expect(stdout).toContain('secret=mlflow-login result=created');
});

test('the bundle is one small file that starts quickly', async () => {
  expect(statSync(join(__dirname, '../../../build/runtime/credentials.js')).size).toBeLessThan(100_000);
  const { seconds } = await run(server, plan);
  expect(seconds).toBeLessThan(5);
});
