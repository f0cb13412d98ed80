import { ApiServer, refuse } from './api-server';
import { login } from './plans';
import { run } from './program';
import type { CredentialsPlan } from '../../../runtime/credentials/plan';

const copy = { namespace: 'ml-serving', name: 'churn-serving-login' };
const stored = 'ml-serving/churn-serving-login';
const plan: CredentialsPlan = { secrets: [{ ...login, copies: [copy] }] };

let server: ApiServer;
beforeEach(async () => {
  server = await new ApiServer().start();
});
afterEach(async () => server.stop());

test('a copy has the values of the new Secret', async () => {
  const { code, stdout } = await run(server, plan);
  expect(code).toBe(0);
  expect(stdout).toContain('secret=ml-serving/churn-serving-login result=copied');
  expect(server.values(stored)).toEqual(server.values(login.name));
  expect(server.secrets.get(stored)).toMatchObject({ type: login.type, metadata: { ...copy } });
});

test('a copy of an existing Secret has its values', async () => {
  server.put(login.name, {
    username: 'admin',
    password: 'their own password',
    htpasswd: 'line',
    key: 'no-key',
    access: 'no-access',
  });
  expect((await run(server, plan)).code).toBe(0);
  expect(server.values(stored)).toMatchObject({ username: 'admin', password: 'their own password' });
});

test('a second run changes no copy', async () => {
  await run(server, plan);
  const before = structuredClone([...server.secrets]);
  const { code, stdout } = await run(server, plan);
  expect(code).toBe(0);
  expect(stdout).toContain('secret=ml-serving/churn-serving-login result=kept');
  expect([...server.secrets]).toEqual(before);
});

test('a copy with other values is reported and not changed', async () => {
  await run(server, plan);
  const values = { ...server.values(login.name), password: 'of another time' };
  server.put(stored, values, { name: copy.name });
  const { code, stderr } = await run(server, plan);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'Secret churn-serving-login in namespace ml-serving has other values than mlflow-login in password; nothing was changed',
  );
  expect(server.values(stored).password).toBe('of another time');
});

test('creates the Secret at once, and retries its copy until the other namespace exists or time is up', async () => {
  const refused = refuse(403, 'Forbidden', 'no Role yet');
  // The first requests read and create the Secret. Then the other namespace refuses all requests.
  server.faults = [() => false, () => false, ...Array.from({ length: 40 }, () => refusesElsewhere(refused))];
  const { code, stderr } = await run(server, plan, { deadlineSeconds: 3 });
  expect(code).toBe(1);
  expect(server.secrets.has(login.name)).toBe(true);
  expect(server.seen.filter(({ path }) => path.includes('/ml-serving/')).length).toBeGreaterThan(2);
  expect(stderr).toContain('the YAML of namespace ml-serving may not be applied yet');
});

test('a namespace that does not exist does not delay the others', async () => {
  const [early, late] = [copy, { namespace: 'ml-later', name: 'churn-serving-login' }];
  const refused = refuse(403, 'Forbidden', 'no Role yet');
  server.faults = Array.from({ length: 60 }, () => refusesElsewhere(refused));
  const { code, stdout } = await run(
    server,
    { secrets: [{ ...login, copies: [early, late] }] },
    { deadlineSeconds: 2 },
  );
  expect(code).toBe(1);
  expect(stdout).toContain('secret=ml-later/churn-serving-login result=copied');
  expect(server.values('ml-later/churn-serving-login')).toEqual(server.values(login.name));
});

function refusesElsewhere(fault: ReturnType<typeof refuse>): ReturnType<typeof refuse> {
  return (response, seen) => (seen.path.includes('/ml-serving/') ? fault(response, seen) : false);
}
