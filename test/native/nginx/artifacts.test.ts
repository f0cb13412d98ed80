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
  proxy = await Proxy.start(upstream, { signedUrls: false, maxArtifactMebibytes: 40 });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

const put = (path: string, body: Buffer) => ask({ port: proxy.httpPort, path, method: 'PUT', headers, body });

test('nginx forwards a whole artifact, by both names of the API', async () => {
  for (const path of [artifact, `/ajax-api${artifact.slice('/api'.length)}`]) {
    expect((await put(path, megabytes(30))).status).toBe(200);
    expect(upstream.take()).toMatchObject([{ path, bytes: 30 * 1024 * 1024 }]);
  }
});

test('nginx forwards the request for a list of a folder, and does not redirect it', async () => {
  for (const api of ['/api', '/ajax-api']) {
    const path = `${api}/2.0/mlflow-artifacts/artifacts?path=1%2Fmodels`;
    expect((await ask({ port: proxy.httpPort, path, headers })).status).toBe(200);
    expect(upstream.take()).toMatchObject([{ url: path }]);
  }
});

// With these bodies, the pod of MLflow would be evicted or killed, with all its requests.
test.each([
  ['an artifact that MLflow has no space for', artifact, 41],
  ['a batch of traces above what MLflow takes', '/v1/traces', 101],
  ['a body for the gateway above what MLflow takes', '/gateway/proxy/x', 101],
  ['any other body that MLflow would read into its memory', '/api/2.0/mlflow/runs/create', 17],
  ['an address that only begins like that of traces', '/v1/traces/x', 17],
])('nginx refuses %s with a message', async (_, path, size) => {
  const answer = await put(path, megabytes(size));
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body)).toMatchObject({ error_code: 'INVALID_PARAMETER_VALUE' });
});

test.each(['/v1/traces', '/gateway/my-endpoint/mlflow/invocations'])(
  'nginx forwards large bodies to %s',
  async (path) => {
    expect((await put(path, megabytes(99))).status).toBe(200);
    expect(upstream.take()).toMatchObject([{ path, bytes: 99 * 1024 * 1024 }]);
    expect((await ask({ port: proxy.httpPort, path, method: 'POST' })).status).toBe(401);
    expect(upstream.take()).toEqual([]);
  },
);

const SERVER_INFO = {
  store_type: 'SqlStore',
  multipart_uploads_enabled: true,
  multipart_downloads_enabled: true,
  presigned_upload_run_id_supported: true,
  presigned_upload_model_id_supported: true,
  features_enabled: { gateway: true },
};
const SIGNED = [
  '2.0/mlflow-artifacts/presigned/1/model.bin',
  '2.0/mlflow-artifacts/mpu/create/1/model.bin',
  '2.0/mlflow/artifacts/presigned-upload-url',
  '2.0/mlflow/artifacts/presigned-download-url',
];

describe.each(['/api', '/ajax-api'])('signed URLs of the store: %s', (api) => {
  beforeAll(() => {
    upstream.answers.set(`${api}/3.0/mlflow/server-info`, (_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(SERVER_INFO));
    });
  });

  test('are neither offered nor created', async () => {
    const answer = await ask({ port: proxy.httpPort, path: `${api}/3.0/mlflow/server-info`, headers });
    expect(JSON.parse(answer.body)).toEqual({
      store_type: 'SqlStore',
      multipart_uploads_enabled: false,
      multipart_downloads_enabled: false,
      presigned_upload_run_id_supported: false,
      presigned_upload_model_id_supported: false,
      features_enabled: { gateway: true },
    });
    upstream.take();
    for (const path of SIGNED) {
      const refused = await ask({ port: proxy.httpPort, path: `${api}/${path}`, method: 'POST', body: '{}', headers });
      expect([path, refused.status]).toEqual([path, 501]);
      expect(JSON.parse(refused.body)).toMatchObject({ error_code: 'NOT_IMPLEMENTED' });
    }
    expect(upstream.take()).toEqual([]);
  });

  test('are forwarded if the clients reach the store', async () => {
    const other = await Proxy.start(upstream, { signedUrls: true });
    try {
      const answer = await ask({ port: other.httpPort, path: `${api}/3.0/mlflow/server-info`, headers });
      expect(JSON.parse(answer.body)).toEqual(SERVER_INFO);
      for (const path of SIGNED) {
        expect((await ask({ port: other.httpPort, path: `${api}/${path}`, headers })).status).toBe(200);
      }
    } finally {
      await other.stop();
    }
  });
});

describe.each(['/api', '/ajax-api'])('a path that MLflow decodes repeatedly: %s', (api) => {
  const folder = `${api}/2.0/mlflow-artifacts/artifacts`;

  test.each([
    '/%252e/2/secret',
    '/%252E%252E/2/secret',
    '/1/%252e%252e/2/secret',
    '/1/%25252e/secret',
    '/1%252f2',
    '/.%2509/2/secret',
    '/.%09/2/secret',
    '/.%0a/2/secret',
    '/%20./2/secret',
    '/1/a%2541',
    '?path=./2/secret',
    '?path=../2/secret',
    '?path=1/../2/secret',
    '?path=1/..',
    '?path=..',
    '?path=1/./2',
    '?path=%2e/2/secret',
    '?path=%2E%2e%2f2',
    '?path=.%2f2',
    '?path=%252e/2/secret',
    '?path=%25%32%65/2',
    '?path=%252%65/2',
    '?path=%%32e/2',
    '?path=%25252e/2',
    '?path=.%09/2',
    '?path=.%0A/2',
    '?path=%20./2',
    '?path=+./2',
    '?x=1&path=./2',
    '?%70ath=./2',
  ])('%s is refused', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await ask({ port: proxy.httpPort, path: folder + path, method, headers });
      expect([path, answer.status]).toEqual([path, 400]);
      expect(JSON.parse(answer.body)).toMatchObject({ error_code: 'INVALID_PARAMETER_VALUE' });
    }
    expect(upstream.take()).toEqual([]);
  });

  test.each([
    '/1/%2e%2e/2/not-secret',
    '/1/100%25',
    '/1/100%25%20sure',
    '/1/a%25b.txt',
    '/1/.hidden/..two/three../f.tar.gz',
    '/1/a%20b+c',
    '/1/%C3%A9%E6%97%A5',
    '?path=1/model/.hidden/..two/v1.2/a..b',
    '?path=1%2Fmodel%20x%2F.git',
    '?path=1/100%25',
    '?path=1/100%25+sure',
    '?path=1/a%25b.txt',
    '?path=1/%C3%A9',
    '?path=',
    '?path=.',
    '',
  ])('%s is accepted', async (path) => {
    expect((await ask({ port: proxy.httpPort, path: folder + path, headers })).status).toBe(200);
    expect(upstream.take()).toHaveLength(1);
  });

  test('a list has its path only in the query', async () => {
    const body = '{"path": "./2"}';
    const lengths: Record<string, string>[] = [
      { 'content-length': String(body.length) },
      { 'transfer-encoding': 'chunked' },
    ];
    for (const more of lengths) {
      await ask({ port: proxy.httpPort, path: folder, headers: { ...headers, ...more }, body });
      expect(upstream.take()).toMatchObject([{ bytes: 0, method: 'GET', url: folder }]);
    }
  });
});

// It runs shell commands for local clients, and each client of a port-forward looks local.
test.each(['', '/message', '/config/', '/sessions/1/stream', '//config'])(
  "MLflow's assistant cannot be reached: %s",
  async (path) => {
    for (const api of ['/ajax-api', '/api']) {
      const answer = await ask({ port: proxy.httpPort, path: `${api}/3.0/mlflow/assistant${path}`, headers });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect(upstream.take()).toEqual([]);
  },
);
