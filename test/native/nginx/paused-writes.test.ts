import { ask } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

const headers = { authorization: basic('mlflow', 'human-secret') };
const artifacts = '/2.0/mlflow-artifacts/artifacts';
let upstream: Upstream;
let proxy: Proxy;

describe.each([false, true])('with signed URLs: %p', (signedUrls) => {
  beforeAll(async () => {
    upstream = await Upstream.start();
    proxy = await Proxy.start(upstream, { signedUrls, maxArtifactMebibytes: 40, artifactWritesPaused: true });
  });
  beforeEach(() => upstream.take());
  afterAll(async () => {
    await proxy?.stop();
    await upstream?.stop();
  });

  const request = (method: string, path: string, body?: Buffer) =>
    ask({ port: proxy.httpPort, path, method, headers, body });

  test.each([
    ['PUT', `/api${artifacts}/1/run/artifacts/model.bin`],
    ['PUT', `/ajax-api${artifacts}/1/run/artifacts/model.bin`],
    ['DELETE', `/api${artifacts}/1/run/artifacts/model.bin`],
    ['POST', '/ajax-api/2.0/mlflow/upload-artifact?run_uuid=1&path=x'],
    ...(signedUrls
      ? [
          ['POST', '/api/2.0/mlflow-artifacts/mpu/create/1/run/artifacts'],
          ['POST', '/ajax-api/2.0/mlflow-artifacts/mpu/complete/1/run/artifacts'],
          ['POST', '/api/2.0/mlflow/artifacts/presigned-upload-url'],
        ]
      : []),
  ])('nginx asks clients to wait: %s %s', async (method, path) => {
    // Only an artifact itself may be larger than 16 MiB.
    const answer = await request(method, path, Buffer.alloc((method === 'PUT' ? 30 : 1) * 1024 * 1024));
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('60');
    expect(JSON.parse(answer.body)).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
    expect(upstream.take()).toEqual([]);
  });

  test.each([
    ['GET', `/api${artifacts}/1/run/artifacts/model.bin`],
    ['HEAD', `/api${artifacts}/1/run/artifacts/model.bin`],
    ['GET', `/api${artifacts}?path=1`],
    ['POST', '/api/2.0/mlflow/runs/log-batch'],
    ['POST', '/api/2.0/mlflow/registered-models/create'],
    ...(signedUrls ? [['POST', '/api/2.0/mlflow/artifacts/presigned-download-url']] : []),
  ])('nginx forwards all else: %s %s', async (method, path) => {
    expect((await request(method, path)).status).toBe(200);
    expect(upstream.take()).toMatchObject([{ method }]);
  });

  test('a client cannot ask for the page itself, and gets no artifact without a login', async () => {
    expect((await request('GET', '/.paused')).status).toBe(404);
    expect((await ask({ port: proxy.httpPort, path: `/api${artifacts}/1/x`, method: 'GET' })).status).toBe(401);
    expect(upstream.take()).toEqual([]);
  });
});
