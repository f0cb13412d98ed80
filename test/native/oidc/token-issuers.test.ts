// Tokens of CI systems, with the real oauth2-proxy and nginx, and a certified provider in the place of GitHub.
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster';
import { EVERY_DOMAIN, Pod, Program, Provider, tool } from './harness';
import { ServiceUserRole } from '../../../lib';
import { NginxTokenIssuer, NginxTokenLogin } from '../../../lib/nginx/nginx-options';
import { verifierArguments, verifierConfiguration } from '../../../lib/tracking/token-verifier-pod';
import { ask, Response } from '../nginx/client';
import { basic, freePorts, Proxy, until } from '../nginx/proxy';
import { Upstream } from '../nginx/upstream';

const AUDIENCE = 'https://mlflow.example.com';
const SEARCH = '/api/2.0/mlflow/experiments/search';
const CREATE = '/api/2.0/mlflow/runs/create';
const DELETE = '/api/2.0/mlflow/experiments/delete';
const MAIN = { repository: 'org/churn', ref: 'refs/heads/main' };
const LOGINS: NginxTokenLogin[] = [
  { name: 'churn-release', role: ServiceUserRole.ADMIN, claims: { ...MAIN, environment: 'release' } },
  { name: 'churn-main', role: ServiceUserRole.TRAINER, claims: MAIN },
  { name: 'churn-reports', role: ServiceUserRole.READER, claims: { repository: 'org/churn' } },
  { name: 'by-subject', role: ServiceUserRole.READER, claims: { sub: 'repo:org/other:ref:refs/heads/main' } },
];

let folder: string;
let upstream: Upstream;
/** The issuer of the first verifier, of the second one, and of people. */
let [ci, second, people]: Provider[] = [];
let cluster: Cluster;
const verifiers: Program[] = [];
let ofBasic: Proxy;
let ofOidc: Pod;
/** With ServiceAccounts, two issuers and people. */
let ofAll: Pod;

async function verifier(provider: Provider, logins: NginxTokenLogin[]): Promise<NginxTokenIssuer> {
  const [port] = await freePorts(1);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, `${port}-${name}`), text);
    return join(folder, `${port}-${name}`);
  };
  const secretFile = file('secret', '0123456789abcdef0123456789abcdef');
  const issuer = { issuer: provider.issuer, keysUrl: `${provider.issuer}/jwks` };
  const settings = verifierConfiguration({ issuer, audience: AUDIENCE, logins }, { port, secretFile });
  const program = new Program(tool(), verifierArguments(file('settings.yaml', settings), secretFile));
  verifiers.push(program);
  await program.answers(port, '/ping');
  return { port, logins };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'issuers-test-'));
  upstream = await Upstream.start();
  [ci, second, people] = await Promise.all([Provider.start(), Provider.start(), Provider.start()]);
  cluster = await Cluster.start();
  cluster.admit('trainer.training.trainer');
  const first = await verifier(ci, LOGINS);
  const other = await verifier(second, [{ name: 'second', role: ServiceUserRole.READER, claims: { project_id: '7' } }]);
  const ports = await freePorts(3);
  ofBasic = await Proxy.start(upstream, {}, { port: ports[0], issuers: [first] });
  const login = { ...EVERY_DOMAIN, accounts: { port: ports[1], issuers: [first] } };
  ofOidc = await Pod.start(upstream, people, { login });
  const all = { ...cluster.accounts, port: ports[2], issuers: [first, other] };
  ofAll = await Pod.start(upstream, people, { login: { ...EVERY_DOMAIN, accounts: all } });
}, 400_000);
beforeEach(() => upstream.take());
afterAll(async () => {
  await Promise.all([ofAll?.stop(), ofOidc?.stop(), ofBasic?.stop()]);
  await Promise.all(verifiers.map(async (program) => program.stop()));
  await cluster?.stop();
  await Promise.all([ci, second, people].map(async (provider) => provider?.program.stop()));
  await upstream?.stop();
  rmSync(folder, { recursive: true });
}, 60_000);

let addresses = 0;
/** From an address of its own, as nginx makes one with many wrong logins wait. */
const request = async (port: number, authorization: string, path = SEARCH, more = {}): Promise<Response> =>
  ask({
    ...{ port, path, method: 'POST', localAddress: `127.8.${Math.floor(++addresses / 250)}.${(addresses % 250) + 1}` },
    headers: { authorization, host: 'mlflow.example.com', ...more },
  });
const token = async (claims: Record<string, unknown> = {}, header = {}) =>
  ci.token({ aud: AUDIENCE, sub: 'repo:org/churn:ref:refs/heads/main', ...MAIN, ...claims }, header);
const now = () => Math.floor(Date.now() / 1000);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claimsOf = (text: string) => JSON.parse(Buffer.from(text.split('.')[1], 'base64url').toString());

describe.each([
  ['basic', () => ofBasic.httpPort],
  ['oidc', () => ofOidc.port],
  ['oidc, ServiceAccounts and two issuers', () => ofAll.port],
])('with the logins of %s', (_, port) => {
  const statuses = async (text: string) => {
    const all = [];
    for (const path of [SEARCH, CREATE, DELETE]) all.push((await request(port(), `Bearer ${text}`, path)).status);
    return all;
  };

  test.each<[string, Record<string, unknown>, string, number[]]>([
    ['the branch main may train', {}, 'churn-main', [200, 200, 403]],
    ['another branch may read', { ref: 'refs/heads/x' }, 'churn-reports', [200, 403, 403]],
    ['a release may do everything', { environment: 'release' }, 'churn-release', [200, 200, 200]],
    [
      'a subject is a claim too',
      { repository: 'x', sub: 'repo:org/other:ref:refs/heads/main' },
      'by-subject',
      [200, 403, 403],
    ],
  ])('%s, under the name of its login', async (__, claims, name, expected) => {
    expect(await statuses(await token(claims))).toEqual(expected);
    for (const { headers } of upstream.take()) {
      expect([headers['x-forwarded-user'], headers.authorization]).toEqual([name, undefined]);
    }
  });

  test.each<[string, Record<string, unknown>]>([
    ['of another repository', { repository: 'org/other' }],
    ['of a repository that begins alike', { repository: 'org/churn2' }],
    ['of a repository that ends alike', { repository: 'evil-org/churn' }],
    ['of the repository in capitals', { repository: 'Org/Churn' }],
    ['of the repository in a list with others', { repository: ['evil/x', 'org/churn'] }],
    ['of the repository behind a comma', { repository: 'x,org/churn' }],
    ['with both claims in one', { repository: 'org/churn,refs/heads/main', ref: null }],
    ['of the repository behind a line break', { repository: 'org/x\norg/churn' }],
    ['of the repository in an object', { repository: { name: 'org/churn' } }],
    ['without the claim', { repository: null }],
    ['with an empty claim', { repository: '' }],
    ['with the claim under another name', { repository: null, Repository: 'org/churn' }],
  ])('a right token %s gets 403', async (__, claims) => {
    const answer = await request(port(), `Bearer ${await token(claims)}`);
    expect([answer.status, JSON.parse(answer.body).error_code]).toEqual([403, 'PERMISSION_DENIED']);
    expect(upstream.take()).toEqual([]);
  });

  test.each<[string, () => Promise<string>]>([
    ['for another audience', async () => token({ aud: 'https://other.example.com' })],
    ['for an audience that begins alike', async () => token({ aud: `${AUDIENCE}.evil.example` })],
    ['without an audience', async () => token({ aud: null })],
    ['of another issuer', async () => token({ iss: 'https://evil.example' })],
    ['of another issuer with the keys of the right one', async () => token({ iss: `${ci.issuer}/` })],
    ['without an issuer', async () => token({ iss: null })],
    [
      'of the right issuer with the keys of another one',
      async () => people.token({ ...MAIN, aud: AUDIENCE, iss: ci.issuer }),
    ],
    ['that has expired', async () => token({ exp: now() - 2 })],
    ['without an end', async () => token({ exp: null })],
    ['that is not valid yet', async () => token({ nbf: now() + 3600, exp: now() + 7200 })],
    [
      'with changed claims',
      async () => {
        const [header, , signature] = (await token({ ref: 'refs/heads/x' })).split('.');
        return `${header}.${encode(claimsOf(await token()))}.${signature}`;
      },
    ],
    ['with the algorithm none', async () => `${encode({ alg: 'none' })}.${encode(claimsOf(await token()))}.`],
    [
      'that brings its key',
      async () => {
        const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const header = { alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) };
        const text = `${encode(header)}.${encode(claimsOf(await token()))}`;
        return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
      },
    ],
    ['that is none', async () => 'x.y.z'],
  ])('a token %s gets 401', async (__, make) => {
    const answer = await request(port(), `Bearer ${await make()}`);
    expect([answer.status, JSON.parse(answer.body).error_code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(upstream.take()).toEqual([]);
  });

  test('headers of the client lend a token neither claims nor a role nor a name', async () => {
    const forged = {
      'x-claim-0': 'release',
      'x-claim-1': 'refs/heads/main',
      'x-claim-2': 'org/churn',
      'x-roles': '1111',
      'x-forwarded-user': 'mallory',
      'x-auth-request-email': 'mallory',
    };
    expect((await request(port(), `Bearer ${await token({ repository: 'x' })}`, SEARCH, forged)).status).toBe(403);
    const reader = await token({ ref: 'refs/heads/x' });
    expect((await request(port(), `Bearer ${reader}`, CREATE, forged)).status).toBe(403);
    expect(upstream.take()).toEqual([]);
    expect((await request(port(), `Bearer ${reader}`, SEARCH, forged)).status).toBe(200);
    expect(upstream.take()[0].headers['x-forwarded-user']).toBe('churn-reports');
  });

  test('the addresses that decide about tokens are not there for clients', async () => {
    const right = await token();
    for (const path of ['/issuer-0', '/issuer-0/1', '/issuer-0/token', '/account', '/token']) {
      upstream.take();
      const { status } = await request(port(), `Bearer ${right}`, path);
      expect([path, status, upstream.take()]).toEqual([path, 403, []]);
    }
  });

  test('a token does not count as a password', async () => {
    const right = await token();
    for (const login of [basic('churn-main', right), basic('x', right)]) {
      expect((await request(port(), login)).status).toBe(401);
    }
    expect((await request(port(), basic('scorer', 'scorer-secret'))).status).toBe(200);
  });
});

test('people, ServiceAccounts and two issuers log in side by side, each as itself', async () => {
  const person = await people.token({ sub: 'alice', email: 'alice@example.com', groups: ['ml-people'] });
  const second7 = await second.token({ aud: AUDIENCE, sub: 'project', project_id: '7' });
  const names = [];
  for (const text of [person, cluster.token('training', 'trainer'), await token(), second7]) {
    expect((await request(ofAll.port, `Bearer ${text}`)).status).toBe(200);
    names.push(upstream.take()[0].headers['x-forwarded-user']);
  }
  expect(names).toEqual(['alice@example.com', 'system:serviceaccount:training:trainer', 'churn-main', 'second']);
});

test('an issuer cannot lend its tokens the claims of another one', async () => {
  for (const text of [
    await second.token({ aud: AUDIENCE, ...MAIN }),
    await people.token({ aud: AUDIENCE, ...MAIN, groups: ['ml-people'] }),
    await ci.token({ aud: 'mlflow', ...MAIN, groups: ['ml-people'], email: 'alice@example.com' }),
    await ci.token({ aud: AUDIENCE, sub: 'system:serviceaccount:training:trainer', project_id: '7' }),
  ]) {
    expect([401, 403]).toContain((await request(ofAll.port, `Bearer ${text}`)).status);
  }
  expect(upstream.take()).toEqual([]);
});

test('the access log has the name of the login, and no output has the token', async () => {
  const text = await token();
  expect((await request(ofBasic.httpPort, `Bearer ${text}`, `${SEARCH}?a=b`)).status).toBe(200);
  await until('the line', () => ofBasic.output('stdout').includes('"user":"churn-main"'));
  for (const output of [
    ofBasic.output('stdout'),
    ofBasic.output('stderr'),
    ...verifiers.map((each) => each.output.join('')),
  ]) {
    expect(output).not.toContain(text.split('.')[2]);
  }
});

test('a large upload streams, and is refused without the role', async () => {
  const body = Buffer.alloc(20 * 1024 * 1024, 'x');
  const upload = async (claims: object) =>
    ask({
      ...{ port: ofBasic.httpPort, path: '/api/2.0/mlflow-artifacts/artifacts/0/run/file', method: 'PUT', body },
      headers: { authorization: `Bearer ${await token({ ...claims })}`, 'content-length': String(body.length) },
    });
  expect((await upload({})).status).toBe(200);
  expect(upstream.take()[0].bytes).toBe(body.length);
  expect((await upload({ ref: 'refs/heads/x' })).status).toBe(403);
  expect(upstream.take()).toEqual([]);
});

test('a new key of the issuer counts at once, and a withdrawn one is refused', async () => {
  const old = await token();
  await ci.rotate('withdraw');
  expect((await request(ofBasic.httpPort, `Bearer ${await token()}`)).status).toBe(200);
  expect((await request(ofBasic.httpPort, `Bearer ${old}`)).status).toBe(401);
});

test('tokens of known keys go on while the issuer is away, and unknown keys do not stop them', async () => {
  const text = await token();
  expect((await request(ofBasic.httpPort, `Bearer ${text}`)).status).toBe(200);
  await ci.program.stop();
  const unknown = await people.token({ ...MAIN, aud: AUDIENCE, iss: ci.issuer });
  expect((await request(ofBasic.httpPort, `Bearer ${unknown}`)).status).toBe(401);
  expect((await request(ofBasic.httpPort, `Bearer ${text}`)).status).toBe(200);
});

test('answers 503 while the check of tokens does not answer, and still accepts passwords', async () => {
  await verifiers[0].stop();
  const answer = await request(ofBasic.httpPort, 'Bearer x.y.z');
  expect([answer.status, JSON.parse(answer.body).error_code]).toEqual([503, 'TEMPORARILY_UNAVAILABLE']);
  expect((await request(ofBasic.httpPort, basic('mlflow', 'human-secret'))).status).toBe(200);
});
