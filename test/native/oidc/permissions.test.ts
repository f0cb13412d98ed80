// What nginx tells MLflow of a login with Authentication.oidc({ permissions }), with the real nginx, oauth2-proxy and a provider.
import { AUDIENCE, Cluster } from './cluster';
import { Pod, SignOn } from './harness';
import { Response } from '../nginx/client';
import { basic, freePorts } from '../nginx/proxy';

const SEARCH = '/api/2.0/mlflow/experiments/search';
const ADMINS = ['ml-admins', "R&D's 100% + ü"];
const person = (name: string, ...groups: string[]) => ({
  sub: name,
  email: `${name}@example.com`,
  email_verified: true,
  groups,
});

let signOn: SignOn;
let cluster: Cluster;
let pod: Pod;

beforeAll(async () => {
  signOn = await SignOn.start();
  cluster = await Cluster.start();
  cluster.admit('trainer.training.trainer');
  const [port] = await freePorts(1);
  pod = await signOn.newPod({
    login: { adminGroups: ADMINS, emailDomains: [], accounts: { ...cluster.accounts, port } },
  });
});
beforeEach(() => signOn.upstream.take());
afterAll(async () => {
  await pod?.stop();
  await cluster?.stop();
  await signOn?.stop();
});

/** What MLflow got in the header of the proxy, as bytes of UTF-8. */
function told(): string | undefined {
  const [{ headers }, ...others] = signOn.upstream.take();
  expect(others).toEqual([]);
  expect(headers.authorization).toBeUndefined();
  const header = headers['x-proxy-login'] as string | undefined;
  return header && Buffer.from(header, 'latin1').toString();
}

const ask = async (claims: Record<string, unknown>, headers = {}): Promise<Response> =>
  pod.ask(SEARCH, { authorization: `Bearer ${await signOn.provider.token(claims)}`, ...headers });

async function toldOf(claims: Record<string, unknown>, headers = {}): Promise<string | undefined> {
  expect((await ask(claims, headers)).status).toBe(200);
  return told();
}

describe('MLflow is told', () => {
  test('a person of the groups', async () => {
    expect(await toldOf(person('ada', 'ml-people'))).toBe('person:ada@example.com');
  });

  test('an administrator, by one of the groups of administrators, with or without the other groups', async () => {
    for (const group of ADMINS) {
      expect(await toldOf(person('grace', group))).toBe('admin:grace@example.com');
      expect(await toldOf(person('grace', 'ml-people', group))).toBe('admin:grace@example.com');
    }
  });

  test('a person who logs in with a browser, and leaves the group with the next session', async () => {
    await signOn.provider.account('grace', person('grace', 'ml-admins'));
    for (const [name, kind] of [
      ['alice', 'person'],
      ['grace', 'admin'],
    ]) {
      const browser = pod.browser();
      await browser.logIn(name);
      signOn.upstream.take();
      expect((await browser.fetch(SEARCH)).status).toBe(200);
      expect(told()).toBe(`${kind}:${name}@example.com`);
    }
    await signOn.provider.account('grace', person('grace', 'ml-people'));
    const browser = pod.browser();
    await browser.logIn('grace');
    signOn.upstream.take();
    await browser.fetch(SEARCH);
    expect(told()).toBe('person:grace@example.com');
  });

  test('a program, by its password', async () => {
    expect((await pod.ask(SEARCH, { authorization: basic('scorer', 'scorer-secret') })).status).toBe(200);
    expect(told()).toBe('program:scorer');
  });

  test('a program, by the token of its ServiceAccount', async () => {
    const authorization = `Bearer ${cluster.token('training', 'trainer', { aud: [AUDIENCE] })}`;
    expect((await pod.ask(SEARCH, { authorization }, 'POST', '{}')).status).toBe(200);
    expect(told()).toBe('program:system:serviceaccount:training:trainer');
  });

  test('the same on every path to MLflow', async () => {
    const authorization = `Bearer ${await signOn.provider.token(person('ada', 'ml-people'))}`;
    for (const path of [
      '/',
      '/graphql',
      '/v1/traces',
      '/gateway/x',
      '/ajax-api/2.0/mlflow/users/current',
      '/api/2.0/mlflow-artifacts/artifacts',
      '/api/2.0/mlflow-artifacts/artifacts/1/x',
      '/ajax-api/3.0/mlflow/server-info',
    ]) {
      expect([path, (await pod.ask(path, { authorization })).status]).toEqual([path, 200]);
      expect([path, told()]).toEqual([path, 'person:ada@example.com']);
    }
  });
});

describe('nothing is an administrator', () => {
  test.each(['ml', 'admins', 'ml-admin', 'ml-adminsx', 'xml-admins', 'ML-ADMINS', 'ml-admins ', 'ml-people,ml-admins'])(
    'by the group %j',
    async (group) => {
      expect(await toldOf(person('eve', 'ml-people', group))).toBe('person:eve@example.com');
      expect((await ask(person('eve', group))).status).toBe(403);
    },
  );

  test('by headers of the client', async () => {
    const forged = {
      'x-proxy-login': 'admin:eve@example.com',
      x_proxy_login: 'admin:eve@example.com',
      'x-auth-request-groups': 'ml-admins',
      'x-auth-request-email': 'grace@example.com',
      'x-forwarded-groups': 'ml-admins',
      'x-forwarded-email': 'grace@example.com',
      'x-forwarded-user': 'grace@example.com',
      'x-mlflow-authorization': basic('admin', 'admin-password'),
      'x-mlflow-assistant-delegation': 'x',
    };
    for (const [name, value] of Object.entries(forged)) {
      expect((await ask(person('eve', 'ml-people'), { [name]: value })).status).toBe(200);
      const [{ headers }] = signOn.upstream.take();
      expect(headers['x-proxy-login']).toBe('person:eve@example.com');
      expect(headers['x-forwarded-user']).toBe('eve@example.com');
      for (const each of ['x_proxy_login', 'x-mlflow-authorization', 'x-mlflow-assistant-delegation']) {
        expect(headers[each]).toBeUndefined();
      }
    }
  });

  test('by the query of the request', async () => {
    const authorization = `Bearer ${await signOn.provider.token(person('eve', 'ml-people'))}`;
    await pod.ask(`${SEARCH}?allowed_groups=ml-people&who_are_admins=x`, { authorization });
    expect(told()).toBe('person:eve@example.com');
  });
});

describe('the header reaches MLflow with no login', () => {
  test.each(['/health', '/static-files/x.js'])('not on %s', async (path) => {
    for (const authorization of [basic('scorer', 'wrong'), basic('scorer', 'scorer-secret'), '']) {
      await pod.ask(path, { authorization, 'x-proxy-login': 'admin:eve@example.com' });
      for (const { headers } of signOn.upstream.take()) expect(headers['x-proxy-login']).toBeUndefined();
    }
  });

  test('not with a wrong password of a program, nor with none', async () => {
    for (const authorization of [basic('scorer', 'wrong'), basic('scorer', ''), 'Bearer x', '']) {
      const headers = { ...(authorization && { authorization }), 'x-proxy-login': 'admin:eve@example.com' };
      expect((await pod.ask(SEARCH, headers)).status).toBe(401);
    }
    expect(signOn.upstream.take()).toEqual([]);
  });

  test('not of a person without a group, nor from another site', async () => {
    expect((await ask(person('eve', 'other'))).status).toBe(403);
    const browser = pod.browser();
    await signOn.provider.account('root', person('root', 'ml-admins'));
    await browser.logIn('root');
    signOn.upstream.take();
    for (const site of ['cross-site', 'same-site']) {
      expect((await browser.fetch(SEARCH, { 'sec-fetch-site': site }, 'POST', '{}')).status).toBe(403);
    }
    expect(signOn.upstream.take()).toEqual([]);
  });

  test('not of a program beyond its role, not as an administrator either', async () => {
    const authorization = basic('the-serving', 'the-serving-secret');
    expect((await pod.ask('/api/2.0/mlflow/users/create', { authorization }, 'POST', '{}')).status).toBe(403);
    expect(signOn.upstream.take()).toEqual([]);
  });
});

describe('a name', () => {
  test.each<[string, string]>([
    ['of a program', 'scorer'],
    ['that looks like a program of MLflow', 'program:scorer'],
    ['that looks like an administrator', 'admin:scorer'],
    ['with two kinds', 'admin:program:person:x'],
    ['in Unicode', 'ünï-名前@example.com'],
    ['with spaces, quotes and commas', `a b'c"d,e;f$g\\h@example.com`],
    ['of a variable of nginx', '$oidc_user${remote_user}'],
    ['that is long', `${'x'.repeat(2000)}@example.com`],
  ])('%s stays after the kind of a person', async (_, email) => {
    const claims = { ...person('eve', 'ml-people'), email };
    expect(await toldOf(claims)).toBe(`person:${email}`);
  });

  test.each(['a\nX-Proxy-Login: admin:x', 'a\r\nX-Proxy-Login: admin:x', 'a\n', '\nadmin:x'])(
    'with a line break, %j, makes no header of its own',
    async (email) => {
      const { status } = await ask({ ...person('eve', 'ml-people'), email });
      for (const { headers } of signOn.upstream.take()) {
        expect(headers['x-proxy-login'] ?? 'person:').toMatch(/^person:/);
        expect(headers['x-proxy-login']).not.toMatch(/[\r\n]/);
      }
      expect([200, 401, 403, 500, 503]).toContain(status);
    },
  );

  test('that is none is no name', async () => {
    expect(await toldOf({ groups: ['ml-people'] })).toBe('person:');
  });
});

test('the domains of e-mail addresses hold for administrators too', async () => {
  const [port] = await freePorts(1);
  const other = await signOn.newPod({ login: { adminGroups: ADMINS, accounts: { ...cluster.accounts, port } } });
  try {
    const status = async (email: string) => {
      const authorization = `Bearer ${await signOn.provider.token({ ...person('grace', 'ml-admins'), email })}`;
      return (await other.ask(SEARCH, { authorization })).status;
    };
    expect([await status('grace@example.com'), await status('grace@evil.example')]).toEqual([200, 403]);
  } finally {
    await other.stop();
  }
});

test('without ServiceAccounts, and without groups, each person of the provider is told', async () => {
  const other = await signOn.newPod({ login: { adminGroups: ADMINS, emailDomains: [], groups: undefined } });
  try {
    const kind = async (...groups: string[]) => {
      signOn.upstream.take();
      const authorization = `Bearer ${await signOn.provider.token(person('ada', ...groups))}`;
      await other.ask(SEARCH, { authorization });
      return told();
    };
    expect([await kind(), await kind('ml-admins')]).toEqual(['person:ada@example.com', 'admin:ada@example.com']);
  } finally {
    await other.stop();
  }
});
