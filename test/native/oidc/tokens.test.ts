import { EVERY_DOMAIN, Pod, SignOn } from './harness';
import { basic } from '../nginx/proxy';

let signOn: SignOn;
let pod: Pod;
const SEARCH = '/api/2.0/mlflow/experiments/search';
const ALICE = { sub: 'alice', email: 'alice@example.com', email_verified: true, groups: ['ml-people'] };

beforeAll(async () => {
  signOn = await SignOn.start(EVERY_DOMAIN);
  pod = signOn.pod;
});
beforeEach(() => signOn.upstream.take());
afterAll(async () => signOn?.stop());

const bearer = async (token: string) => pod.ask(SEARCH, { authorization: `Bearer ${token}` });

/** The name that MLflow got. */
function user(): unknown {
  const [{ headers }, ...others] = signOn.upstream.take();
  expect(others).toEqual([]);
  expect(headers.authorization).toBeUndefined();
  return headers['x-forwarded-user'];
}

describe('a token of the provider', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a person, by e-mail', ALICE, 'alice@example.com'],
    ['a program without an e-mail, by its subject', { sub: 'ci-of-team-a', groups: ['ml-people'] }, 'ci-of-team-a'],
    ['one of several groups', { ...ALICE, groups: ['a', 'ml-people', 'b'] }, 'alice@example.com'],
    ['one of several audiences', { ...ALICE, aud: ['another', 'mlflow'] }, 'alice@example.com'],
  ])('names %s', async (_, claims, name) => {
    expect((await bearer(await signOn.provider.token(claims))).status).toBe(200);
    expect(user()).toBe(name);
  });

  test('that a program got for the secret of its client names the client', async () => {
    expect((await bearer(await signOn.provider.clientToken())).status).toBe(200);
    expect(user()).toBe('mlflow');
  });

  test('may be the password of any user name, or the user name without a password', async () => {
    const token = await signOn.provider.token(ALICE);
    for (const authorization of [basic('x', token), basic('alice', token), basic(token, '')]) {
      expect((await pod.ask(SEARCH, { authorization })).status).toBe(200);
      expect(user()).toBe('alice@example.com');
    }
  });

  test.each([
    ['no subject', {}],
    ['an empty subject', { sub: '' }],
  ])('with %s and no e-mail address, which no provider issues, gives MLflow no name', async (_, claims) => {
    const named = { 'x-forwarded-user': 'mallory@example.com' };
    const token = await signOn.provider.token({ ...claims, groups: ['ml-people'] });
    expect((await pod.ask(SEARCH, { authorization: `Bearer ${token}`, ...named })).status).toBe(200);
    expect(user()).toBeUndefined();
  });

  test('needs the word Bearer in this spelling, as oauth2-proxy takes no other', async () => {
    const authorization = `bearer ${await signOn.provider.token(ALICE)}`;
    expect((await pod.ask(SEARCH, { authorization })).status).toBe(401);
  });

  test('may be of a group whose name has a meaning in URLs', async () => {
    const group = "R&D's 100% + ü/#?=x allowed_groups";
    const other = await signOn.newPod({ login: { ...EVERY_DOMAIN, groups: [group, 'second group'] } });
    try {
      const status = async (name: string) => {
        const authorization = `Bearer ${await signOn.provider.token({ ...ALICE, groups: [name] })}`;
        return (await other.ask(SEARCH, { authorization })).status;
      };
      expect([await status(group), await status('second group')]).toEqual([200, 200]);
      for (const name of ['R', 'R&D', "R&D's 100%", 'second', 'group', 'x', 'ml-people']) {
        expect([name, await status(name)]).toEqual([name, 403]);
      }
    } finally {
      await other.stop();
    }
  });

  test('counts in place of a cookie beside it', async () => {
    const browser = pod.browser();
    await browser.logIn('alice');
    signOn.upstream.take();
    const cookie = browser.cookieHeader();
    const other = await signOn.provider.token({ sub: 'ci-of-team-a', groups: ['ml-people'] });
    expect((await pod.ask(SEARCH, { cookie, authorization: `Bearer ${other}` })).status).toBe(200);
    expect(user()).toBe('ci-of-team-a');
    expect((await pod.ask(SEARCH, { cookie, authorization: `Bearer ${other}x` })).status).toBe(401);
    expect((await pod.ask(SEARCH, { cookie, authorization: basic('scorer', 'wrong') })).status).toBe(401);
    expect(signOn.upstream.take()).toEqual([]);
  });

  test("without any of the groups gets 403 in MLflow's form", async () => {
    const answer = await bearer(await signOn.provider.token({ ...ALICE, groups: ['other'] }));
    expect([answer.status, answer.headers['content-type']]).toEqual([403, 'application/json']);
    expect(JSON.parse(answer.body)).toEqual({ error_code: 'PERMISSION_DENIED', message: expect.any(String) });
    expect(signOn.upstream.take()).toEqual([]);
  });

  test('needs no cookie and gets none, and the access log has the name', async () => {
    const answer = await bearer(await signOn.provider.token({ ...ALICE, email: 'logged@example.com' }));
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await pod.logged(SEARCH)).toMatchObject({ user: 'logged@example.com', status: 200 });
  });

  test('of a new key is right at once, and of a withdrawn one no more', async () => {
    const before = await signOn.provider.token(ALICE);
    expect((await bearer(before)).status).toBe(200);
    await signOn.provider.rotate('keep');
    const between = await signOn.provider.token(ALICE);
    expect((await bearer(between)).status).toBe(200);
    expect((await bearer(before)).status).toBe(200);
    await signOn.provider.rotate('withdraw');
    const after = await signOn.provider.token(ALICE);
    // An unknown key makes oauth2-proxy fetch the keys, and forget the old ones.
    expect((await bearer(after)).status).toBe(200);
    expect((await bearer(between)).status).toBe(401);
    expect((await bearer(before)).status).toBe(401);
  });
});

describe('a password of a program', () => {
  test('is right without the provider, and MLflow gets the name', async () => {
    const asked = await signOn.provider.count('/jwks');
    for (const name of ['scorer', 'the-serving', 'the-deployer']) {
      const answer = await pod.ask('/api/2.0/mlflow/registered-models/get', {
        authorization: basic(name, `${name}-secret`),
      });
      expect(answer.status).toBe(200);
      expect(user()).toBe(name);
    }
    expect(await signOn.provider.count('/jwks')).toBe(asked);
    expect(await pod.logged('/api/2.0/mlflow/registered-models/get')).toMatchObject({ user: 'the-deployer' });
  });

  test('with a role may do only what the role needs', async () => {
    const forbidden = [
      ['the-serving', 'POST', '/api/2.0/mlflow/experiments/delete'],
      ['the-serving', 'DELETE', '/api/2.0/mlflow-artifacts/artifacts/0/run/file'],
      ['the-deployer', 'POST', '/api/2.0/mlflow/registered-models/alias'],
      ['the-deployer', 'GET', SEARCH],
    ];
    for (const [name, method, path] of forbidden) {
      const answer = await pod.ask(path, { authorization: basic(name, `${name}-secret`) }, method);
      expect([name, path, answer.status]).toEqual([name, path, 403]);
      expect(JSON.parse(answer.body).message).toMatch(/^The login of a (serving|deployer) may not do this/);
    }
    expect(signOn.upstream.take()).toEqual([]);
    const all = { authorization: basic('scorer', 'scorer-secret') };
    expect((await pod.ask('/api/2.0/mlflow/experiments/delete', all, 'POST')).status).toBe(200);
  });

  test('that is wrong gets 401 with the realm', async () => {
    const answer = await pod.ask(SEARCH, { authorization: basic('scorer', 'wrong') });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="MLflow Authentication"');
    expect(signOn.upstream.take()).toEqual([]);
  });
});
