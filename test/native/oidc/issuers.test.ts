// The options `issuers` and `endpoints` of Authentication.oidc(), with real providers.
import { ORIGIN } from './browser';
import { EVERY_DOMAIN, Pod, Provider } from './harness';
import { Upstream } from '../nginx/upstream';

const SEARCH = '/api/2.0/mlflow/experiments/search';
const ROBOT = { sub: 'robot', groups: ['ml-people'] };

let upstream: Upstream;
let provider: Provider;
let other: Provider;

beforeAll(async () => {
  upstream = await Upstream.start();
  [provider, other] = await Promise.all([Provider.start(), Provider.start()]);
}, 300_000);
beforeEach(() => upstream.take());
afterAll(async () => {
  await Promise.all([provider?.program.stop(), other?.program.stop()]);
  await upstream?.stop();
});

const endpointsOf = ({ issuer }: Provider) => ({
  authorization: `${issuer}/auth`,
  token: `${issuer}/token`,
  keys: `${issuer}/jwks`,
});

describe('a further issuer of tokens', () => {
  let pod: Pod;
  const status = async (token: string) => (await pod.ask(SEARCH, { authorization: `Bearer ${token}` })).status;

  beforeAll(async () => {
    const issuers = [{ issuer: other.issuer, audience: 'robots' }];
    pod = await Pod.start(upstream, provider, { login: EVERY_DOMAIN, oauth2Proxy: { issuers } });
  }, 300_000);
  afterAll(async () => pod?.stop());

  test('lets in tokens for its audience with one of the groups, beside those of the provider', async () => {
    expect(await status(await other.token({ ...ROBOT, aud: 'robots' }))).toBe(200);
    expect(upstream.take()[0].headers['x-forwarded-user']).toBe('robot');
    expect(await status(await provider.token(ROBOT))).toBe(200);
  });

  test.each<[string, () => Promise<string>, number]>([
    ['without a group', async () => other.token({ sub: 'robot', aud: 'robots' }), 403],
    ['of another group', async () => other.token({ sub: 'robot', aud: 'robots', groups: ['other'] }), 403],
    ['for the audience of the provider', async () => other.token({ ...ROBOT, aud: 'mlflow' }), 401],
    ['of the provider for its audience', async () => provider.token({ ...ROBOT, aud: 'robots' }), 401],
    ['under the name of the provider', async () => other.token({ ...ROBOT, iss: provider.issuer }), 401],
    ['of the provider under its name', async () => provider.token({ ...ROBOT, aud: 'robots', iss: other.issuer }), 401],
    [
      'that has expired',
      async () => other.token({ ...ROBOT, aud: 'robots', exp: Math.floor(Date.now() / 1000) - 2 }),
      401,
    ],
  ])('refuses a token %s', async (_, token, expected) => {
    expect([await status(await token()), upstream.take()]).toEqual([expected, []]);
  });
});

describe('the addresses of the provider', () => {
  test('let people and tokens in as without them', async () => {
    const pod = await Pod.start(upstream, provider, { oauth2Proxy: { endpoints: endpointsOf(provider) } });
    try {
      const browser = pod.browser();
      expect(await browser.logIn('alice')).toMatchObject({ status: 200, url: `${ORIGIN}/` });
      const token = await provider.token({ ...ROBOT, email: 'robot@example.com' });
      expect((await pod.ask(SEARCH, { authorization: `Bearer ${token}` })).status).toBe(200);
    } finally {
      await pod.stop();
    }
  });

  test('let a pod start while the provider is away, which does not start without them', async () => {
    const away = await Provider.start();
    await away.program.stop();
    await expect(Pod.start(upstream, away)).rejects.toThrow(/ended/);
    const pod = await Pod.start(upstream, away, { oauth2Proxy: { endpoints: endpointsOf(away) } });
    try {
      expect((await pod.ask('/health', {})).status).toBe(200);
      expect((await pod.ask(SEARCH, {})).status).toBe(401);
      const token = await provider.token({ ...ROBOT, email: 'robot@example.com', iss: away.issuer });
      expect((await pod.ask(SEARCH, { authorization: `Bearer ${token}` })).status).toBe(401);
    } finally {
      await pod.stop();
    }
  }, 300_000);
});
