import { ask, Question, raw, Response } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

/** The number of wrong passwords that nginx answers at once. If sent one after another, it could be a few more. */
const AT_ONCE = 10;
/** More requests than nginx lets wait. */
const FLOOD = 60;

let upstream: Upstream;
let proxy: Proxy;

// A new proxy for each test, because the limits keep their state.
beforeEach(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream);
});
afterEach(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

const login = async (authorization: string, more: Partial<Question> = {}) =>
  ask({ port: proxy.httpPort, headers: { authorization }, ...more });
const right = async () => login(basic('mlflow', 'human-secret'));
const wrong = async (count: number, ask_: (number: number) => Promise<Response>) =>
  Promise.all(Array.from({ length: count }, async (_, number) => ask_(number)));

const address = (number: number) => ({ localAddress: `127.0.0.${number + 1}` });

test.each<[string, (number: number) => Promise<Response>]>([
  ['user', async (number) => login(basic('mlflow', `wrong ${number}`), address(number))],
  ['address', async (number) => login(basic(`user-${number}`, 'wrong'))],
])('after the first ones, nginx answers wrong passwords of one %s once a second', async (_, one) => {
  const start = Date.now();
  expect((await wrong(AT_ONCE, one)).map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(401));
  await wrong(4, async (number) => one(AT_ONCE + number));
  // The first wrong password does not wait.
  expect(Date.now() - start).toBeGreaterThan(2000);
});

test('wrong passwords of many users from many addresses do not wait for each other', async () => {
  const start = Date.now();
  const answers = await wrong(FLOOD, async (number) => login(basic(`user-${number}`, 'wrong'), address(number)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  expect(Date.now() - start).toBeLessThan(2000);
});

test('some of too many wrong passwords get 429, and a right one never waits', async () => {
  const start = Date.now();
  const answers: Response[] = [];
  const flood = wrong(FLOOD, async (number) => {
    const answer = await login(basic('mlflow', `wrong ${number}`));
    answers.push(answer);
    return answer;
  });
  while (!answers.some(({ status }) => status === 429)) await right();
  for (let i = 0; i < 200; i++) expect((await right()).status).toBe(200);
  // Most wrong ones still wait for their turn.
  expect(answers.length).toBeLessThan(FLOOD);
  const refused = answers.find(({ status }) => status === 429)!;
  expect(refused.headers).toMatchObject({ 'retry-after': '5', 'content-type': 'application/json' });
  expect(JSON.parse(refused.body)).toEqual({
    error_code: 'UNAUTHENTICATED',
    message: expect.stringMatching(/^Wrong user name or password, and too many /),
  });
  const counts = (await flood).reduce<Record<number, number>>(
    (all, { status }) => ({ ...all, [status]: (all[status] ?? 0) + 1 }),
    {},
  );
  expect(counts[401] + counts[429]).toBe(FLOOD);
  expect(counts[429]).toBeGreaterThan(20);
  // Less than 30 s, the time that the nginx of a serving waits.
  expect(Date.now() - start).toBeLessThan(28_000);
}, 60_000);

test("a request without a password, like a browser's first one, gets 401 at once", async () => {
  const start = Date.now();
  const answers = await wrong(FLOOD, async () => ask({ port: proxy.httpPort }));
  for (const { status, headers, body } of answers) {
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Basic realm="MLflow Authentication"');
    expect(headers['retry-after']).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({ error_code: 'UNAUTHENTICATED' });
  }
  expect(Date.now() - start).toBeLessThan(2000);
});

test('a large upload with a wrong password also gets 401, or 429', async () => {
  const headers = [
    'PUT /api/2.0/mlflow-artifacts/artifacts/1/large HTTP/1.1',
    'Host: x',
    'Content-Length: 100000000',
    'Connection: close',
    `Authorization: ${basic('mlflow', 'wrong')}`,
  ].join('\r\n');
  const first = async () => (await raw(proxy.httpPort, `${headers}\r\n\r\n`, 50)).split('\r\n')[0];
  expect(await first()).toBe('HTTP/1.1 401 Unauthorized');
  const statuses = await Promise.all(Array.from({ length: FLOOD }, first));
  expect(new Set(statuses)).toEqual(new Set(['HTTP/1.1 401 Unauthorized', 'HTTP/1.1 429 Too Many Requests']));
}, 60_000);

test("nginx forwards MLflow's own 401 and 429 unchanged and at once", async () => {
  upstream.answers.set('/own', (request, response) => {
    const status = Number(request.url!.slice(-3));
    response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {}).end('own');
  });
  const start = Date.now();
  for (const status of [401, 429]) {
    const answers = await wrong(FLOOD, async () => login(basic('mlflow', 'human-secret'), { path: `/own/${status}` }));
    for (const answer of answers) expect(answer).toMatchObject({ status, body: 'own' });
    expect(answers[0].headers['retry-after']).toBe(status === 429 ? '7' : undefined);
  }
  expect(Date.now() - start).toBeLessThan(4000);
});
