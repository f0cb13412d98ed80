import { ask } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

const headers = { authorization: basic('mlflow', 'human-secret') };
let upstream: Upstream;
let proxy: Proxy;

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream, { timeoutSeconds: 1 });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

test('connections to MLflow are reused', async () => {
  const before = upstream.connections;
  for (let i = 0; i < 20; i++) await ask({ port: proxy.httpPort, headers });
  expect(upstream.take()).toHaveLength(20);
  // One connection for each worker.
  expect(upstream.connections - before).toBeLessThanOrEqual(2);
});

test.each(['GET', 'POST', 'PUT', 'DELETE'])(
  'nginx answers 502 and does not repeat the request if MLflow exits during a %s',
  async (method) => {
    upstream.answers.set('/die', (request) => void request.socket.destroy());
    for (let i = 0; i < 4; i++) await ask({ port: proxy.httpPort, headers });
    upstream.take();
    const answer = await ask({ port: proxy.httpPort, path: '/die', method, headers });
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
    expect(upstream.take()).toHaveLength(1);
  },
);

test('nginx does not use an idle connection that MLflow has closed', async () => {
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 4; i++) expect((await ask({ port: proxy.httpPort, headers })).status).toBe(200);
    const closed = [...upstream.sockets].map(async (socket) => new Promise((done) => socket.on('close', done)));
    for (const socket of upstream.sockets) socket.end();
    await Promise.all(closed);
  }
});

test('nginx answers 504 if MLflow does not answer in time', async () => {
  upstream.answers.set('/silent', () => undefined);
  const answer = await ask({ port: proxy.httpPort, path: '/silent', headers });
  expect(answer.status).toBe(504);
  expect(JSON.parse(answer.body)).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
});

test('nginx answers 502 if MLflow does not listen, also for /health', async () => {
  const gone = await Upstream.start();
  await gone.stop();
  const other = await Proxy.start(gone);
  try {
    for (const path of ['/', '/health']) {
      const answer = await ask({ port: other.httpPort, path, method: 'GET', headers });
      expect(answer).toMatchObject({ status: 502, headers: { 'content-type': 'application/json' } });
    }
  } finally {
    await other.stop();
  }
});

test.each([400, 404, 500, 503])("nginx forwards MLflow's own %i unchanged", async (status) => {
  const own = '{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"own"}';
  upstream.answers.set('/own', (_, response) => {
    response.writeHead(status, { server: 'uvicorn', 'x-accel-redirect': '/health' }).end(own);
  });
  const answer = await ask({ port: proxy.httpPort, path: '/own', headers });
  expect(answer).toMatchObject({ status, body: own, headers: { server: 'nginx' } });
});
