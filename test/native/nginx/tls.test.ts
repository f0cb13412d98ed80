// TLS from an Ingress or a client in the cluster to nginx in the pod.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Proxy, basic, knowsKeepaliveMin } from './proxy';
import { Upstream } from './upstream';
import { certificateFor } from '../../../e2e/lib/certificate';

const [first, second] = [certificateFor('mlflow-server.mlflow.svc'), certificateFor('mlflow-server.mlflow.svc')];
const folder = mkdtempSync(join(tmpdir(), 'nginx-tls-'));
let upstream: Upstream;
let proxy: Proxy;

function write({ certificate, key }: typeof first): void {
  writeFileSync(join(folder, 'tls.crt'), certificate);
  writeFileSync(join(folder, 'tls.key'), key);
}

/** Status of an answer, to a client that trusts one authority. */
function get(authority: string, path = '/health', headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: proxy.httpPort, path, ca: authority, agent: false, headers };
    request({ ...options, servername: 'mlflow-server.mlflow.svc' }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    })
      .on('error', reject)
      .end();
  });
}

beforeAll(async () => {
  write(first);
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream, { tls: { folder, cache: knowsKeepaliveMin() } });
});
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
  rmSync(folder, { recursive: true });
});

test('answers by https, with the login, to a client that trusts the authority', async () => {
  expect(await get(first.authority)).toBe(200);
  expect(await get(first.authority, '/api/2.0/mlflow/experiments/search')).toBe(401);
  const headers = { authorization: basic('mlflow', 'human-secret') };
  expect(await get(first.authority, '/api/2.0/mlflow/experiments/search', headers)).toBe(200);
});

test('refuses plain http with words, before the login', async () => {
  const answer = await fetch(`http://127.0.0.1:${proxy.httpPort}/api/2.0/mlflow/experiments/search`);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({ error_code: 'BAD_REQUEST', message: 'This port speaks https only.' });
});

test('metrics stay plain http, on the port of their own', async () => {
  expect((await fetch(`http://127.0.0.1:${proxy.metricsPort}/metrics`)).status).toBe(200);
});

test('refuses TLS 1.1', async () => {
  const code = await new Promise((resolve) => {
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    connect({ ...old, host: '127.0.0.1', port: proxy.httpPort, rejectUnauthorized: false }, () =>
      resolve('connected'),
    ).on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  expect(code).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
});

test('serves a renewed certificate without a restart and without a signal', async () => {
  const workers = proxy.workers();
  expect(await get(first.authority)).toBe(200);
  write(second);
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    if ((await get(second.authority).catch(() => 0)) === 200) break;
  }
  expect(await get(second.authority)).toBe(200);
  await expect(get(first.authority)).rejects.toThrow(/self-signed certificate|certificate/);
  expect(proxy.workers()).toEqual(workers);
});
