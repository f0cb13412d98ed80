import { raw, statuses } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

let upstream: Upstream;
let proxy: Proxy;

const SECRET = '/api/2.0/mlflow/experiments/search';
const end = 'Host: x\r\nConnection: close\r\n\r\n';
const line = (target: string, method = 'GET') => `${method} ${target} HTTP/1.1\r\n${end}`;
const post = (target: string, headers: string, body: string) =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n\r\n${body}`;
const hidden = `GET ${SECRET} HTTP/1.1\r\nHost: x\r\n\r\n`;

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream);
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

describe('without a password MLflow gets only the plain request for /health', () => {
  test.each([
    ['dots that lead to /health', line(`${SECRET}/../../../../../health`)],
    ['encoded dots', line(`${SECRET}/%2e%2e/%2e%2e/%2E%2E/..%2f../health`)],
    ['encoded slashes', line(`${SECRET}%2f..%2f..%2f..%2f..%2f..%2fhealth`)],
    ['doubly encoded dots', line(`/health/%252e%252e${SECRET}`)],
    ['dots that lead away from /health', line(`/health/..${SECRET}`)],
    ['encoded dots that lead away', line(`/health%2f..${SECRET}`)],
    ['a backslash', line(`/health\\..${SECRET.replace(/\//g, '\\')}`)],
    ['dots and a semicolon', line(`/health/..;${SECRET}`)],
    ['a semicolon', line(`/health;${SECRET}`)],
    ['a fragment', line(`/health#/..${SECRET}`)],
    ['a fragment after the secret', line(`${SECRET}#/../../../../../health`)],
    ['a query', line(`/health?/..${SECRET}`)],
    ['an encoded query', line(`${SECRET}%3f/../../../../../../health`)],
    ['a null byte', line(`/health%00${SECRET}`)],
    ['an encoded line break', line(`/health%20HTTP/1.1%0d%0aHost:x%0d%0a%0d%0aGET%20${SECRET}`)],
    ['spaces in the address', line(`/health ${SECRET}`)],
    ['double slashes', line(`//health/..${SECRET}`)],
    ['above the root', line('/../../health')],
    ['an address without a slash', line('health')],
    ['the absolute form', line(`http://x${SECRET}`)],
    ['the absolute form with user info', line(`http://mlflow:human-secret@x${SECRET}`)],
    ['the absolute form of /health', line('http://evil/health')],
    ['the absolute form with dots', line(`http://x${SECRET}/../../../../../health`)],
    ['an asterisk', line('*', 'OPTIONS')],
    ['TRACE', line('/health', 'TRACE')],
    ['CONNECT', line('127.0.0.1:5000', 'CONNECT')],
    ['a method in small letters', line('/health', 'get')],
    ['DELETE /health', line('/health', 'DELETE')],
    ['HTTP/1.0', `GET ${SECRET} HTTP/1.0\r\n\r\n`],
    ['HTTP/1.0 and /health', 'GET /health HTTP/1.0\r\n\r\n'],
    ['HTTP/0.9', `GET ${SECRET}\r\n`],
    ['HTTP/0.9 and /health', 'GET /health\r\n'],
    ['HTTP/2 at once', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown version', `GET /health HTTP/3.0\r\n${end}`],
    ['an upgrade', `GET /health HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nHost: x\r\n\r\n`],
    ['an upgrade to HTTP/2', `GET /health HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n${end}`],
    ['a body with /health', `GET /health HTTP/1.1\r\nContent-Length: ${hidden.length}\r\n${end}${hidden}`],
    ['a chunked body with /health', `GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n${hidden}`],
    ['both lengths', post('/health', 'Content-Length: 4\r\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`)],
    ['two lengths', post('/health', `Content-Length: 0\r\nContent-Length: ${hidden.length}`, hidden)],
    ['a length with a sign', post('/health', 'Content-Length: +0', hidden)],
    ['two encodings', post('/health', 'Transfer-Encoding: chunked, identity', `0\r\n\r\n${hidden}`)],
    ['a disguised encoding', post('/health', 'Transfer-Encoding: \x0bchunked', `0\r\n\r\n${hidden}`)],
    ['an encoding with an underscore', post('/health', 'Transfer_Encoding: chunked', `0\r\n\r\n${hidden}`)],
    ['a space before the colon', post('/health', 'Transfer-Encoding : chunked', `0\r\n\r\n${hidden}`)],
    ['a folded header', post('/health', 'X: y\r\n Transfer-Encoding: chunked', `0\r\n\r\n${hidden}`)],
    ['a bare carriage return', `GET /health HTTP/1.1\r\nX: y\rAuthorization: z\r\n${end}`],
    ['a chunked body in HTTP/1.0', `GET /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`],
    ['headers that rewrite', `GET /health HTTP/1.1\r\nX-Original-URL: ${SECRET}\r\nX-Rewrite-URL: ${SECRET}\r\n${end}`],
    ['a header that changes the method', `GET /health HTTP/1.1\r\nX-HTTP-Method-Override: DELETE\r\n${end}`],
    ["nginx's own error address", line('/.error')],
    ['static files with dots', line(`/static-files/..${SECRET}`)],
  ])('%s', async (_, bytes) => {
    const answer = await raw(proxy.httpPort, bytes);
    for (const seen of upstream.take()) {
      expect(seen).toMatchObject({ method: 'GET', url: '/health', bytes: 0 });
      expect(seen.headers).toEqual({ host: 'localhost' });
    }
    expect(answer).not.toContain(`mlflow saw GET ${SECRET}`);
    // An inner request has no answer, unless nginx reads it as a second request and asks for a password.
    for (const status of statuses(answer).slice(1)) expect(status).toBe(401);
  });
});

test('the main port does not serve /metrics, with or without a login, in any spelling', async () => {
  const authorization = `Authorization: ${basic('mlflow', 'human-secret')}\r\n`;
  const spellings = ['/metrics', '/metrics/', '//metrics', '///metrics', '/./metrics', '/x/../metrics', '/%6detrics'];
  spellings.push('/metrics?x', '/metrics#x', '/metrics;x', '/METRICS', '/%2fmetrics', '/%2e/metrics', '/metrics%2f');
  spellings.push(
    '/metrics/x',
    '/metrics%3bx',
    '/metrics%0a',
    'http://x/metrics',
    '/metrics/../metrics',
    '//x/..//metrics',
  );
  spellings.push('/static-files/../metrics', '/health/../metrics', '/metrics//..//metrics', '/metrics%23');
  for (const spelling of spellings) {
    for (const login of ['', authorization]) {
      const answer = await raw(proxy.httpPort, `GET ${spelling} HTTP/1.1\r\n${login}${end}`);
      expect([spelling, ...statuses(answer)]).toEqual([spelling, 404]);
    }
  }
  expect(upstream.take()).toEqual([]);
  // MLflow does not decode twice either.
  await raw(proxy.httpPort, `GET /%256detrics HTTP/1.1\r\n${authorization}${end}`);
  expect(upstream.take().map((seen) => seen.path)).toEqual(['/%6detrics']);
});

test('MLflow gets the path that nginx checked, and no upgrade or forged header', async () => {
  const headers = [
    `Authorization: ${basic('mlflow', 'human-secret')}`,
    'Upgrade: websocket',
    'Sec-WebSocket-Key: x',
    'Content_Length: 4',
    'X_Forwarded_Proto: https',
    'TE: trailers',
  ].join('\r\n');
  const answer = await raw(proxy.httpPort, `GET /a/../b/%2e%2e/c%2fd HTTP/1.1\r\n${headers}\r\n${end}`);
  expect(answer).toContain('mlflow saw GET /c/d');
  const [seen, ...others] = upstream.take();
  expect(others).toEqual([]);
  expect(seen.url).toBe('/c/d');
  for (const name of ['upgrade', 'content_length', 'x_forwarded_proto', 'te', 'connection']) {
    expect(seen.headers[name]).toBeUndefined();
  }
});

test('a request after a refused one on the same connection is checked separately', async () => {
  const authorization = `Authorization: ${basic('mlflow', 'human-secret')}\r\n`;
  const first = `GET /first HTTP/1.1\r\nHost: x\r\n${authorization}\r\n`;
  const answer = await raw(proxy.httpPort, `${first}${line('/second')}`);
  expect(statuses(answer)).toEqual([200, 401]);
  expect(upstream.take().map((seen) => seen.path)).toEqual(['/first']);
});

test('a refused upload gets no 100 Continue', async () => {
  const answer = await raw(proxy.httpPort, post('/x', 'Content-Length: 5\r\nExpect: 100-continue', 'hello'));
  expect(statuses(answer)).toEqual([401]);
});

test('no answer contains a version', async () => {
  const parts = [line('/'), line('/metrics'), line('/health', 'POST'), 'nonsense\r\n\r\n', line('/%zz')];
  parts.push(`GET /${'x'.repeat(40_000)} HTTP/1.1\r\n${end}`, `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}\r\n${end}`);
  parts.push(line('/health'), `GET / HTTP/9.9\r\n${end}`, post('/', 'Transfer-Encoding: x', ''));
  for (const port of [proxy.httpPort, proxy.metricsPort]) {
    for (const bytes of parts) {
      const answer = await raw(port, bytes);
      expect(answer).not.toMatch(/nginx\/|openresty|<html|\d+\.\d+\.\d+/i);
      if (statuses(answer)[0] !== 200) {
        expect(answer).toMatch(/\r\n\r\n\{"error_code":"[A-Z_]+","message":"[^"]+"\}\n$/);
      }
    }
  }
});
