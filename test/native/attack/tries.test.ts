// The attacker's list: one line a try, against one server with every kind of login at once: people of a provider, programs with
// passwords and roles, ServiceAccounts and the pipelines of a CI system. Each is refused with the status of its line, and MLflow gets no
// request. More tries of each kind are in test/native/oidc and test/native/nginx.
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API, RawRequest, sendRaw } from './raw-request';
import { ServiceUserRole } from '../../../lib';
import { NginxTokenLogin } from '../../../lib/nginx/nginx-options';
import { verifierArguments, verifierConfiguration } from '../../../lib/tracking/token-verifier-pod';
import { basic, freePorts } from '../nginx/proxy';
import { Upstream } from '../nginx/upstream';
import { HOST } from '../oidc/browser';
import { Cluster } from '../oidc/cluster';
import { Pod, Program, Provider, tool } from '../oidc/harness';

const CREATE = '/api/2.0/mlflow/runs/create';
const DELETE = '/api/2.0/mlflow/experiments/delete';
const AUDIENCE = 'https://mlflow.example.com';
const ALICE = { sub: 'alice', email: 'alice@example.com', email_verified: true, groups: ['ml-people'] };
const LOGINS: NginxTokenLogin[] = [{ name: 'ci', role: ServiceUserRole.READER, claims: { repository: 'org/churn' } }];

let upstream: Upstream;
let provider: Provider;
let ci: Provider;
let cluster: Cluster;
let verifier: Program;
let pod: Pod;
let folder: string;
/** Right logins, of which the tries are made. */
let session: string;
let sessionElsewhere: string;
let sessionOfBob: string;
let alice: string;
let trainer: string;
let pipeline: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'attack-test-'));
  upstream = await Upstream.start();
  [provider, ci] = await Promise.all([Provider.start(), Provider.start()]);
  cluster = await Cluster.start();
  cluster.admit('trainer.training.trainer');
  const [port, judge] = await freePorts(2);
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, '0123456789abcdef0123456789abcdef');
  const issuer = { issuer: ci.issuer, keysUrl: `${ci.issuer}/jwks` };
  const settings = verifierConfiguration({ issuer, audience: AUDIENCE, logins: LOGINS }, { port, secretFile });
  writeFileSync(join(folder, 'settings.yaml'), settings);
  verifier = new Program(tool(), verifierArguments(join(folder, 'settings.yaml'), secretFile));
  await verifier.answers(port, '/ping');
  const accounts = { ...cluster.accounts, port: judge, issuers: [{ port, logins: LOGINS }] };
  pod = await Pod.start(upstream, provider, { login: { accounts } });
  session = await sessionOf('alice', pod);
  sessionOfBob = await sessionOf('bob', pod);
  const other = await Pod.start(upstream, provider);
  sessionElsewhere = await sessionOf('alice', other);
  await other.stop();
  alice = await provider.token(ALICE);
  trainer = cluster.token('training', 'trainer');
  pipeline = await ci.token({ aud: AUDIENCE, sub: 'x', repository: 'org/churn' });
}, 600_000);
afterAll(async () => {
  await pod?.stop();
  await verifier?.stop();
  await cluster?.stop();
  await Promise.all([provider?.program.stop(), ci?.program.stop()]);
  await upstream?.stop();
  rmSync(folder, { recursive: true });
}, 60_000);

async function sessionOf(account: string, server: Pod): Promise<string> {
  const browser = server.browser();
  await browser.logIn(account);
  return browser.cookieHeader();
}

const cookie = (value: string): [string, string] => ['Cookie', value];
const bearer = (token: string): [string, string] => ['Authorization', `Bearer ${token}`];
const password = (name: string, secret: string): [string, string] => ['Authorization', basic(name, secret)];
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
const unsigned = (token: string) => `${encode({ alg: 'none', typ: 'JWT' })}.${token.split('.')[1]}.`;
const withClaims = (token: string, more: object) => {
  const [header, , signature] = token.split('.');
  return `${header}.${encode({ ...claims(token), ...more })}.${signature}`;
};
function signedByAttacker(token: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const text = token.split('.').slice(0, 2).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}
const past = () => ({ exp: Math.floor(Date.now() / 1000) - 2 });
const post = (target: string, ...headers: [string, string][]): RawRequest => ({ method: 'POST', target, headers });

type Try = [what: string, status: number, request: () => RawRequest | Promise<RawRequest>];

const TRIES: Record<string, Try[]> = {
  'without a login': [
    ['asks for the API', 401, () => ({})],
    ['claims a name in X-Forwarded-User', 401, () => ({ headers: [['X-Forwarded-User', 'alice@example.com']] })],
    ['claims one in X-Auth-Request-Email', 401, () => ({ headers: [['X-Auth-Request-Email', 'alice@example.com']] })],
    ['claims one in X-Remote-User', 401, () => ({ headers: [['X-Remote-User', 'admin']] })],
    [
      'claims to be the pod itself',
      401,
      () => ({
        headers: [
          ['X-Forwarded-For', '127.0.0.1'],
          ['X-Real-IP', '127.0.0.1'],
        ],
      }),
    ],
    [
      'sends the login that the AI gateway knows',
      401,
      () => ({ headers: [['X-MLflow-Authorization', basic('admin', 'x')]] }),
    ],
    ['asks oauth2-proxy who it is', 404, () => ({ target: '/oauth2/userinfo' })],
    ['asks the question of nginx itself', 404, () => ({ target: '/oauth2/auth' })],
    ['asks for the internal address of the login', 404, () => ({ target: '/.login' })],
    ['asks for the metrics', 404, () => ({ target: '/metrics' })],
  ],
  'by the address': [
    ['climbs out of a page without a login', 401, () => ({ target: `/oauth2/..${API}` })],
    ['climbs with encoded dots', 401, () => ({ target: `/oauth2/%2e%2e${API}` })],
    ['climbs with encoded slashes', 401, () => ({ target: `/oauth2/..%2f${API.slice(1)}` })],
    ['climbs out of the files of the page', 401, () => ({ target: `/static-files/..${API}` })],
    ['climbs out of /health', 401, () => ({ target: `/health/..${API}` })],
    ['begins with two slashes', 401, () => ({ target: `//health/..${API}` })],
    ['has backslashes', 401, () => ({ target: `/oauth2\\..${API.replace(/\//g, '\\')}` })],
    ['ends in a null byte', 400, () => ({ target: `/health%00/..${API}` })],
    ['hides the API behind a fragment', 401, () => ({ target: `${API}#/../../oauth2/start` })],
    ['names another host', 401, () => ({ target: `http://evil.example/oauth2/..${API}` })],
    ['asks for a tunnel', 400, () => ({ method: 'CONNECT', target: '127.0.0.1:5000' })],
    ['asks to be traced', 405, () => ({ method: 'TRACE' })],
  ],
  'with a session': [
    ['of another platform of the same provider', 401, () => ({ headers: [cookie(sessionElsewhere)] })],
    ['with its last character changed', 401, () => ({ headers: [cookie(`${session.slice(0, -1)}!`)] })],
    ['without its signature', 401, () => ({ headers: [cookie(session.split('|')[0])] })],
    ['under another name', 401, () => ({ headers: [cookie(session.replace('__Host-mlflow', 'mlflow'))] })],
    ['in the header for tokens', 401, () => ({ headers: [bearer(session.split('=').slice(1).join('='))] })],
    ['of a person without the group', 403, () => ({ headers: [cookie(sessionOfBob)] })],
    ['beside a wrong token', 401, () => ({ headers: [cookie(session), bearer('x.y.z')] })],
    ['beside a wrong password', 401, () => ({ headers: [cookie(session), password('scorer', 'wrong')] })],
    ['from another web site', 403, () => post(DELETE, cookie(session), ['Sec-Fetch-Site', 'cross-site'])],
    ['from another host of the same site', 403, () => post(DELETE, cookie(session), ['Sec-Fetch-Site', 'same-site'])],
  ],
  'with a token of the provider': [
    ['that has expired', 401, async () => ({ headers: [bearer(await provider.token({ ...ALICE, ...past() }))] })],
    ['without a signature', 401, () => ({ headers: [bearer(unsigned(alice))] })],
    ['signed by the attacker', 401, () => ({ headers: [bearer(signedByAttacker(alice))] })],
    [
      'with another group written into it',
      401,
      () => ({ headers: [bearer(withClaims(alice, { groups: ['admins'] }))] }),
    ],
    [
      'for another application',
      401,
      async () => ({ headers: [bearer(await provider.token({ ...ALICE, aud: 'wiki' }))] }),
    ],
    [
      'of a person without the group',
      403,
      async () => ({ headers: [bearer(await provider.token({ ...ALICE, groups: ['x'] }))] }),
    ],
    [
      'of a domain that ends alike',
      403,
      async () => ({ headers: [bearer(await provider.token({ ...ALICE, email: 'a@evilexample.com' }))] }),
    ],
    [
      'that says it is of the cluster',
      401,
      async () => ({ headers: [bearer(await provider.token({ ...ALICE, iss: claims(trainer).iss }))] }),
    ],
    [
      'that says it is of the CI system',
      401,
      async () => ({ headers: [bearer(await provider.token({ ...claims(pipeline) }))] }),
    ],
    ['in the address', 401, () => ({ target: `${API}?access_token=${alice}` })],
    ['in a cookie', 401, () => ({ headers: [cookie(`__Host-mlflow=${alice}`)] })],
    ['in Proxy-Authorization', 401, () => ({ headers: [['Proxy-Authorization', `Bearer ${alice}`]] })],
  ],
  'with a token of a ServiceAccount': [
    ['that is not listed', 403, () => ({ headers: [bearer(cluster.token('training', 'other'))] })],
    ['of the same name in another namespace', 403, () => ({ headers: [bearer(cluster.token('evil', 'trainer'))] })],
    [
      'for the API server',
      401,
      () => ({ headers: [bearer(cluster.token('training', 'trainer', { aud: ['https://kubernetes.default.svc'] }))] }),
    ],
    ['that has expired', 401, () => ({ headers: [bearer(cluster.token('training', 'trainer', past()))] })],
    [
      'of another cluster',
      401,
      () => ({ headers: [bearer(cluster.token('training', 'trainer', {}, { key: cluster.newKey() }))] }),
    ],
    ['without a signature', 401, () => ({ headers: [bearer(unsigned(trainer))] })],
    ['to delete what it may only write', 403, () => post(DELETE, bearer(trainer))],
    ['and the flags of other roles', 403, () => post(DELETE, bearer(trainer), ['X-Roles', '1111'])],
    ['beside the session of a person', 403, () => post(DELETE, bearer(trainer), cookie(session))],
  ],
  'with a token of the CI system': [
    [
      'of another repository',
      403,
      async () => ({ headers: [bearer(await ci.token({ aud: AUDIENCE, repository: 'evil/churn' }))] }),
    ],
    [
      'of the repository in capitals',
      403,
      async () => ({ headers: [bearer(await ci.token({ aud: AUDIENCE, repository: 'Org/Churn' }))] }),
    ],
    [
      'with the repository in a header',
      403,
      async () => ({
        headers: [bearer(await ci.token({ aud: AUDIENCE, repository: 'x' })), ['X-Claim-0', 'org/churn']],
      }),
    ],
    [
      'for another audience',
      401,
      async () => ({ headers: [bearer(await ci.token({ aud: 'mlflow', repository: 'org/churn', ...ALICE }))] }),
    ],
    ['without a signature', 401, () => ({ headers: [bearer(unsigned(pipeline))] })],
    ['to write what it may only read', 403, () => post(CREATE, bearer(pipeline))],
    [
      'that says it is a ServiceAccount',
      403,
      async () => ({ headers: [bearer(await ci.token({ aud: AUDIENCE, sub: claims(trainer).sub }))] }),
    ],
  ],
  'with a password': [
    ['that is wrong', 401, () => ({ headers: [password('scorer', 'wrong')] })],
    ['of another program', 401, () => ({ headers: [password('scorer', 'the-serving-secret')] })],
    [
      'and a name that climbs to another file',
      401,
      () => ({ headers: [password('../programs/program.scorer', 'scorer-secret')] }),
    ],
    ['and a name with its role', 401, () => ({ headers: [password('program.scorer', 'scorer-secret')] })],
    ['of a serving, to create runs', 403, () => post(CREATE, password('the-serving', 'the-serving-secret'))],
    [
      'of a deployer, to read files',
      403,
      () => ({
        target: '/api/2.0/mlflow-artifacts/artifacts/1/x',
        headers: [password('the-deployer', 'the-deployer-secret')],
      }),
    ],
    [
      'of a serving, past its role by dots',
      403,
      () => post(`/api/2.0/mlflow/runs/get/..${DELETE.slice(15)}`, password('the-serving', 'the-serving-secret')),
    ],
    ['of a serving, to use GraphQL', 403, () => post('/graphql', password('the-serving', 'the-serving-secret'))],
    ['that is the token of a ServiceAccount', 401, () => ({ headers: [password('x', trainer)] })],
  ],
  'with two requests in one': [
    [
      'by two lengths',
      400,
      () => ({
        method: 'POST',
        headers: [
          ['Content-Length', '0'],
          ['Content-Length', '40'],
        ],
        body: 'GET /x HTTP/1.1\r\n\r\n',
        length: false,
      }),
    ],
    [
      'by a length and chunks',
      400,
      () => ({
        method: 'POST',
        headers: [
          ['Content-Length', '5'],
          ['Transfer-Encoding', 'chunked'],
        ],
        body: `0\r\n\r\nGET ${API} HTTP/1.1\r\n\r\n`,
        length: false,
      }),
    ],
    [
      'by an unknown encoding',
      501,
      () => ({ method: 'POST', headers: [['Transfer-Encoding', 'xchunked']], body: 'x', length: false }),
    ],
    [
      'in the body of a page without a login',
      401,
      () => ({ method: 'POST', body: `GET ${API} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n` }),
    ],
    ['by two logins', 400, () => ({ headers: [bearer('x.y.z'), bearer(alice)] })],
    ['by two hosts', 400, () => ({ headers: [['Host', 'evil.example']] })],
  ],
};

test('the list has at least 60 tries', () => {
  expect(Object.values(TRIES).flat().length).toBeGreaterThanOrEqual(60);
});

test('the right logins, of which the tries are made, are let in', async () => {
  for (const headers of [[cookie(session)], [bearer(alice)], [password('scorer', 'scorer-secret')]]) {
    expect((await sendRaw(pod.port, { headers: headers as [string, string][] })).status).toBe(200);
  }
  expect((await sendRaw(pod.port, post(CREATE, bearer(trainer)))).status).toBe(200);
  expect((await sendRaw(pod.port, post(API, bearer(pipeline)))).status).toBe(200);
});

describe.each(Object.entries(TRIES))('%s', (_, tries) => {
  test.each(tries)('%s: %i', async (__, status, request) => {
    upstream.take();
    const answer = await sendRaw(pod.port, await request());
    expect([answer.status, answer.answers, upstream.take()]).toEqual([status, 1, []]);
  });
});
