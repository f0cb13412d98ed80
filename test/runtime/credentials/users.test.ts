import { createHash } from 'node:crypto';
import { ApiServer } from './api-server';
import { postgres } from './plans';
import { run } from './program';
import { type CredentialsPlan, type PlannedLogins, PlanError, validatePlan } from '../../../runtime/credentials/plan';

const FILE = 'mlflow-server-users';
const users = { 'serving.churn': [], 'deployer.deployer': [] };
const planOf = (more: Partial<PlannedLogins> = {}): CredentialsPlan => ({
  secrets: [postgres],
  logins: [{ prefix: 'mlflow-server-', labels: { a: 'b' }, file: FILE, form: 'htpasswd', users, ...more }],
});

let server: ApiServer;
beforeEach(async () => {
  server = await new ApiServer().start();
});
afterEach(async () => server.stop());

const passwordOf = (user: string) => server.values(`mlflow-server-${user}-login`).password;
function isLineOf(line: string, user: string, password: string): boolean {
  const [, name, hash] = /^(\S+):\{SSHA\}(\S+)\n$/.exec(line)!;
  const bytes = Buffer.from(hash, 'base64');
  const digest = createHash('sha1').update(password).update(bytes.subarray(20)).digest();
  return name === user && digest.equals(bytes.subarray(0, 20));
}

test('each user gets a Secret with a password, and the Secret of the server a line for each', async () => {
  const { code, stdout } = await run(server, planOf());
  expect(code).toBe(0);
  expect(stdout).toContain(`secret=${FILE} result=created users=2`);
  expect(server.values('mlflow-server-churn-login')).toEqual({ username: 'churn', password: expect.any(String) });
  const lines = server.values(FILE);
  expect(Object.keys(lines).sort()).toEqual(['deployer.deployer', 'serving.churn']);
  expect(isLineOf(lines['serving.churn'], 'churn', passwordOf('churn'))).toBe(true);
  expect(isLineOf(lines['deployer.deployer'], 'deployer', passwordOf('deployer'))).toBe(true);
});

test('with MLflow’s own login the Secret of the server has the passwords', async () => {
  await run(server, planOf({ form: 'password' }));
  expect(server.values(FILE)['serving.churn']).toBe(passwordOf('churn'));
});

test('a server without service users has the Secret too', async () => {
  expect((await run(server, planOf({ users: {} }))).code).toBe(0);
  expect(server.values(FILE)).toEqual({});
});

test('a second run changes no user', async () => {
  await run(server, planOf());
  const before = structuredClone([...server.secrets]);
  const { code, stdout } = await run(server, planOf());
  expect([code, stdout.includes(`secret=${FILE} result=kept`)]).toEqual([0, true]);
  expect([...server.secrets]).toEqual(before);
  expect(server.seen.map(({ method }) => method)).not.toContain('PATCH');
});

test('an added user gets a line, and the other lines do not change', async () => {
  await run(server, planOf());
  const before = server.values(FILE);
  await run(server, planOf({ users: { ...users, 'program.notebooks': [] } }));
  expect(server.values(FILE)).toEqual({ ...before, 'program.notebooks': expect.stringContaining('notebooks:') });
});

test('a user that is not planned any more loses its line, and its Secret is kept', async () => {
  await run(server, planOf());
  const { code } = await run(server, planOf({ users: { 'deployer.deployer': [] } }));
  expect(code).toBe(0);
  expect(Object.keys(server.values(FILE))).toEqual(['deployer.deployer']);
  expect(passwordOf('churn')).toBeDefined();
});

test('a changed password gets a new line, without its line break', async () => {
  await run(server, planOf());
  const before = server.values(FILE);
  server.put('mlflow-server-churn-login', { username: 'churn', password: 'another password\r\n' });
  await run(server, planOf());
  const after = server.values(FILE);
  expect(after['deployer.deployer']).toBe(before['deployer.deployer']);
  expect(isLineOf(after['serving.churn'], 'churn', 'another password')).toBe(true);
});

test('the Secret of an earlier version, which has its own line, is used unchanged', async () => {
  const auth = 'churn:{SSHA}line\n';
  server.put('mlflow-server-churn-login', { username: 'churn', password: 'as before', auth });
  expect((await run(server, planOf())).code).toBe(0);
  expect(server.values('mlflow-server-churn-login')).toEqual({ username: 'churn', password: 'as before', auth });
  expect(isLineOf(server.values(FILE)['serving.churn'], 'churn', 'as before')).toBe(true);
});

test('a copy has the values of its user’s Secret', async () => {
  await run(server, planOf({ users: { 'serving.churn': ['ml-serving/churn-login'] } }));
  expect(server.values('ml-serving/churn-login')).toEqual(server.values('mlflow-server-churn-login'));
});

test('a concurrent change of another client is not overwritten', async () => {
  await run(server, planOf({ users: { 'serving.churn': [] } }));
  server.beforePatch = () => server.put(FILE, { ...server.values(FILE), 'deployer.deployer': 'their line' });
  expect((await run(server, planOf())).code).toBe(0);
  expect(server.seen.filter(({ method }) => method === 'PATCH')).toHaveLength(2);
  expect(isLineOf(server.values(FILE)['deployer.deployer'], 'deployer', passwordOf('deployer'))).toBe(true);
});

test('a run whose plan was superseded does not change the users', async () => {
  await run(server, planOf());
  const before = server.values(FILE);
  server.configMaps.set('mlflow-credentials', { revision: 'new' });
  const env = { CREDENTIALS_CONFIG_MAP_NAME: 'mlflow-credentials' };
  const late = await run(server, planOf({ users: { 'deployer.deployer': [] } }), {
    env: { ...env, MOUNTED_REVISION: 'old' },
    revision: 'old',
  });
  expect([late.code, server.values(FILE)]).toEqual([0, before]);
  expect(late.stdout + late.stderr).toContain('result=superseded');
  const newest = await run(server, planOf(), { env: { ...env, MOUNTED_REVISION: 'new' }, revision: 'new' });
  expect([newest.code, newest.stdout.includes('result=kept')]).toEqual([0, true]);
});

test.each<[string, unknown, string]>([
  ['no list', 1, 'logins[0]: is'],
  ['a role that does not exist', [{ ...planOf().logins![0], users: { 'admin.x': [] } }], '"users" is'],
  ['a user with a dot', [{ ...planOf().logins![0], users: { 'serving.a.b': [] } }], '"users" is'],
  ['a path for a user', [{ ...planOf().logins![0], users: { 'serving.../x': [] } }], '"users" is'],
  ['a copy without a namespace', [{ ...planOf().logins![0], users: { 'serving.x': ['y'] } }], '"users" is'],
  ['another form', [{ ...planOf().logins![0], form: 'plain' }], '"form" is'],
  ['no Secret', [{ ...planOf().logins![0], file: 'A' }], '"file" is'],
])('the program refuses logins with %s', (_, logins, message) => {
  expect(() => validatePlan({ secrets: [postgres], logins })).toThrow(PlanError);
  expect(() => validatePlan({ secrets: [postgres], logins })).toThrow(message);
});
