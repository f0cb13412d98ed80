import { ask } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

const headers = { authorization: basic('mlflow', 'human-secret') };
const artifact = '/api/2.0/mlflow-artifacts/artifacts/1/model.bin';
const megabytes = (count: number) => Buffer.alloc(count * 1024 * 1024);
let upstream: Upstream;
let proxy: Proxy;

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream, { artifactsThroughServer: true, maxArtifactMebibytes: 40 });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

const put = (path: string, body: Buffer) => ask({ port: proxy.httpPort, path, method: 'PUT', headers, body });

test('an artifact passes whole, by both names of the API', async () => {
  for (const path of [artifact, `/ajax-api${artifact.slice('/api'.length)}`]) {
    expect((await put(path, megabytes(30))).status).toBe(200);
    expect(upstream.take()).toMatchObject([{ path, bytes: 30 * 1024 * 1024 }]);
  }
});

test('the list of a folder is asked of MLflow, and not redirected', async () => {
  for (const api of ['/api', '/ajax-api']) {
    const path = `${api}/2.0/mlflow-artifacts/artifacts?path=1%2Fmodels`;
    expect((await ask({ port: proxy.httpPort, path, headers })).status).toBe(200);
    expect(upstream.take()).toMatchObject([{ url: path }]);
  }
});

// MLflow would be evicted with all its requests, or killed for its memory.
test.each([
  ['an artifact that MLflow has no space for', artifact, 41],
  ['any other body that MLflow would read into its memory', '/api/2.0/mlflow/runs/create', 17],
])('%s is refused in words', async (_, path, size) => {
  const answer = await put(path, megabytes(size));
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body)).toMatchObject({ error_code: 'INVALID_PARAMETER_VALUE' });
});

test('clients are not invited to the store', async () => {
  upstream.answers.set('/api/3.0/mlflow/server-info', (_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('{"store_type":"SqlStore","multipart_uploads_enabled":true,"multipart_downloads_enabled":true}');
  });
  const answer = await ask({ port: proxy.httpPort, path: '/api/3.0/mlflow/server-info', headers });
  expect(JSON.parse(answer.body)).toEqual({
    store_type: 'SqlStore',
    multipart_uploads_enabled: false,
    multipart_downloads_enabled: false,
  });
  for (const path of ['presigned/1/model.bin', 'mpu/create/1/model.bin']) {
    const refused = await ask({ port: proxy.httpPort, path: `/api/2.0/mlflow-artifacts/${path}`, headers });
    expect([path, refused.status]).toEqual([path, 501]);
  }
});

// It runs shell commands for whoever seems to be local, as everybody does who comes by a port-forward.
test.each(['', '/message', '/config/', '/sessions/1/stream', '//config'])(
  "MLflow's assistant is nobody's: %s",
  async (path) => {
    for (const api of ['/ajax-api', '/api']) {
      const answer = await ask({ port: proxy.httpPort, path: `${api}/3.0/mlflow/assistant${path}`, headers });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect(upstream.take()).toEqual([]);
  },
);
