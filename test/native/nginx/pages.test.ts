import { ask } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

const headers = { authorization: basic('mlflow', 'human-secret') };
const ASSISTANT = '/ajax-api/3.0/mlflow/assistant';
const USER = '/ajax-api/2.0/mlflow/users/current';
let upstream: Upstream;
let proxy: Proxy;

async function withProxy(options: Parameters<typeof Proxy.start>[1], test: () => Promise<void>): Promise<void> {
  proxy = await Proxy.start(upstream, options);
  try {
    await test();
  } finally {
    await proxy.stop();
  }
}

const get = (path: string, more: Record<string, string> = {}, method = 'GET') =>
  ask({ port: proxy.httpPort, path, method, headers: more });

beforeAll(async () => {
  upstream = await Upstream.start();
});
beforeEach(() => upstream.take());
afterAll(() => upstream?.stop());

describe("MLflow's pages ask", () => {
  test('for the assistant and for the user, and get an empty answer after the login', () =>
    withProxy({}, async () => {
      for (const path of [`${ASSISTANT}/config`, `${ASSISTANT}/providers`, USER]) {
        const answer = await get(path, headers);
        expect([path, answer.status, answer.headers['content-type']]).toEqual([path, 200, 'application/json']);
        expect(JSON.parse(answer.body)).toEqual(expect.any(Object));
        expect((await get(path)).status).toBe(401);
        expect((await get(path, headers, 'PUT')).status).toBe(404);
      }
      const { body } = await get(`${ASSISTANT}/providers`, headers);
      expect(JSON.parse(body)).toEqual({ providers: [] });
      expect(upstream.take()).toEqual([]);
    }));

  test('for the user, which MLflow answers itself with its own login', () =>
    withProxy({ login: { kind: 'mlflow' } }, async () => {
      upstream.answers.set('/api/2.0/mlflow/users/current', (request, response) => {
        response.statusCode = request.headers.authorization ? 200 : 401;
        response.setHeader('www-authenticate', 'Basic realm="mlflow"');
        response.end('{}');
      });
      const long = { ...headers, host: 'mlflow-server:5000', 'content-length': '0', 'x-forwarded-for': 'forged' };
      expect((await get(`${ASSISTANT}/config`, long)).status).toBe(200);
      // The limit for wrong passwords uses the last address.
      const passed = { host: 'mlflow-server:5000', 'x-forwarded-for': 'forged, 127.0.0.1' };
      expect(upstream.take()).toMatchObject([{ method: 'GET', headers: passed }]);
      const refused = await get(`${ASSISTANT}/config`);
      expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Basic realm="mlflow"']);
      upstream.take();
      await get(USER, headers);
      expect(upstream.take()).toMatchObject([{ path: USER }]);
    }));
});

test('nginx redirects plain http of an Ingress with TLS before it checks the password', () =>
  withProxy({ httpsHosts: ['mlflow.example.com'] }, async () => {
    const http = { host: 'mlflow.example.com', 'x-forwarded-proto': 'http' };
    const answer = await get('/a?b=c', http);
    expect([answer.status, answer.headers.location]).toEqual([308, 'https://mlflow.example.com/a?b=c']);
    expect((await get('/', { ...http, host: 'MLflow.example.com:80' })).status).toBe(308);
    // Requests over TLS, to the Service and over a port-forward are not redirected.
    for (const other of [
      { ...http, 'x-forwarded-proto': 'https' },
      { ...http, host: 'mlflow-server:5000' },
    ]) {
      expect((await get('/', { ...headers, ...other })).status).toBe(200);
    }
    expect((await get('/', { ...headers, host: http.host })).status).toBe(200);
  }));

test('only answers over TLS of a host that has it tell browsers to keep to https', () =>
  withProxy({ httpsHosts: ['mlflow.example.com'] }, async () => {
    const told = async (more: Record<string, string>) => (await get('/', more)).headers['strict-transport-security'];
    const https = { host: 'mlflow.example.com', 'x-forwarded-proto': 'https' };
    expect(await told({ ...https, ...headers })).toBe('max-age=31536000');
    expect(await told(https)).toBe('max-age=31536000');
    for (const other of [{ host: 'mlflow-server:5000' }, { 'x-forwarded-proto': 'http' }]) {
      expect(await told({ ...https, ...headers, ...other })).toBeUndefined();
    }
  }));
