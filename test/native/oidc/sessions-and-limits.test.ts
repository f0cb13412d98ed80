import { HOST } from './browser';
import { EVERY_DOMAIN, Pod, PodOptions, SignOn } from './harness';
import { ask } from '../nginx/client';
import { basic, until } from '../nginx/proxy';

let signOn: SignOn;
const pods: Pod[] = [];
const SEARCH = '/api/2.0/mlflow/experiments/search';

const newPod = async (options: PodOptions) => {
  const pod = await signOn.newPod({ login: EVERY_DOMAIN, ...options });
  pods.push(pod);
  return pod;
};
beforeAll(async () => (signOn = await SignOn.start(EVERY_DOMAIN)));
afterEach(async () => {
  for (const pod of pods.splice(0)) await pod.stop();
});
afterAll(async () => signOn?.stop());

test('a session ends with the key that it was made with, and not with the pod', async () => {
  const browser = signOn.pod.browser();
  await browser.logIn('alice');
  const cookie = browser.cookieHeader();
  expect((await signOn.pod.ask(SEARCH, { cookie })).status).toBe(200);
  const same = await newPod({ cookieSecret: signOn.cookieSecret });
  expect((await same.ask(SEARCH, { cookie })).status).toBe(200);
  const rotated = await newPod({});
  expect((await rotated.ask(SEARCH, { cookie })).status).toBe(401);
  // A new login is accepted, and so are tokens and passwords of programs, which have no session.
  const again = rotated.browser();
  await again.logIn('alice');
  expect((await rotated.ask(SEARCH, { cookie: again.cookieHeader() })).status).toBe(200);
  const token = await signOn.provider.token({ sub: 'ci', groups: ['ml-people'] });
  for (const authorization of [`Bearer ${token}`, basic('scorer', 'scorer-secret')]) {
    expect((await rotated.ask(SEARCH, { authorization })).status).toBe(200);
  }
});

test('the limit counts each person of the provider, by session and by token, and no name of a header', async () => {
  const pod = await newPod({ userLimits: { requestsPerSecond: 1, burst: 5 } });
  const bearer = async (email: string) => ({
    authorization: `Bearer ${await signOn.provider.token({ sub: email, email, email_verified: true, groups: ['ml-people'] })}`,
  });
  const flood = async (headers: Record<string, string>) => {
    const answers = await Promise.all(Array.from({ length: 30 }, async () => pod.ask(SEARCH, headers)));
    return answers.filter(({ status }) => status === 429);
  };
  const browser = pod.browser();
  await browser.logIn('alice');
  const session = { cookie: browser.cookieHeader(), 'x-forwarded-user': 'bob', 'x-auth-request-email': 'bob' };
  const over = await flood(session);
  expect(over.length).toBeGreaterThan(15);
  expect(over[0].headers['retry-after']).toBe('5');
  expect(JSON.parse(over[0].body).error_code).toBe('REQUEST_LIMIT_EXCEEDED');
  const bob = await bearer('bob@example.com');
  expect((await pod.ask(SEARCH, bob)).status).toBe(200);
  expect((await flood(bob)).length).toBeGreaterThan(15);
  expect((await pod.ask(SEARCH, await bearer('carol@example.com'))).status).toBe(200);
  // Programs with a password: a serving has no limit.
  expect((await pod.ask(SEARCH, { authorization: basic('scorer', 'scorer-secret') })).status).toBe(200);
  const serving = { authorization: basic('the-serving', 'the-serving-secret') };
  const path = '/api/2.0/mlflow/registered-models/get';
  const answers = await Promise.all(Array.from({ length: 30 }, async () => pod.ask(path, serving)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});

test('wrong tokens of one address are slowed down and then get 429, and right ones are not', async () => {
  const pod = await newPod({});
  const send = async (authorization: string) =>
    ask({ port: pod.port, path: SEARCH, headers: { host: HOST, 'x-forwarded-proto': 'https', authorization } });
  const right = `Bearer ${await signOn.provider.token({ sub: 'ci', groups: ['ml-people'] })}`;
  const statuses: number[] = [];
  const flood = Promise.all(
    Array.from({ length: 60 }, async (_, number) => {
      statuses.push((await send(`Bearer ${right.slice(7, -10)}${1_000_000_000 + number}`)).status);
    }),
  );
  await until('a wrong token gets 429', () => statuses.includes(429));
  for (let i = 0; i < 20; i++) expect((await send(right)).status).toBe(200);
  // The other wrong ones wait for their second.
  expect(statuses.length).toBeLessThan(60);
  await flood;
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
}, 60_000);
