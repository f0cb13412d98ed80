import { ask, raw } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

const headers = { authorization: basic('mlflow', 'human-secret') };
const serving = { authorization: basic('the-serving', 'serving-secret') };
let upstream: Upstream;
let proxy: Proxy;

const get = (path: string, more: Record<string, string> = {}, method = 'GET') =>
  ask({ port: proxy.httpPort, path, method, headers: more });
const passed = async (path: string) => {
  upstream.take();
  const { status } = await get(path, headers);
  return [status, ...upstream.take().map(({ url }) => url)];
};

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream, { path: '/tools/mlflow' });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

describe('MLflow gets its own path, of a client', () => {
  const API = '/api/2.0/mlflow/experiments/search?filter=a%20b';
  test.each([
    ['outside the cluster', `/tools/mlflow${API}`, API],
    ['inside the cluster', API, API],
    ['that opens the first page', '/tools/mlflow/', '/'],
    [
      'that asks for a page of MLflow',
      '/tools/mlflow/static-files/static/js/main.js',
      '/static-files/static/js/main.js',
    ],
    ['with an encoded question mark', '/tools/mlflow/api/2.0/a%3Fb', '/api/2.0/a%3Fb'],
    ['with an encoded percent sign', '/tools/mlflow/api/2.0/a%25b', '/api/2.0/a%25b'],
    ['with an encoded line break', '/tools/mlflow/api/2.0/a%0Ab', '/api/2.0/a%0Ab'],
    ['with a letter beyond ASCII', '/tools/mlflow/api/2.0/%C3%BC', '/api/2.0/%C3%BC'],
    ['with another path', '/tools/other/api', '/tools/other/api'],
    ['with more letters in the path', '/tools/mlflows/api', '/tools/mlflows/api'],
  ])('%s', async (_, path, own) => {
    expect(await passed(path)).toEqual([200, own]);
    expect(await passed(own)).toEqual([200, own]);
  });
});

test('the path is removed once', async () => {
  expect(await passed('/tools/mlflow/tools/mlflow/api')).toEqual([200, '/tools/mlflow/api']);
});

test('artifacts pass under the path as they are', async () => {
  const artifact = '/api/2.0/mlflow-artifacts/artifacts/1/a%20b';
  const body = Buffer.alloc(20 * 1024 * 1024, 'x');
  const answer = await ask({
    ...{ port: proxy.httpPort, path: `/tools/mlflow${artifact}`, method: 'PUT', body },
    headers: { ...headers, 'content-length': String(body.length) },
  });
  expect(answer.status).toBe(200);
  expect(upstream.take()).toMatchObject([{ method: 'PUT', url: artifact }]);
});

test('the path without a slash at its end leads to the one with it, where links of the pages begin', async () => {
  const answer = await get('/tools/mlflow?a=b');
  expect([answer.status, answer.headers.location]).toEqual([308, '/tools/mlflow/?a=b']);
});

test('only /health is open below the path', async () => {
  expect((await get('/tools/mlflow/health')).status).toBe(200);
  for (const path of ['/', '/api/2.0/mlflow/experiments/search', '/static-files/x', '/version']) {
    expect([path, (await get(`/tools/mlflow${path}`)).status]).toEqual([path, 401]);
  }
  expect((await get('/tools/mlflow/metrics', headers)).status).toBe(404);
  expect((await get('/tools/mlflow//metrics', headers)).status).toBe(404);
});

test('roles and closed addresses are the same below the path', async () => {
  const statuses = async (path: string, more: Record<string, string>) =>
    Promise.all([path, `/tools/mlflow${path}`].map(async (each) => (await get(each, more)).status));
  expect(await statuses('/api/2.0/mlflow/model-versions/get', serving)).toEqual([200, 200]);
  expect(await statuses('/api/2.0/mlflow/experiments/search', serving)).toEqual([403, 403]);
  expect(await statuses('/api/3.0/mlflow/assistant/config', headers)).toEqual([404, 404]);
  expect(await statuses('/api/2.0/mlflow-artifacts/mpu/create/1', headers)).toEqual([501, 501]);
});

// nginx takes a rewritten request for one of its own, and answers its internal addresses.
test.each([
  ['/.role', '/tools/mlflow/.role'],
  ['/.error', '/tools/mlflow/.error'],
  ['/%2Erole', '/tools/mlflow/.role'],
  ['/./.role', '/tools/mlflow/.role'],
  ['//.role', '//.role'],
])('nginx answers no address of its own below the path: %s', async (own, seen) => {
  expect(await passed(`/tools/mlflow${own}`)).toEqual([200, seen]);
  expect((await get(`/tools/mlflow${own}`)).status).toBe(401);
});

test.each([
  ['dots out of the path', '/tools/mlflow/../../api/2.0/mlflow/experiments/search'],
  ['encoded dots out of the path', '/tools/mlflow/%2e%2e/%2e%2e/api/2.0/mlflow/experiments/search'],
  ['dots into the path', '/health/../tools/mlflow/api/2.0/mlflow/experiments/search'],
  ['dots behind the path', '/tools/mlflow/health/../api/2.0/mlflow/experiments/search'],
  ['an encoded slash', '/tools%2fmlflow/api/2.0/mlflow/experiments/search'],
  ['a doubled slash', '/tools/mlflow//api/2.0/mlflow/experiments/search'],
])('%s need the password too', async (_, target) => {
  const answer = await raw(proxy.httpPort, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(upstream.take()).toEqual([]);
});

test('plain http is redirected to https before the path is removed', async () => {
  const secured = await Proxy.start(upstream, {
    path: '/mlflow',
    httpsHosts: ['mlflow.example.com', 'models.example.com'],
  });
  try {
    const more = { host: 'models.example.com', 'x-forwarded-proto': 'http' };
    const answer = await ask({ port: secured.httpPort, path: '/mlflow/a?b=c', method: 'GET', headers: more });
    expect([answer.status, answer.headers.location]).toEqual([308, 'https://models.example.com/mlflow/a?b=c']);
  } finally {
    await secured.stop();
  }
});
