import { connect } from 'node:net';
import { ask, Question, Response } from './client';
import { basic, Proxy, until } from './proxy';
import { Upstream } from './upstream';
import { NginxOptions } from '../../../lib/nginx/nginx-options';

const MLFLOW = basic('mlflow', 'human-secret');
const ANN = basic('ann', 'ann-secret');
const TRAINER = basic('the-trainer', 'trainer-secret');
const SERVING = basic('the-serving', 'serving-secret');
/** Each test takes less time than the limit needs for one more request. */
const SLOW = { requestsPerSecond: 1, burst: 5 };
const AT_ONCE = 6;
const API = '/api/2.0/mlflow/registered-models/get';

let upstream: Upstream;
let proxy: Proxy;
const started: { stop: () => Promise<void> }[] = [];

const start = async (options: Partial<NginxOptions>) => {
  started.push((upstream = await Upstream.start()));
  started.push((proxy = await Proxy.start(upstream, options)));
};
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.stop();
});

const send = async (authorization: string, more: Partial<Question> = {}) =>
  ask({ port: proxy.httpPort, path: API, ...more, headers: { authorization, ...more.headers } });
const flood = async (authorization: string, more: Partial<Question> = {}): Promise<Response[]> =>
  Promise.all(Array.from({ length: 40 }, async () => send(authorization, more)));
const counts = (answers: Response[], status: number) => answers.filter((answer) => answer.status === status).length;

test('a flood of one user gets 429 in the form of MLflow, and other users do not notice it', async () => {
  await start({ userLimits: SLOW });
  const answers = await flood(MLFLOW);
  expect(counts(answers, 200)).toBeGreaterThanOrEqual(AT_ONCE);
  expect(counts(answers, 429)).toBeGreaterThan(20);
  expect(counts(answers, 200) + counts(answers, 429)).toBe(40);
  const over = answers.find(({ status }) => status === 429)!;
  expect(over.headers).toMatchObject({
    'content-type': 'application/json',
    'retry-after': '5',
    'x-request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(over.headers['www-authenticate']).toBeUndefined();
  expect(JSON.parse(over.body)).toEqual({
    error_code: 'REQUEST_LIMIT_EXCEEDED',
    message: expect.stringMatching(/^Too many requests of this user/),
  });
  for (const other of [ANN, TRAINER]) expect((await send(other)).status).toBe(200);
  // Upper and lower case are different users.
  expect((await send(basic('Ann', 'ann-secret'))).status).toBe(200);
  // The log has each with its user.
  const lines = await proxy.log(43);
  expect(lines.filter(({ status }) => status === 429)).toHaveLength(counts(answers, 429));
});

test('a name without its password uses up nothing of that user', async () => {
  await start({ userLimits: SLOW });
  // Fewer than the limit of wrong passwords lets pass at once.
  const wrong = Array.from({ length: 10 }, async (_, number) => send(basic('ann', `wrong ${number}`)));
  expect((await Promise.all(wrong)).map(({ status }) => status)).toEqual(Array(10).fill(401));
  const right = await Promise.all(Array.from({ length: AT_ONCE }, async () => send(ANN)));
  expect(right.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(200));
});

test('a header of the client does not change who is counted', async () => {
  await start({ userLimits: SLOW });
  const forged = ['X-Forwarded-User', 'X-Auth-Request-Email', 'X-Auth-Request-User'];
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, number) =>
      send(MLFLOW, { headers: Object.fromEntries(forged.map((name) => [name, `user-${number}`])) }),
    ),
  );
  expect(counts(answers, 429)).toBeGreaterThan(10);
});

test('servings and the deployer have no limit, and a role is checked before the limit', async () => {
  await start({ userLimits: SLOW });
  for (const login of [SERVING, basic('the-deployer', 'deployer-secret')]) {
    expect(counts(await flood(login), 200)).toBe(40);
  }
  expect(counts(await flood(SERVING, { method: 'POST', path: '/api/2.0/mlflow/runs/create' }), 403)).toBe(40);
  // A service user without a role, and one with another, are limited by their own name.
  for (const login of [basic('scorer', 'scorer-secret'), TRAINER]) {
    expect(counts(await flood(login), 429)).toBeGreaterThan(20);
  }
});

test('health, static files and answers of nginx itself do not count', async () => {
  await start({ userLimits: SLOW });
  for (const path of ['/health', '/static-files/main.js', '/ajax-api/3.0/mlflow/assistant/config']) {
    expect(counts(await flood(MLFLOW, { path }), 200)).toBe(40);
  }
  expect((await send(MLFLOW)).status).toBe(200);
});

test('every address of MLflow counts', async () => {
  await start({ userLimits: SLOW });
  await flood(MLFLOW);
  for (const path of [
    '/',
    '/graphql',
    '/v1/traces',
    '/gateway/x/invocations',
    '/api/2.0/mlflow-artifacts/artifacts',
    '/ajax-api/2.0/mlflow-artifacts/artifacts/1/model.pkl',
    '/api/3.0/mlflow/server-info',
  ]) {
    expect(counts(await flood(MLFLOW, { path }), 429)).toBeGreaterThan(30);
  }
});

test.each([
  ['/api/2.0/mlflow-artifacts/artifacts/1/a%20b%23c%3Fd%C3%A9', '?path=x%2Fy&z=%3F'],
  ['/api/2.0/mlflow-artifacts/artifacts/1/x//y', ''],
  ['/ajax-api/2.0/mlflow/runs/../experiments/get%3Fx', '?experiment_id=1'],
  ['/v1/traces', '?a=b'],
])('MLflow gets the same path and query with and without limits: %s%s', async (path, query) => {
  const seen = [];
  for (const options of [{}, { userLimits: SLOW }]) {
    await start(options);
    await send(MLFLOW, { path: `${path}${query}` });
    seen.push(
      upstream.take().map((each) => [decodeURIComponent(each.url.split('?')[0]), each.url.split('?')[1], each.headers]),
    );
  }
  const [[[plainPath, plainQuery, plainHeaders]], [[limitedPath, limitedQuery, limitedHeaders]]] = seen as never[][][];
  expect([limitedPath, limitedQuery]).toEqual([plainPath, plainQuery]);
  expect(Object.keys(limitedHeaders)).toEqual(Object.keys(plainHeaders));
});

test('an upload streams: MLflow gets its beginning before the client has sent its end', async () => {
  await start({ userLimits: { requestsPerSecond: 100 } });
  let received = 0;
  upstream.answers.set('/api/2.0/mlflow-artifacts/', async (request, response) => {
    for await (const chunk of request) received += chunk.length;
    response.end('stored');
  });
  const size = 32 * 1024 * 1024;
  const socket = connect(proxy.httpPort, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.write(
    `PUT /api/2.0/mlflow-artifacts/artifacts/1/large HTTP/1.1\r\nHost: x\r\nAuthorization: ${MLFLOW}\r\nContent-Length: ${size}\r\n\r\n`,
  );
  socket.write(Buffer.alloc(size / 2));
  await until('MLflow has the first half', () => received >= size / 2);
  expect(answer).toBe('');
  socket.write(Buffer.alloc(size / 2));
  await until('the answer', () => answer.includes('stored'));
  expect(received).toBe(size);
  socket.destroy();
});

test('a body larger than the address allows is still refused', async () => {
  await start({ userLimits: { requestsPerSecond: 100 }, maxArtifactMebibytes: 1 });
  const large = (path: string, length: number) => send(MLFLOW, { method: 'PUT', path, body: Buffer.alloc(length) });
  const artifact = '/api/2.0/mlflow-artifacts/artifacts/1/x';
  expect((await large(artifact, 1024 * 1024)).status).toBe(200);
  expect((await large(artifact, 1024 * 1024 + 1)).status).toBe(413);
  const chunked = { method: 'PUT', path: artifact, headers: { 'transfer-encoding': 'chunked' } };
  expect((await send(MLFLOW, { ...chunked, body: Buffer.alloc(2 * 1024 * 1024) })).status).toBe(413);
});

test('a user has so many requests at once, and others have their own', async () => {
  await start({ userLimits: { concurrentRequests: 3 } });
  const waiting: (() => void)[] = [];
  upstream.answers.set('/slow', async (_, response) => {
    await new Promise<void>((go) => waiting.push(go));
    response.end('done');
  });
  const slow = Array.from({ length: 3 }, async () => send(MLFLOW, { path: '/slow' }));
  await until('three requests wait', () => waiting.length === 3);
  expect((await send(MLFLOW)).status).toBe(429);
  expect((await send(ANN)).status).toBe(200);
  waiting.forEach((go) => go());
  expect(counts(await Promise.all(slow), 200)).toBe(3);
  expect((await send(MLFLOW)).status).toBe(200);
});

test('a workspace has its own limit, for all of its people together', async () => {
  await start({ workspaces: [{ name: 'team-a', requestsPerSecond: 1 }, { name: 'team-b' }] });
  const within = (name: string) => ({ headers: { 'x-mlflow-workspace': name } });
  const answers = [...(await flood(MLFLOW, within('team-a'))), ...(await flood(ANN, within('team-a')))];
  // 50 at once by default.
  expect(counts(answers, 200)).toBeGreaterThan(50);
  expect(counts(answers, 429)).toBeGreaterThan(20);
  expect((await send(TRAINER, within('team-a'))).status).toBe(429);
  expect((await send(SERVING, within('team-a'))).status).toBe(200);
  expect((await send(MLFLOW, within('team-b'))).status).toBe(200);
  // Pages belong to no workspace.
  expect((await send(MLFLOW, { path: '/', ...within('team-a') })).status).toBe(200);
  expect((await send(MLFLOW)).status).toBe(200);
});
