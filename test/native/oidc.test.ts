import { delay } from './nginx/proxy';
import { Browser, HOST, ORIGIN, Page } from './oidc/browser';
import { PATH, Pod, SignOn } from './oidc/harness';

let signOn: SignOn;
let pod: Pod;
const COOKIE = '__Host-mlflow';
const SEARCH = '/ajax-api/2.0/mlflow/experiments/search';
const DEEP = '/?o=1&name=a%20b#/experiments/1/runs?x=%2Fy&order=a+b';

beforeAll(async () => {
  signOn = await SignOn.start();
  pod = signOn.pod;
});
beforeEach(() => signOn.upstream.take());
afterAll(async () => signOn?.stop());

const isLoginForm = ({ status, url, body }: Page) =>
  status === 200 && url.startsWith(`${signOn.provider.issuer}/interaction/`) && body.includes('name="account"');

describe('login of a person', () => {
  test('leads to the provider and back to the page, with its query and fragment', async () => {
    const page = await pod.browser().logIn('alice', DEEP);
    expect(page).toMatchObject({ status: 200, url: `${ORIGIN}${DEEP}`, body: 'mlflow saw GET /' });
    expect(signOn.upstream.take().map(({ url }) => url)).toEqual(['/?o=1&name=a%20b']);
  });

  test('gives MLflow and the access log the name, and MLflow no session', async () => {
    const browser = pod.browser();
    await browser.logIn('alice');
    signOn.upstream.take();
    expect((await browser.fetch(SEARCH, { 'x-mark': '1' }, 'POST', '{}')).status).toBe(200);
    const [{ method, body, headers }] = signOn.upstream.take();
    expect({ method, body }).toEqual({ method: 'POST', body: '{}' });
    expect(headers).toMatchObject({ 'x-forwarded-user': 'alice@example.com', 'x-mark': '1', host: HOST });
    expect(
      Object.keys(headers).filter((name) => /cookie|authorization|x-auth-request|access-token/.test(name)),
    ).toEqual([]);
    expect(await pod.logged(SEARCH)).toMatchObject({ user: 'alice@example.com', method: 'POST', status: 200 });
  });

  test('sets one small cookie that scripts and other sites cannot use', async () => {
    const browser = pod.browser();
    await browser.logIn('alice');
    const cookies = browser.cookies();
    expect([...cookies.keys()]).toEqual([COOKIE]);
    const { attributes, value } = cookies.get(COOKIE)!;
    expect(attributes).toEqual(['httponly', 'max-age=43200', 'path=/', 'samesite=Lax', 'secure']);
    expect(value.length).toBeLessThan(400);
  });

  test('works with 200 groups', async () => {
    const browser = pod.browser();
    expect(await browser.logIn('carol', DEEP)).toMatchObject({ status: 200, url: `${ORIGIN}${DEEP}` });
    expect((await browser.fetch(SEARCH)).status).toBe(200);
    expect(browser.cookieHeader().length).toBeGreaterThan(8_000);
  });

  test('works on servers by turns that share the key of the cookies', async () => {
    const second = await signOn.newPod({ cookieSecret: signOn.cookieSecret });
    try {
      for (const ports of [
        [pod.port, second.port],
        [second.port, pod.port],
      ]) {
        const browser = new Browser(ports);
        expect(await browser.logIn('alice')).toMatchObject({ status: 200, url: `${ORIGIN}/` });
        const answers = await Promise.all(Array.from({ length: 20 }, async () => browser.fetch(SEARCH)));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      }
    } finally {
      await second.stop();
    }
  });

  test('ends after the hours of the session', async () => {
    const short = await signOn.newPod({ sessionSeconds: 2 });
    try {
      const browser = short.browser();
      await browser.logIn('alice');
      const cookie = browser.cookieHeader();
      expect((await short.ask(SEARCH, { cookie })).status).toBe(200);
      await delay(3_100);
      // A browser has forgotten the cookie by then.
      expect((await short.ask(SEARCH, { cookie })).status).toBe(401);
    } finally {
      await short.stop();
    }
  });

  test.each([
    ['none of the groups', 'bob'],
    ['an e-mail address of another domain', 'frank'],
  ])("answers an account with %s 403 in MLflow's form, and MLflow gets no request", async (_, account) => {
    const browser = pod.browser();
    for (const answer of [await browser.logIn(account), await browser.fetch(SEARCH)]) {
      expect([answer.status, answer.headers['content-type']]).toEqual([403, 'application/json']);
      expect(JSON.parse(answer.body)).toEqual({ error_code: 'PERMISSION_DENIED', message: expect.any(String) });
    }
    expect(signOn.upstream.take()).toEqual([]);
  });

  test.each([
    ['without an e-mail address', 'dave', 500],
    ['with an e-mail address that is not verified', 'erin', 403],
  ])('gives an account %s no session', async (_, account, status) => {
    const browser = pod.browser();
    expect((await browser.logIn(account)).status).toBe(status);
    expect([...browser.cookies().keys()].filter((name) => name === COOKIE)).toEqual([]);
    expect(signOn.upstream.take()).toEqual([]);
  });

  test('that fails shows a page whose links work, and no version', async () => {
    const browser = pod.browser();
    const { status, body } = await browser.logIn('erin');
    expect(status).toBe(403);
    const links = [...body.matchAll(/(?:href|action|src)="(\/[^"]*)"/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(0);
    const statuses = await Promise.all(links.map(async (link) => (await browser.navigate(`${ORIGIN}${link}`)).status));
    expect(links.filter((_, index) => statuses[index] === 404)).toEqual([]);
    expect(body).not.toMatch(/oauth2[ -]proxy|\d+\.\d+\.\d+/i);
  });
});

describe('without a login', () => {
  test("a script of MLflow's page gets 401 in MLflow's form, and no password box", async () => {
    for (const method of ['GET', 'POST']) {
      const answer = await pod.browser().fetch(SEARCH, {}, method);
      expect(answer.status).toBe(401);
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.headers['www-authenticate']).toBeUndefined();
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(JSON.parse(answer.body)).toEqual({ error_code: 'UNAUTHENTICATED', message: expect.any(String) });
    }
    expect(signOn.upstream.take()).toEqual([]);
  });

  test('the address of an API gets 401 in that form, also if a person opens it', async () => {
    for (const path of [SEARCH, '/api/2.0/mlflow/experiments/search', '/graphql', '/v1/traces', '/gateway/x']) {
      const answer = await pod.browser().navigate(`${ORIGIN}${path}`);
      expect([path, answer.status, answer.headers['content-type']]).toEqual([path, 401, 'application/json']);
    }
  });

  test('a page gets 401 with a small page, which only its own script can leave', async () => {
    const { status, headers, body } = await pod.browser().navigate(`${ORIGIN}${DEEP}`);
    expect(status).toBe(401);
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'sha256-[\w+/]+=*'$/);
    expect(headers['www-authenticate']).toBeUndefined();
    expect(body.length).toBeLessThan(2_000);
  });

  test('the page stops after two tries if the cookie does not come back', async () => {
    const browser = pod.browser();
    const page = await browser.navigate(`${ORIGIN}${DEEP}`);
    const targets = [1, 2, 3].map(() => browser.scriptTarget(page));
    const start = `/oauth2/start?rd=${encodeURIComponent(DEEP)}`;
    expect(targets).toEqual([start, start, undefined]);
  });

  test('the files of the page are open, so that it can show that the session has ended', async () => {
    const answer = await pod.browser().fetch('/static-files/main.js');
    expect(answer).toMatchObject({ status: 200, body: 'mlflow saw GET /static-files/main.js' });
  });

  test('/health is open, and other paths of oauth2-proxy are not there', async () => {
    expect((await pod.ask('/health', {})).status).toBe(200);
    for (const path of ['/ping', '/ready', '/robots.txt', '/oauth2', '/oauth2/', '/oauth2/userinfo']) {
      const { body } = await pod.ask(path, {});
      expect([path, body]).toEqual([path, expect.stringMatching(/^\{"error_code":/)]);
    }
  });
});

describe('sign-out', () => {
  test('ends the session here and at the provider', async () => {
    const browser = pod.browser();
    await browser.logIn('alice');
    // A second visit needs no form while the provider's session lasts.
    browser.cookies().clear();
    expect(await browser.open('/')).toMatchObject({ status: 200, url: `${ORIGIN}/` });
    expect((await pod.ask('/logout', {})).headers.location).toMatch(/^\/oauth2\/sign_out\?/);
    const question = await browser.open('/logout');
    expect([...browser.cookies().keys()]).toEqual([]);
    const [, action] = /action="([^"]+)"/.exec(question.body)!;
    const [, xsrf] = /name="xsrf" value="([^"]+)"/.exec(question.body)!;
    const end = await browser.open(new URL(action, question.url).href, { xsrf, logout: 'yes' });
    expect(end).toMatchObject({ status: 200, url: `${ORIGIN}/oauth2/signed-out` });
    expect(end.body).toContain('You are logged out.');
    browser.newTab();
    expect(isLoginForm(await browser.open('/'))).toBe(true);
    expect(signOn.upstream.take()).toHaveLength(2);
  });
});

describe('a session', () => {
  test('that was copied before the logout counts until it ends', async () => {
    const browser = pod.browser();
    await browser.logIn('alice');
    const cookie = browser.cookieHeader();
    await browser.open('/logout');
    expect([...browser.cookies().keys()]).toEqual([]);
    expect((await pod.ask(SEARCH, { cookie })).status).toBe(200);
  });

  test('ends for all people with a new key of the cookies', async () => {
    const browser = pod.browser();
    await browser.logIn('alice');
    const cookie = browser.cookieHeader();
    const [same, renewed] = [await signOn.newPod({ cookieSecret: signOn.cookieSecret }), await signOn.newPod({})];
    try {
      expect([(await same.ask(SEARCH, { cookie })).status, (await renewed.ask(SEARCH, { cookie })).status]).toEqual([
        200, 401,
      ]);
    } finally {
      await Promise.all([same.stop(), renewed.stop()]);
    }
  });
});

describe('below a path of the host', () => {
  let below: Pod;

  beforeAll(async () => {
    below = await signOn.newPod({ path: PATH });
  });
  afterAll(async () => below?.stop());

  test('a login returns to the page, and requests of the page and of programs succeed', async () => {
    const browser = below.browser();
    const page = await browser.logIn('alice', `${PATH}${DEEP}`);
    expect(page).toMatchObject({ status: 200, url: `${ORIGIN}${PATH}${DEEP}`, body: 'mlflow saw GET /' });
    expect((await browser.fetch(`${PATH}${SEARCH}`)).status).toBe(200);
    const token = await signOn.provider.token({
      sub: 'robot',
      aud: 'mlflow',
      groups: ['ml-people'],
      email: 'r@example.com',
    });
    expect((await below.ask(`${PATH}${SEARCH}`, { authorization: `Bearer ${token}` })).status).toBe(200);
    expect(signOn.upstream.take().map(({ path }) => path)).toEqual(['/', SEARCH, SEARCH]);
  });

  test('a request without a login is refused', async () => {
    for (const path of ['/', SEARCH, '/.login', '/.login-page', '/oauth2/auth', '/oauth2/userinfo']) {
      expect([path, (await below.ask(`${PATH}${path}`, {})).status]).toEqual([
        path,
        /userinfo|auth$/.test(path) ? 404 : 401,
      ]);
    }
    expect(signOn.upstream.take()).toEqual([]);
  });

  test('the logout ends at a page below the path, which leads to the login', async () => {
    const browser = below.browser();
    await browser.logIn('alice', `${PATH}/`);
    const question = await browser.open(`${PATH}/logout`);
    expect([...browser.cookies().keys()]).toEqual([]);
    const [, action] = /action="([^"]+)"/.exec(question.body)!;
    const [, xsrf] = /name="xsrf" value="([^"]+)"/.exec(question.body)!;
    const end = await browser.open(new URL(action, question.url).href, { xsrf, logout: 'yes' });
    expect(end).toMatchObject({ status: 200, url: `${ORIGIN}${PATH}/oauth2/signed-out` });
    expect(end.body).toContain(`<a href="${PATH}/">`);
  });

  test('a failed login shows a page whose links work', async () => {
    const browser = below.browser();
    const { status, body } = await browser.logIn('erin', `${PATH}/`);
    expect(status).toBe(403);
    const links = [...body.matchAll(/(?:href|action|src)="(\/[^"]*)"/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      expect([link, (await browser.navigate(`${ORIGIN}${link}`)).status]).not.toEqual([link, 404]);
      expect(link.startsWith(PATH)).toBe(true);
    }
  });
});
