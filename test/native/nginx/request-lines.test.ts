import { createSocket, Socket } from 'node:dgram';
import { AddressInfo } from 'node:net';
import { ask, raw } from './client';
import { basic, Proxy, until } from './proxy';
import { Upstream } from './upstream';
import { NginxOptions } from '../../../lib/nginx/nginx-options';

const LINE = /^<\d{1,3}>.{15} proxy: ([a-z]+ \d{3}) \d+\.\d{3} (\S+ \S+)$/;
const human = { authorization: basic('mlflow', 'human-secret') };

let upstream: Upstream;
let reader: Socket;
let proxy: Proxy;
let lines: string[];

async function start(options: Partial<NginxOptions> = {}): Promise<void> {
  proxy = await Proxy.start(upstream, { requestLinesPort: (reader.address() as AddressInfo).port, ...options });
}

/** Sends one request, and returns what its line says: route, status, credential and outcome. */
async function lineOf(request: () => Promise<unknown>): Promise<string> {
  lines.length = 0;
  await request();
  const line = await until('a line', () => lines[0]);
  const [, before, after] = LINE.exec(line) ?? [line, line, ''];
  return `${before} ${after}`;
}

const get = (path: string, headers = {}, method = 'GET') =>
  lineOf(() => ask({ port: proxy.httpPort, path, headers, method }));

beforeEach(async () => {
  upstream = await Upstream.start();
  lines = [];
  reader = createSocket('udp4').on('message', (line) => lines.push(`${line}`));
  await new Promise<void>((done) => reader.bind(0, '127.0.0.1', done));
});
afterEach(async () => {
  await proxy?.stop();
  await upstream?.stop();
  await new Promise<void>((done) => reader.close(() => done()));
});

test('each request sends one line with its route', async () => {
  await start();
  const routes: Record<string, string> = {
    '/api/2.0/mlflow/runs/search?x=1': 'api',
    '/ajax-api/3.0/mlflow/server-info': 'api',
    '/graphql': 'api',
    '/api/2.0/mlflow-artifacts/artifacts/1/a/file': 'artifacts',
    '/api/2.0/mlflow-artifacts/artifacts/1/my%20file': 'artifacts',
    '/other%20/api/x': 'other',
    '/other%20/.paused': 'other',
    '/api/3.0/mlflow/traces/search': 'traces',
    '/v1/traces': 'traces',
    '/gateway/chat/invocations': 'gateway',
    '/static-files/main.js': 'ui',
    '/?/api/': 'ui',
    '/wp-admin': 'other',
  };
  for (const [path, route] of Object.entries(routes)) {
    expect([path, await get(path, human)]).toEqual([path, `${route} 200 password accepted`]);
  }
  expect(await get('/api/2.0/mlflow-artifacts/mpu/create/a', human, 'POST')).toBe('artifacts 501 password -');
});

test('the line has the outcome of a login, and no word of the client', async () => {
  await start();
  expect(await get('/api/', {})).toBe('api 401 - refused');
  expect(await get('/api/', { authorization: basic('mlflow', 'wrong-secret') })).toBe('api 401 password refused');
  expect(await get('/api/', { authorization: basic('the-reader', 'reader-secret') })).toBe(
    'api 403 password forbidden',
  );
  expect(await get('/metrics', human)).toBe('other 404 password -');
  expect(await lineOf(() => raw(proxy.httpPort, 'broken query-secret\r\n\r\n'))).toBe('other 400 - -');
  expect(lines.join()).not.toContain('secret');
});

test('too many wrong passwords are limited', async () => {
  await start();
  const wrong = { authorization: basic('mlflow', 'wrong-secret') };
  await Promise.all(Array.from({ length: 45 }, async () => ask({ port: proxy.httpPort, headers: wrong })));
  await until('lines of all', () => lines.length >= 45);
  expect(lines.filter((line) => line.endsWith(' password limited')).length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.endsWith(' password accepted'))).toEqual([]);
});

test('paused writes have a route of their own', async () => {
  await start({ artifactWritesPaused: true });
  expect(await get('/api/2.0/mlflow-artifacts/artifacts/1/a', human, 'PUT')).toMatch(/^paused 503 /);
  expect(await get('/.paused', human)).not.toMatch(/^paused/);
});

test("with MLflow's own login its answer is the outcome", async () => {
  await start({ login: { kind: 'mlflow' } });
  expect(await get('/api/', human)).toBe('api 200 password accepted');
  await upstream.stop();
  expect(await get('/api/', human)).toBe('api 502 password -');
});

test('with single sign-on a session is a login, except for the pages that need none', async () => {
  const login = await Upstream.start();
  await start({ login: { kind: 'oidc', realm: 'M', programsFolder: '/none', port: login.port } });
  const cookie = 'a=b; __Host-mlflow=session-secret';
  expect(await get('/', { cookie })).toBe('ui 200 session accepted');
  expect(await get('/api/x', { authorization: 'Bearer token-secret' })).toBe('api 200 token accepted');
  expect(await get('/static-files/main.js', { cookie })).toBe('ui 200 session -');
  expect(await get('/oauth2/sign_in', { cookie })).toBe('login 200 session -');
  await login.stop();
  expect(await get('/', { cookie })).toBe('ui 503 session -');
});

test('the path of an exposure is not part of the route', async () => {
  await start({ path: '/team/mlflow' });
  expect(await get('/team/mlflow/api/x', human)).toBe('api 200 password accepted');
  expect(await get('/api/x', human)).toBe('api 200 password accepted');
});

test('probes and /metrics send no line', async () => {
  await start();
  await ask({ port: proxy.httpPort, path: '/health' });
  await ask({ port: proxy.metricsPort, path: '/metrics' });
  expect(await get('/api/', human)).toBe('api 200 password accepted');
  expect(lines).toHaveLength(1);
});

test('without a reader nginx answers as before, and its log has nothing of the requests', async () => {
  const port = (reader.address() as AddressInfo).port;
  await start();
  await new Promise<void>((done) => reader.close(() => done()));
  for (let i = 0; i < 20; i++) expect((await ask({ port: proxy.httpPort, headers: human })).status).toBe(200);
  await proxy.log(20);
  const errors = proxy.output('stderr').split('\n').slice(0, -1);
  expect(errors.filter((line) => !/ send\(\) failed \(111: Connection refused\)/.test(line))).toEqual([]);
  reader = createSocket('udp4').on('message', (line) => lines.push(`${line}`));
  await new Promise<void>((done) => reader.bind(port, '127.0.0.1', done));
  // A worker that was refused sends again.
  while (lines.length === 0) expect((await ask({ port: proxy.httpPort, headers: human })).status).toBe(200);
});

test('without metrics nothing is sent', async () => {
  await start({ metrics: false });
  await ask({ port: proxy.httpPort, headers: human });
  await proxy.log(1);
  expect(lines).toEqual([]);
});
