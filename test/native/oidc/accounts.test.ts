// Tokens of ServiceAccounts, with the real oauth2-proxy and nginx, and a stand-in for the API server.
import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIENCE, Cluster } from './cluster';
import { Pod, Provider } from './harness';
import { ask, Response } from '../nginx/client';
import { basic, freePorts, Proxy, until } from '../nginx/proxy';
import { Upstream } from '../nginx/upstream';

const SEARCH = '/api/2.0/mlflow/experiments/search';
const CREATE = '/api/2.0/mlflow/runs/create';
const DELETE = '/api/2.0/mlflow/experiments/delete';
const TRAINER = 'system:serviceaccount:training:trainer';

let upstream: Upstream;
let cluster: Cluster;
let provider: Provider;
let ofBasic: Proxy;
let ofOidc: Pod;
/** The key that signs now. */
let latest: ReturnType<Cluster['newKey']>;

beforeAll(async () => {
  upstream = await Upstream.start();
  cluster = await Cluster.start();
  provider = await Provider.start();
  cluster.admit('trainer.training.trainer', 'reader.reports.reader', 'admin.ops.admin', 'serving.a.b.c');
  const { accounts } = cluster;
  ofBasic = await Proxy.start(upstream, {}, accounts);
  const [port] = await freePorts(1);
  ofOidc = await Pod.start(upstream, provider, { login: { emailDomains: [], accounts: { ...accounts, port } } });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await ofOidc?.stop();
  await ofBasic?.stop();
  await provider?.program.stop();
  await cluster?.stop();
  await upstream?.stop();
});

let addresses = 0;
/** From an address of its own, as nginx makes one with many wrong logins wait. */
const request = async (port: number, authorization: string, path = SEARCH, method = 'POST'): Promise<Response> =>
  ask({
    ...{ port, path, method, localAddress: `127.9.${Math.floor(++addresses / 250)}.${(addresses % 250) + 1}` },
    headers: { authorization, host: 'mlflow.example.com', 'x-forwarded-user': 'mallory', 'x-roles': '1111' },
  });

describe.each([
  ['basic', () => ofBasic.httpPort],
  ['oidc', () => ofOidc.port],
])('with Authentication.%s()', (_, port) => {
  const bearer = async (token: string, path = SEARCH, method = 'POST') =>
    request(port(), `Bearer ${token}`, path, method);

  test('a listed account is known by its name', async () => {
    expect((await bearer(cluster.token('training', 'trainer'))).status).toBe(200);
    const [{ headers }] = upstream.take();
    expect(headers.authorization).toBeUndefined();
    expect(headers['x-forwarded-user']).toBe(TRAINER);
  });

  test.each([
    ['of another name', 'training', 'other'],
    ['of another namespace', 'elsewhere', 'trainer'],
    ['whose name has the dots of another one', 'a', 'b'],
    ['whose namespace and name read like a file of another one', 'training.trainer', ''],
    ['that is the name of a folder', '..', '..'],
  ])('an account %s gets 403', async (__, namespace, name) => {
    const answer = await bearer(cluster.token(namespace, name));
    expect([answer.status, answer.headers['content-type']]).toEqual([403, 'application/json']);
    expect(JSON.parse(answer.body)).toEqual({
      error_code: 'PERMISSION_DENIED',
      message: expect.stringMatching(/^This account may not do this: it is not admitted/),
    });
    expect(upstream.take()).toEqual([]);
  });

  test('an account whose name has dots is known', async () => {
    const answer = await bearer(cluster.token('a', 'b.c'), '/api/2.0/mlflow/runs/get', 'GET');
    expect(answer.status).toBe(200);
  });

  test.each<[string, () => string]>([
    ['for another audience', () => cluster.token('training', 'trainer', { aud: ['mlflow'] })],
    ['for the API server', () => cluster.token('training', 'trainer', { aud: ['https://kubernetes.default.svc'] })],
    ['without an audience', () => cluster.token('training', 'trainer', { aud: undefined })],
    ['of another issuer', () => cluster.token('training', 'trainer', { iss: 'https://elsewhere.example.com' })],
    ['that has expired', () => cluster.token('training', 'trainer', { exp: Math.floor(Date.now() / 1000) - 60 })],
    ['of another key', () => cluster.token('training', 'trainer', {}, { key: cluster.newKey() })],
    [
      'of another key under the id of the right one',
      () => cluster.token('training', 'trainer', {}, { key: { ...cluster.newKey(), id: cluster.key.id } }),
    ],
    ['without a signature', () => cluster.token('training', 'trainer', {}, { header: { alg: 'none' }, signature: '' })],
    ['with a foreign signature', () => cluster.token('training', 'trainer', {}, { signature: 'x' })],
    ['that is none', () => 'x'],
    ['that is empty', () => ''],
  ])('a token %s gets 401', async (__, token) => {
    const answer = await bearer(token());
    expect([answer.status, answer.headers['content-type']]).toEqual([401, 'application/json']);
    expect(JSON.parse(answer.body).error_code).toBe('UNAUTHENTICATED');
    expect(upstream.take()).toEqual([]);
  });

  test.each([
    ['training', 'trainer', [200, 200, 403]],
    ['reports', 'reader', [200, 403, 403]],
    ['ops', 'admin', [200, 200, 200]],
  ])('%s/%s may do what its role allows', async (namespace, name, expected) => {
    const token = cluster.token(namespace, name);
    const statuses = [];
    for (const path of [SEARCH, CREATE, DELETE]) statuses.push((await bearer(token, path)).status);
    expect(statuses).toEqual(expected);
    expect(upstream.take()).toHaveLength(expected.filter((status) => status === 200).length);
  });

  test.each([
    ['line breaks', `${SEARCH}%0d%0aX-Roles:%201111`],
    ['dots', `${SEARCH}/../delete`],
    ['encoded slashes', '/api/2.0/mlflow/experiments/search%2f..%2fdelete'],
  ])('a role is not widened by %s in the address', async (__, path) => {
    expect([400, 403]).toContain((await bearer(cluster.token('reports', 'reader'), path)).status);
    expect(upstream.take()).toEqual([]);
  });

  test('an account is added and removed, and changes its role, without a restart', async () => {
    const status = async (path: string) => (await bearer(cluster.token('training', 'late'), path)).status;
    const before = ['trainer.training.trainer', 'reader.reports.reader', 'admin.ops.admin', 'serving.a.b.c'];
    expect(await status(SEARCH)).toBe(403);
    cluster.admit(...before, 'reader.training.late');
    expect([await status(SEARCH), await status(CREATE)]).toEqual([200, 403]);
    cluster.admit(...before, 'trainer.training.late');
    expect([await status(SEARCH), await status(CREATE)]).toEqual([200, 200]);
    cluster.admit(...before);
    expect(await status(SEARCH)).toBe(403);
  });

  test('a program still logs in with its password, and a token is refused as a password', async () => {
    const right = basic('scorer', 'scorer-secret');
    expect((await request(port(), right)).status).toBe(200);
    for (const wrong of [basic('scorer', 'wrong'), basic('x', cluster.token('training', 'trainer'))]) {
      expect((await request(port(), wrong)).status).toBe(401);
    }
  });

  test('a large upload streams, and is refused without a right token', async () => {
    const body = Buffer.alloc(20 * 1024 * 1024, 'x');
    const upload = async (token: string) =>
      ask({
        ...{ port: port(), path: '/api/2.0/mlflow-artifacts/artifacts/0/run/file', method: 'PUT', body },
        headers: { authorization: `Bearer ${token}`, 'content-length': String(body.length) },
      });
    expect((await upload(cluster.token('training', 'trainer'))).status).toBe(200);
    expect(upstream.take()[0].bytes).toBe(body.length);
    expect((await upload(cluster.token('reports', 'reader'))).status).toBe(403);
    expect(upstream.take()).toEqual([]);
  });
});

test('the access log has the name of the account, and no token', async () => {
  const token = cluster.token('training', 'trainer');
  expect((await request(ofBasic.httpPort, `Bearer ${token}`, `${SEARCH}?a=b`)).status).toBe(200);
  await until('the line', () => ofBasic.output('stdout').includes(`"user":"${TRAINER}"`));
  expect(ofBasic.output('stdout') + ofBasic.output('stderr')).not.toContain(token.split('.')[2]);
  for (const program of cluster.programs) expect(program.output.join('')).not.toContain(token.split('.')[2]);
});

test('a run with a password keeps the name that the client tells', async () => {
  expect((await request(ofBasic.httpPort, basic('scorer', 'scorer-secret'), CREATE)).status).toBe(200);
  expect(upstream.take()[0].headers['x-forwarded-user']).toBeUndefined();
});

test('a person still logs in with a token of the provider', async () => {
  const token = await provider.token({ sub: 'alice', email: 'alice@example.com', groups: ['ml-people'] });
  expect((await request(ofOidc.port, `Bearer ${token}`)).status).toBe(200);
  expect(upstream.take()[0].headers['x-forwarded-user']).toBe('alice@example.com');
  const other = await provider.token({ sub: 'bob', email: 'bob@example.com', groups: ['other'] });
  expect((await request(ofOidc.port, `Bearer ${other}`)).status).toBe(403);
});

test('the provider cannot name a ServiceAccount', async () => {
  const token = await provider.token({ sub: TRAINER, aud: AUDIENCE, groups: ['ml-people'] });
  expect((await request(ofOidc.port, `Bearer ${token}`)).status).toBe(401);
  expect((await request(ofBasic.httpPort, `Bearer ${token}`)).status).toBe(401);
});

test('accepts a new key of the cluster without a restart, and asks for the keys with the pod’s token', async () => {
  const key = (latest = cluster.newKey());
  cluster.published = [key.jwk];
  const status = async () =>
    (await request(ofBasic.httpPort, `Bearer ${cluster.token('training', 'trainer', {}, { key })}`)).status;
  for (const end = Date.now() + 15_000; (await status()) !== 200 && Date.now() < end;) await sleep(500);
  expect(await status()).toBe(200);
  expect((await request(ofBasic.httpPort, `Bearer ${cluster.token('training', 'trainer')}`)).status).toBe(401);
  expect(new Set(cluster.asked.map((each) => each.split('.')[0])).size).toBe(1);
}, 30_000);

test('accepts known keys while the API server does not answer', async () => {
  cluster.isUp = false;
  // Longer than account_keys.py keeps an answer.
  await sleep(6000);
  try {
    const token = () => cluster.token('training', 'trainer', {}, { key: latest });
    expect((await request(ofBasic.httpPort, `Bearer ${token()}`)).status).toBe(200);
    // An unknown key makes oauth2-proxy ask for the keys.
    const unknown = cluster.token('training', 'trainer', {}, { key: cluster.newKey() });
    expect((await request(ofBasic.httpPort, `Bearer ${unknown}`)).status).toBe(401);
    expect((await request(ofBasic.httpPort, `Bearer ${token()}`)).status).toBe(200);
  } finally {
    cluster.isUp = true;
  }
}, 30_000);

test('answers 503 while the check of tokens does not answer, and still accepts passwords', async () => {
  const [, tokens] = cluster.programs;
  await tokens.stop();
  const answer = await request(ofBasic.httpPort, `Bearer ${cluster.token('training', 'trainer')}`);
  expect([answer.status, JSON.parse(answer.body).error_code]).toEqual([503, 'TEMPORARILY_UNAVAILABLE']);
  expect((await request(ofBasic.httpPort, basic('mlflow', 'human-secret'))).status).toBe(200);
});
