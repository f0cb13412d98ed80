import { connect } from 'node:net';
import { ORIGIN } from './browser';
import { EVERY_DOMAIN, Pod, SignOn } from './harness';
import { basic } from '../nginx/proxy';

let signOn: SignOn;
let pod: Pod;
let cookie: string;
let token: string;
const SEARCH = '/api/2.0/mlflow/experiments/search';
const ARTIFACT = '/api/2.0/mlflow-artifacts/artifacts/1/run/large';
const MEBIBYTE = 2 ** 20;

// A new one for each test, because each breaks something.
beforeEach(async () => {
  signOn = await SignOn.start(EVERY_DOMAIN);
  pod = signOn.pod;
  const browser = pod.browser();
  await browser.logIn('alice');
  cookie = browser.cookieHeader();
  token = await signOn.provider.token({ sub: 'ci', groups: ['ml-people'] });
  expect((await pod.ask(SEARCH, { authorization: `Bearer ${token}` })).status).toBe(200);
  signOn.upstream.take();
});
afterEach(async () => signOn?.stop());

const statuses = async (logins: Record<string, string>[], path = SEARCH) =>
  (await Promise.all(logins.map(async (headers) => pod.ask(path, headers)))).map(({ status }) => status);
const everyLogin = (): Record<string, string>[] => [
  { cookie },
  { authorization: `Bearer ${token}` },
  { authorization: basic('scorer', 'scorer-secret') },
];

/** Closes the connection at once, as nginx would wait for the body. */
const firstLine = async (bytes: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(pod.port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', reject).once('data', (chunk) => {
      resolve(String(chunk).split('\r\n')[0]);
      socket.destroy();
    });
  });

test.each<[string, NodeJS.Signals]>([
  ['hangs', 'SIGSTOP'],
  ['is gone', 'SIGKILL'],
])('while the provider %s, sessions, tokens and passwords of programs go on', async (_, signal) => {
  signOn.provider.program.signal(signal);
  expect(await statuses(everyLogin())).toEqual([200, 200, 200]);
  expect(await statuses([{}])).toEqual([401]);
  const start = await pod.browser().navigate(`${ORIGIN}/oauth2/start?rd=%2F`);
  expect(start.status).toBe(302);
  expect(start.headers.location).toMatch(`${signOn.provider.issuer}/auth?`);
});

test('while oauth2-proxy is gone, people and tokens get 503, and passwords of programs and /health go on', async () => {
  await pod.oauth2Proxy.stop();
  expect(await statuses(everyLogin())).toEqual([503, 503, 200]);
  const { headers, body } = await pod.ask(SEARCH, { cookie });
  expect(headers['content-type']).toBe('application/json');
  expect(JSON.parse(body)).toEqual({ error_code: 'TEMPORARILY_UNAVAILABLE', message: expect.any(String) });
  expect(await statuses([{}], '/health')).toEqual([200]);
  const wrong = basic('scorer', 'wrong');
  expect(
    await statuses([{ authorization: wrong }, { authorization: basic('the-serving', 'the-serving-secret') }]),
  ).toEqual([401, 403]);
});

test('while oauth2-proxy hangs, people and tokens get 503 after 30 s, and passwords of programs and /health go on', async () => {
  pod.oauth2Proxy.signal('SIGSTOP');
  const waiting = statuses([{ cookie }, { authorization: `Bearer ${token}` }]);
  // Many of them do not keep the others waiting.
  const more = statuses(Array.from({ length: 50 }, () => ({ cookie })));
  expect(await statuses([{ authorization: basic('scorer', 'scorer-secret') }])).toEqual([200]);
  expect(await statuses([{}], '/health')).toEqual([200]);
  expect(await waiting).toEqual([503, 503]);
  expect(new Set(await more)).toEqual(new Set([503]));
  pod.oauth2Proxy.signal('SIGCONT');
  expect(await statuses(everyLogin())).toEqual([200, 200, 200]);
}, 120_000);

test('an upload of 20 MiB passes whole, and oauth2-proxy reads none of it', async () => {
  const body = Buffer.alloc(20 * MEBIBYTE, 'x').toString();
  for (const headers of everyLogin()) {
    signOn.upstream.take();
    const before = pod.bytesRead();
    expect((await pod.ask(ARTIFACT, headers, 'PUT', body)).status).toBe(200);
    expect(signOn.upstream.take()).toMatchObject([{ method: 'PUT', path: ARTIFACT, bytes: 20 * MEBIBYTE }]);
    expect(pod.bytesRead() - before).toBeLessThan(20_000);
  }
});

test('an upload of 20 MiB without a login gets 401, and MLflow gets no request', async () => {
  for (const login of ['', 'Authorization: Bearer none\r\n']) {
    const length = `Content-Length: ${20 * MEBIBYTE}`;
    expect(await firstLine(`PUT ${ARTIFACT} HTTP/1.1\r\nHost: x\r\n${login}${length}\r\n\r\n`)).toBe(
      'HTTP/1.1 401 Unauthorized',
    );
  }
  expect(signOn.upstream.take()).toEqual([]);
});
