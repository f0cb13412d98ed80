import { createHmac, createPublicKey, createSign, generateKeyPairSync, JsonWebKey } from 'node:crypto';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { Browser, HOST, ORIGIN, Page } from './browser';
import { newAddress, Pod, SignOn } from './harness';
import { API, RawAnswer, RawRequest, sendRaw } from '../attack/raw-request';
import { basic } from '../nginx/proxy';

const COOKIE = '__Host-mlflow';
const ALICE = { sub: 'alice', email: 'alice@example.com', email_verified: true, groups: ['ml-people'] };

let signOn: SignOn;
let pod: Pod;
/** A session of alice. */
let session: string;
/** A session of bob, who has none of the groups. */
let otherGroup: string;
/** A session of alice on a server with another key of the cookies. */
let otherPlatform: string;
/** A right token of alice. */
let token: string;
/** The public key of the provider. */
let publicKey: JsonWebKey;
/** A web server of the attacker, with the attacker's key. */
let evil: Server;
let requestsToEvil = 0;
const evilKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
const evilAddress = () => `http://127.0.0.1:${(evil.address() as AddressInfo).port}/jwks`;

beforeAll(async () => {
  signOn = await SignOn.start();
  pod = signOn.pod;
  evil = createServer((_, response) => {
    requestsToEvil++;
    response.end(JSON.stringify({ keys: [{ ...evilKey.publicKey.export({ format: 'jwk' }), kid: 'evil' }] }));
  });
  await new Promise<void>((done) => evil.listen(0, '127.0.0.1', done));
  [session, otherGroup] = await Promise.all([sessionOf('alice'), sessionOf('bob')]);
  const other = await signOn.newPod({});
  otherPlatform = await sessionOf('alice', other);
  await other.stop();
  token = await signOn.provider.token(ALICE);
  [publicKey] = await signOn.provider.keys();
});
beforeEach(() => signOn.upstream.take());
afterAll(async () => {
  await signOn?.stop();
  evil?.close();
});

async function sessionOf(account: string, server = pod): Promise<string> {
  const browser = server.browser();
  await browser.logIn(account);
  return browser.cookieHeader();
}

type Request = RawRequest;

const send = async (request: Request) => sendRaw(pod.port, request);
const bearer = async (text: string) => send({ headers: [['Authorization', `Bearer ${text}`]] });
const withCookie = async (cookie: string, request: Request = {}) =>
  send({ ...request, headers: [...(request.headers ?? []), ['Cookie', cookie]] });

/** Nothing was sent to MLflow, and the answer is of exactly this status. */
function refused(answer: RawAnswer, status: number): void {
  expect([answer.status, signOn.upstream.take()]).toEqual([status, []]);
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString());
const now = () => Math.floor(Date.now() / 1000);
const claimsOf = (claims: Record<string, unknown> = {}) => ({
  iss: signOn.provider.issuer,
  aud: 'mlflow',
  iat: now(),
  exp: now() + 600,
  ...ALICE,
  ...claims,
});

/** Signed with the key of the attacker. */
function forged(header: Record<string, unknown>, claims: Record<string, unknown> = {}): string {
  const text = `${encode({ alg: 'RS256', typ: 'JWT', ...header })}.${encode(claimsOf(claims))}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(evilKey.privateKey, 'base64url')}`;
}

/** Signed with what is public, in the hope that the checker takes it for a shared secret. */
function confused(key: (jwk: JsonWebKey) => string | Buffer, alg = 'HS256'): string {
  const text = `${encode({ alg, typ: 'JWT', kid: publicKey.kid })}.${encode(claimsOf())}`;
  const hmac = createHmac(alg.replace('HS', 'sha'), key(publicKey)).update(text);
  return `${text}.${hmac.digest('base64url')}`;
}

const pem = (type: 'spki' | 'pkcs1') => (jwk: JsonWebKey) =>
  createPublicKey({ key: jwk, format: 'jwk' }).export({ type, format: 'pem' });

/** The header, the claims and the signature of a right token, changed. */
function altered(change: (parts: [string, string, string]) => string[]): string {
  return change(token.split('.') as [string, string, string]).join('.');
}

const unsigned = (alg: string, signature = '') => `${encode({ alg, typ: 'JWT' })}.${encode(claimsOf())}.${signature}`;

describe('refuses a token', () => {
  test.each<[string, () => string | Promise<string>]>([
    ['that is empty', () => ''],
    ['that is no token', () => 'garbage'],
    ['of three words', () => 'a.b.c'],
    ['that looks like one', () => 'eyJ.eyJ.x'],
    ['that is cut in the middle', () => token.slice(0, token.length / 2)],
    ['without its last character', () => token.slice(0, -1)],
    ['without a signature', () => altered(([header, claims]) => [header, claims])],
    ['with an empty signature', () => altered(([header, claims]) => [header, claims, ''])],
    [
      'with another signature',
      () => altered(([header, claims, signature]) => [header, claims, `AAAA${signature.slice(4)}`]),
    ],
    [
      'with changed claims',
      () => altered(([header, claims, s]) => [header, encode({ ...decode(claims), sub: 'root' }), s]),
    ],
    ['with a changed header', () => altered(([header, claims, s]) => [encode({ ...decode(header), x: 1 }), claims, s])],
    ['and a second one behind it', () => `${token},${token}`],
    ['with a space in it', () => altered(([header, claims, signature]) => [header, claims, ` ${signature}`])],
    ['twice', () => `${token} ${token}`],
    [
      'with the signature of another token',
      async () => {
        const other = await signOn.provider.token({ ...ALICE, sub: 'bob' });
        return altered(([header, claims]) => [header, claims, other.split('.')[2]]);
      },
    ],
    ['with the algorithm none', () => unsigned('none')],
    ['with the algorithm none, and a signature', () => unsigned('none', 'x')],
    ['with the algorithm None', () => unsigned('None', 'x')],
    ['with the algorithm nOnE', () => unsigned('nOnE', 'x')],
    ['with an empty algorithm', () => unsigned('', 'x')],
    ['with HS256 and the public key as PEM', () => confused(pem('spki'))],
    [
      'with HS256 and the public key as PEM without a line end',
      () => confused((jwk) => String(pem('spki')(jwk)).trim()),
    ],
    ['with HS256 and the public key as PKCS#1', () => confused(pem('pkcs1'))],
    ['with HS256 and the public key as JWK', () => confused((jwk) => JSON.stringify(jwk))],
    ['with HS256 and the modulus', () => confused((jwk) => Buffer.from(jwk.n!, 'base64url'))],
    ['with HS512 and the public key as PEM', () => confused(pem('spki'), 'HS512')],
    ['with HS256 and an empty key', () => confused(() => '')],
    ['with HS256 and the id of the client', () => confused(() => 'mlflow')],
    ['of a foreign key under the id of the known one', () => forged({ kid: publicKey.kid })],
    ['of a foreign key under its own id', () => forged({ kid: 'evil' })],
    ['of a foreign key without an id', () => forged({})],
    ['with a path as id of the key', () => forged({ kid: '../../../../dev/null' })],
    ['with a URL as id of the key', () => forged({ kid: evilAddress() })],
    ['with SQL as id of the key', () => forged({ kid: "' UNION SELECT 'x" })],
    ['that brings its key', () => forged({ jwk: evilKey.publicKey.export({ format: 'jwk' }) })],
    [
      'that brings its key under the known id',
      () => forged({ kid: publicKey.kid, jwk: { ...evilKey.publicKey.export({ format: 'jwk' }), kid: publicKey.kid } }),
    ],
    ['that names the address of its keys', () => forged({ kid: 'evil', jku: evilAddress() })],
    ['that names the address of its certificate', () => forged({ kid: 'evil', x5u: evilAddress() })],
    [
      'that brings its certificate',
      () => forged({ x5c: [evilKey.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }),
    ],
    ['with a critical header that nothing knows', () => forged({ crit: ['evil'], evil: true })],
    ['of an issuer of the attacker', () => forged({ kid: 'evil' }, { iss: evilAddress().replace('/jwks', '') })],
    ['of another issuer', async () => signOn.provider.token({ ...ALICE, iss: 'https://accounts.example.com' })],
    [
      'of an issuer with a slash at the end',
      async () => signOn.provider.token({ ...ALICE, iss: `${signOn.provider.issuer}/` }),
    ],
    ['without an issuer', async () => signOn.provider.token({ ...ALICE, iss: null })],
    ['for another audience', async () => signOn.provider.token({ ...ALICE, aud: 'another' })],
    ['for other audiences', async () => signOn.provider.token({ ...ALICE, aud: ['another', 'mlflow-of-team-b'] })],
    ['for an audience that begins alike', async () => signOn.provider.token({ ...ALICE, aud: 'mlflow2' })],
    ['for the audience in capitals', async () => signOn.provider.token({ ...ALICE, aud: 'MLFLOW' })],
    ['without an audience', async () => signOn.provider.token({ ...ALICE, aud: null })],
    ['with no audience in the list', async () => signOn.provider.token({ ...ALICE, aud: [] })],
    [
      'for another audience, asked for by the client',
      async () => signOn.provider.token({ ...ALICE, aud: 'x', azp: 'mlflow' }),
    ],
    ['that has expired an hour ago', async () => signOn.provider.token({ ...ALICE, exp: now() - 3600 })],
    ['that has just expired', async () => signOn.provider.token({ ...ALICE, exp: now() - 2 })],
    ['without an end', async () => signOn.provider.token({ ...ALICE, exp: null })],
    ['that is not valid yet', async () => signOn.provider.token({ ...ALICE, nbf: now() + 3600, exp: now() + 7200 })],
    [
      'with an e-mail address that is not verified',
      async () => signOn.provider.token({ ...ALICE, email_verified: false }),
    ],
  ])('%s', async (_, make) => {
    refused(await bearer(await make()), 401);
  });

  test('and asks no address that the token names', () => {
    expect(requestsToEvil).toBe(0);
  });

  test.each<[string, unknown]>([
    ['of another group', ['other']],
    ['without groups', null],
    ['with an empty list of groups', []],
    ['of a group that begins alike', ['ml-people-of-team-b']],
    ['of a group that ends alike', ['not-ml-people']],
    ['of a part of the group', ['ml-peopl']],
    ['of the group in capitals', ['ML-PEOPLE']],
    ['of the group with a space', [' ml-people']],
    ['of the group as a path', ['/ml-people']],
    ['of the group behind a comma', ['other,ml-people']],
    ['of the group in a text with spaces', 'other ml-people'],
    ['of the group in a text with commas', 'other,ml-people'],
    ['of the group in a list of lists', [['ml-people']]],
    ['of the group as a name of an object', { 'ml-people': true }],
    ['of the group inside an object', [{ name: 'ml-people' }]],
    ['of all groups', ['*']],
    ['of an empty group', ['']],
  ])('%s', async (_, groups) => {
    refused(await bearer(await signOn.provider.token({ ...ALICE, groups })), 403);
  });

  test.each<[string, string]>([
    ['of another domain', 'alice@elsewhere.example'],
    ['of a domain that begins alike', 'alice@example.com.elsewhere.example'],
    ['of a domain that ends alike', 'alice@notexample.com'],
    ['of a domain below', 'alice@sub.example.com'],
    ['with two domains, the right one first', 'alice@example.com@elsewhere.example'],
    ['with two domains, the right one last', 'alice@elsewhere.example@example.com'],
    ['without a domain', 'example.com'],
    ['that is empty', ''],
  ])('of a person with an e-mail address %s', async (_, email) => {
    refused(await bearer(await signOn.provider.token({ ...ALICE, email })), 403);
  });

  test('of a program without an e-mail address, if only domains may come in', async () => {
    refused(await bearer(await signOn.provider.token({ sub: 'ci', groups: ['ml-people'] })), 403);
    refused(await bearer(await signOn.provider.clientToken()), 403);
  });

  test.each<[string, () => Request]>([
    ['in the query', () => ({ target: `${API}?access_token=${token}&token=${token}&id_token=${token}` })],
    ['as a cookie', () => ({ headers: [['Cookie', `${COOKIE}=${token}`]] })],
    ['as a cookie of the name authorization', () => ({ headers: [['Cookie', `authorization=Bearer ${token}`]] })],
    ['in X-Forwarded-Access-Token', () => ({ headers: [['X-Forwarded-Access-Token', token]] })],
    ['in X-Auth-Request-Access-Token', () => ({ headers: [['X-Auth-Request-Access-Token', token]] })],
    ['in Proxy-Authorization', () => ({ headers: [['Proxy-Authorization', `Bearer ${token}`]] })],
    ['in X-Authorization', () => ({ headers: [['X-Authorization', `Bearer ${token}`]] })],
    ['in X-MLflow-Authorization', () => ({ headers: [['X-MLflow-Authorization', `Bearer ${token}`]] })],
    ['under another scheme', () => ({ headers: [['Authorization', `Token ${token}`]] })],
    ['without a scheme', () => ({ headers: [['Authorization', token]] })],
    ['as user name with a password', () => ({ headers: [['Authorization', basic(token, 'x')]] })],
    ['as password of a program', () => ({ headers: [['Authorization', basic('scorer', token)]] })],
    ['as password of a program with a role', () => ({ headers: [['Authorization', basic('the-serving', token)]] })],
  ])('%s', async (_, request) => {
    refused(await send(request()), 401);
  });

  test('beside another one', async () => {
    const headers: [string, string][] = [
      ['Authorization', 'Bearer x'],
      ['Authorization', `Bearer ${token}`],
    ];
    refused(await send({ headers }), 400);
    refused(await send({ headers: [...headers].reverse() }), 400);
  });
});

describe('refuses a cookie', () => {
  /** The parts of a cookie's value: the session, the time, the signature. */
  const parts = () => session.slice(COOKIE.length + 1).split('|') as [string, string, string];
  const changed = (change: (all: [string, string, string]) => string[]) => `${COOKIE}=${change(parts()).join('|')}`;
  const flipped = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;

  test.each<[string, () => string]>([
    ['of a server with another key', () => otherPlatform],
    ['that is empty', () => `${COOKIE}=`],
    ['that is garbage', () => `${COOKIE}=garbage`],
    ['with one other character at the beginning', () => changed(([value, ...more]) => [flipped(value, 0), ...more])],
    ['with one other character in the middle', () => changed(([value, ...more]) => [flipped(value, 99), ...more])],
    ['with one other character in the signature', () => changed(([value, time, s]) => [value, time, flipped(s, 3)])],
    ['that is cut', () => session.slice(0, -60)],
    ['without its signature', () => changed(([value, time]) => [value, time])],
    ['with an empty signature', () => changed(([value, time]) => [value, time, ''])],
    ['with a later time', () => changed(([value, time, s]) => [value, String(Number(time) + 3600), s])],
    ['without a time', () => changed(([value, , s]) => [value, '', s])],
    [
      'with the session of another one',
      () => changed(([, time, s]) => [otherGroup.split('=')[1].split('|')[0], time, s]),
    ],
    ['of another name', () => session.replace(COOKIE, 'mlflow')],
    ["of oauth2-proxy's usual name", () => session.replace(COOKIE, '_oauth2_proxy')],
    ['of the name in small letters', () => session.replace(COOKIE, COOKIE.toLowerCase())],
    ['with a claim in plain text', () => `${COOKIE}=${encode({ email: 'alice@example.com', groups: ['ml-people'] })}`],
    ['with a hundred pieces', () => Array.from({ length: 100 }, (_, number) => `${COOKIE}_${number}=x`).join('; ')],
    ['of 12 KB', () => `${COOKIE}=${'x'.repeat(12_000)}`],
  ])('%s', async (_, cookie) => {
    refused(await withCookie(cookie()), 401);
  });

  test('of 40 KB', async () => {
    refused(await withCookie(`${COOKIE}=${'x'.repeat(40_000)}`), 400);
  });

  test('of a login that has only begun', async () => {
    const browser = pod.browser();
    await browser.navigate(`${ORIGIN}/oauth2/start`);
    const [[name, { value }]] = browser.cookies();
    refused(await withCookie(`${name}=${value}`), 401);
    refused(await withCookie(`${COOKIE}=${value}`), 401);
  });

  test('of an account that has none of the groups, whatever groups the request names', async () => {
    for (const query of ['', '?allowed_groups=other', '?allowed_groups=', '?allowed_emails=bob@example.com&x=%26']) {
      refused(await withCookie(otherGroup, { target: `${API}${query}` }), 403);
    }
  });
});

describe('a header that names a user', () => {
  const FORGED: [name: string, value: string][] = [
    ...['User', 'Email', 'Groups', 'Preferred-Username', 'Access-Token', 'Redirect'].map((name): [string, string] => [
      `X-Auth-Request-${name}`,
      'root@example.com',
    ]),
    ...['User', 'Email', 'Groups', 'Preferred-Username', 'Access-Token'].map((name): [string, string] => [
      `X-Forwarded-${name}`,
      'root@example.com',
    ]),
    ['X_Forwarded_User', 'root@example.com'],
    ['X_Auth_Request_User', 'root@example.com'],
    ['x-forwarded-user', 'root@example.com'],
    ['Remote-User', 'root@example.com'],
    ['X-Remote-User', 'root@example.com'],
    ['X-Original-URI', '/health'],
    ['X-Original-URL', '/health'],
    ['X-Original-Method', 'OPTIONS'],
    ['X-Rewrite-URL', '/health'],
    ['X-Forwarded-Uri', '/oauth2/start'],
    ['X-Forwarded-Method', 'OPTIONS'],
    ['X-HTTP-Method-Override', 'OPTIONS'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Real-IP', '127.0.0.1'],
    ['User-Agent', 'GoogleHC/1.0'],
    ['GAP-Signature', 'sha1 x'],
    ['GAP-Auth', 'root@example.com'],
  ];

  test.each(FORGED)('is no login: %s', async (...header) => {
    refused(await send({ headers: [header] }), 401);
  });

  test.each(FORGED)('does not change who is logged in: %s', async (...header) => {
    for (const login of [
      ['Cookie', session],
      ['Authorization', `Bearer ${token}`],
    ] as [string, string][]) {
      expect((await send({ headers: [header, login, header] })).status).toBe(200);
      const [{ headers }] = signOn.upstream.take();
      expect(headers['x-forwarded-user']).toBe('alice@example.com');
      const { 'x-forwarded-user': _, 'x-forwarded-for': __, ...others } = headers;
      const claims = Object.entries(others).filter(([name]) =>
        /auth.?request|forwarded.?(user|email|groups|pref|access)/.test(name),
      );
      expect(claims).toEqual([]);
    }
  });

  test.each(FORGED)('does not give groups to who has none: %s', async (name) => {
    refused(
      await send({
        headers: [
          [name, 'ml-people'],
          ['Cookie', otherGroup],
        ],
      }),
      403,
    );
  });

  test('does not change the name of a program', async () => {
    const headers: [string, string][] = [
      ['X-Forwarded-User', 'root@example.com'],
      ['Cookie', session],
      ['Authorization', basic('scorer', 'scorer-secret')],
    ];
    expect((await send({ headers })).status).toBe(200);
    expect(signOn.upstream.take()[0].headers['x-forwarded-user']).toBe('scorer');
  });

  test('cannot be made of an e-mail address with a line break', async () => {
    const email = 'alice@example.com\r\nX-Forwarded-User: root@example.com\r\nX-Evil: 1';
    await bearer(await signOn.provider.token({ ...ALICE, email }));
    for (const { headers } of signOn.upstream.take()) {
      expect(headers['x-evil']).toBeUndefined();
      expect(headers['x-forwarded-user']).toMatch(/^alice@example\.com/);
    }
  });
});

describe('refuses a password', () => {
  test.each<[string, string]>([
    ['that is wrong', basic('scorer', 'wrong')],
    ['that is empty', basic('scorer', '')],
    ['of another program', basic('scorer', 'the-serving-secret')],
    ['with a space', basic('scorer', 'scorer-secret ')],
    ['of a program that does not exist', basic('nobody', 'scorer-secret')],
    ['of a person', basic('alice', 'alice-secret')],
    ["of the first login of the library's own", basic('mlflow', 'mlflow-secret')],
    ['of a program in capitals', basic('SCORER', 'scorer-secret')],
    ['of a program and a line break', basic('scorer\n', 'scorer-secret')],
    ['of the name of a file', basic('program.scorer', 'scorer-secret')],
    ['of a path', basic('../programs/program.scorer', 'scorer-secret')],
    ['of an empty user', basic('', 'scorer-secret')],
    ['of the name none', basic('none', 'x')],
    ['under another scheme', `Bearer ${Buffer.from('scorer:scorer-secret').toString('base64')}`],
    ['that is no base64', 'Basic ????'],
    ['without a colon', `Basic ${Buffer.from('scorer').toString('base64')}`],
    ['that is nothing', 'Basic'],
    ['as a digest', 'Digest username="scorer", realm="MLflow Authentication", response="x"'],
  ])('%s', async (_, authorization) => {
    refused(await send({ headers: [['Authorization', authorization]] }), 401);
  });

  test('of a program with a role, and does not show by its answer that there is a role', async () => {
    const headers: [string, string][] = [['Authorization', basic('the-serving', 'wrong')]];
    refused(await send({ method: 'DELETE', headers }), 401);
  });

  test('and does not show by its answer whether there is a program of that name', async () => {
    const [known, unknown] = await Promise.all(
      ['scorer', 'nobody'].map(async (name) => {
        const { text } = await send({ headers: [['Authorization', basic(name, 'wrong')]] });
        const [head, body] = text.replace(/^(X-Request-ID|Date): .*$/gim, '$1').split('\r\n\r\n');
        return { head: head.split('\r\n').sort(), body };
      }),
    );
    expect(unknown).toEqual(known);
  });

  test('beside a session', async () => {
    refused(await withCookie(session, { headers: [['Authorization', basic('scorer', 'wrong')]] }), 401);
  });
});

describe('refuses an address', () => {
  test.each<[string, number]>([
    ['/oauth2/auth', 404],
    ['/oauth2/auth/', 404],
    ['/oauth2/auth?allowed_groups=other', 404],
    ['/oauth2/%61uth', 404],
    ['/oauth2/./auth', 404],
    ['/oauth2/start/../auth', 404],
    ['/oauth2/start%2f..%2fauth', 404],
    ['/oauth2/userinfo', 404],
    ['/oauth2/static/', 404],
    ['/oauth2/static/css/../../auth', 404],
    ['/oauth2/static/css/..%2f..%2fauth', 404],
    ['/oauth2/static/css/%252e%252e/%252e%252e/auth', 404],
    ['/oauth2/static/css//../../auth', 404],
    ['/oauth2//start', 404],
    ['/oauth2/start/', 404],
    ['/oauth2/start/x', 404],
    ['/oauth2/START', 404],
    ['/.login', 404],
    ['/%2elogin', 404],
    ['/.login-page', 404],
    ['/.error', 404],
    [`/oauth2/..${API}`, 401],
    [`/oauth2/%2e%2e${API}`, 401],
    [`/oauth2/..%2f${API}`, 401],
    [`/oauth2%2f..${API}`, 401],
    [`/oauth2//../..${API}`, 401],
    [`/oauth2/start/../..${API}`, 401],
    [`/oauth2/start%2f..%2f..${API}`, 401],
    [`/oauth2/callback/%2e%2e/%2E%2E${API}`, 401],
    [`/oauth2/static/../..${API}`, 401],
    [`/oauth2/static/css/../../..${API}`, 401],
    [`/oauth2/static/css/..%2f..%2f..${API}`, 401],
    [`/oauth2/start;/../..${API}`, 401],
    [`/oauth2/start/..;${API}`, 404],
    [`/oauth2/start%00/../..${API}`, 400],
    [`/health/..${API}`, 401],
    [`/health%2f..${API}`, 401],
    [`/health/..;${API}`, 401],
    [`/static-files/..${API}`, 401],
    [`/static-files/%2e%2e${API}`, 401],
    [`/static-files/..%2f${API.slice(1)}`, 401],
    [`/static-files/x/../..${API}`, 401],
    [`/logout/..${API}`, 401],
    [`//oauth2/start`, 401],
    [`//oauth2/..${API}`, 401],
    [`//static-files/x`, 401],
    [`/OAUTH2/start`, 401],
    [`/oauth2\\..${API.replace(/\//g, '\\')}`, 401],
    [`/oauth2#/..${API}`, 401],
    [`${API}#/../../../../../oauth2/start`, 401],
    [`${API}?/oauth2/start`, 401],
    [`${API}/../../../../../oauth2/../api/2.0/x`, 401],
    [`http://${HOST}${API}`, 401],
    [`http://evil.example/oauth2/..${API}`, 401],
  ])('%s', async (target, status) => {
    refused(await send({ target }), status);
  });

  test('%252e stays a file of the page', async () => {
    await send({ target: `/static-files/%252e%252e${API}` });
    for (const { path } of signOn.upstream.take()) expect(path).toBe(`/static-files/%2e%2e${API}`);
  });

  test('also to who is logged in, if it is one of oauth2-proxy', async () => {
    for (const target of ['/oauth2/auth', '/oauth2/userinfo', '/.login']) {
      refused(await withCookie(session, { target }), 404);
    }
  });
});

describe('refuses a request', () => {
  test.each<[string, Request, number]>([
    ['to trace it', { method: 'TRACE' }, 405],
    ['to connect', { method: 'CONNECT', target: '127.0.0.1:5000' }, 400],
    ['of an unknown method', { method: 'PROPFIND' }, 401],
    ['OPTIONS', { method: 'OPTIONS' }, 401],
    [
      'OPTIONS of another site',
      {
        method: 'OPTIONS',
        headers: [
          ['Origin', 'https://evil.example'],
          ['Access-Control-Request-Method', 'POST'],
        ],
      },
      401,
    ],
  ])('%s', async (_, request, status) => {
    refused(await send(request), status);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s that another site makes with the cookie', async (method) => {
    for (const site of ['cross-site', 'same-site']) {
      const headers: [string, string][] = [['Sec-Fetch-Site', site]];
      refused(await withCookie(session, { method, headers, body: '{}' }), 403);
      refused(await withCookie(session, { method, headers, body: '{}', target: '/graphql' }), 403);
      // An empty header is none, and a wrong login does not make the cookie count.
      refused(await withCookie(session, { method, headers: [...headers, ['Authorization', '']], body: '{}' }), 403);
      refused(await withCookie(session, { method, headers: [...headers, ['Authorization', 'x']], body: '{}' }), 401);
    }
    const headers: [string, string][] = [['Sec-Fetch-Site', 'same-origin']];
    expect((await withCookie(session, { method, headers, body: '{}' })).status).toBe(200);
  });

  test('but opens a link of another site', async () => {
    expect((await withCookie(session, { headers: [['Sec-Fetch-Site', 'cross-site']] })).status).toBe(200);
  });

  test.each(['/oauth2/start', '/oauth2/callback', '/oauth2/sign_out'])('in the body of one to %s', async (target) => {
    const hidden = `GET ${API} HTTP/1.1\r\nHost: ${HOST}\r\n\r\nGET /oauth2/userinfo HTTP/1.1\r\nHost: x\r\n\r\n`;
    expect((await send({ target, method: 'POST', body: hidden })).answers).toBe(1);
    refused(await send({ target, method: 'POST', body: 'x'.repeat(100_000) }), 413);
  });
});

describe('a login', () => {
  /** Begins a login and stops before the callback: its address, and the browser with the cookie of the attempt. */
  async function begun(account = 'alice', start = '/'): Promise<{ browser: Browser; callback: string }> {
    const browser = pod.browser(newAddress());
    const form = await browser.open(start);
    let page: Page = await browser.navigate(form.url, `account=${account}`);
    while (!page.headers.location!.startsWith(ORIGIN)) page = await browser.navigate(page.headers.location!);
    return { browser, callback: page.headers.location! };
  }

  const hasSession = (browser: Browser) => browser.cookies().has(COOKIE);

  test('without the cookie of the attempt is refused', async () => {
    const { browser, callback } = await begun();
    browser.cookies().clear();
    expect((await browser.navigate(callback)).status).toBe(403);
    expect(hasSession(browser)).toBe(false);
  });

  test("in the victim's browser with the attacker's code and state is refused", async () => {
    const attacker = await begun('bob');
    const victim = await begun('alice');
    expect((await victim.browser.navigate(attacker.callback)).status).toBe(403);
    expect(hasSession(victim.browser)).toBe(false);
  });

  test("in the victim's browser with the attacker's code and the victim's state is refused", async () => {
    const attacker = await begun('bob');
    const victim = await begun('alice');
    const callback = new URL(victim.callback);
    callback.searchParams.set('code', new URL(attacker.callback).searchParams.get('code')!);
    // The provider refuses the code, as it belongs to another PKCE challenge.
    expect((await victim.browser.navigate(callback.href)).status).toBe(500);
    expect(hasSession(victim.browser)).toBe(false);
  });

  test('with a code that was used before is refused', async () => {
    const { browser, callback } = await begun();
    const attempt = new Map(browser.cookies());
    expect((await browser.navigate(callback)).status).toBe(302);
    browser.cookies().clear();
    attempt.forEach((cookie, name) => browser.cookies().set(name, cookie));
    expect((await browser.navigate(callback)).status).toBe(500);
    expect(hasSession(browser)).toBe(false);
  });

  test('again with the same callback is refused without the cookie of the attempt', async () => {
    const { browser, callback } = await begun();
    expect((await browser.navigate(callback)).status).toBe(302);
    browser.cookies().delete(COOKIE);
    expect((await browser.navigate(callback)).status).toBe(403);
  });

  test.each<[string, (url: URL) => void, number]>([
    ['without a state', (url) => url.searchParams.delete('state'), 500],
    ['with another state', (url) => url.searchParams.set('state', 'x:/'), 403],
    ['with a longer state', (url) => url.searchParams.set('state', `x${url.searchParams.get('state')}`), 403],
    ['without a code', (url) => url.searchParams.delete('code'), 500],
    ['with another code', (url) => url.searchParams.set('code', 'x'), 500],
    ["with the provider's refusal", (url) => url.searchParams.set('error', 'access_denied'), 403],
  ])('%s is refused', async (_, change, status) => {
    const { browser, callback } = await begun();
    const url = new URL(callback);
    change(url);
    expect((await browser.navigate(url.href)).status).toBe(status);
    expect(hasSession(browser)).toBe(false);
  });

  test('does not show HTML of its address', async () => {
    const evilText = '<script>alert(1)</script>';
    for (const name of ['error', 'error_description', 'state', 'rd', 'code']) {
      const answer = await send({ target: `/oauth2/callback?${name}=${encodeURIComponent(evilText)}&state=x` });
      expect(answer.text).not.toContain(evilText);
    }
  });

  const EVIL_TARGETS = [
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '/\\/evil.example',
    '\\\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/\t\\evil.example',
    '/\n/evil.example',
    '/\r\n/evil.example',
    '/\x0b/evil.example',
    '/ /evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '\t//evil.example',
    ' //evil.example',
    'evil.example',
    '@evil.example',
    '.evil.example',
    ':80@evil.example',
    'https://evil.example',
    'HTTPS://evil.example',
    'http://evil.example/',
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'ftp://evil.example',
    `https://${HOST}@evil.example`,
    `https://${HOST}.evil.example`,
    `https://evil.example#${HOST}`,
    `https://evil.example?${HOST}`,
    `https://evil.example\\@${HOST}`,
    '%2f%2fevil.example',
    '%2f%5cevil.example',
    '/%0d%0aLocation:%20https://evil.example',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
  ];

  test.each(EVIL_TARGETS)('does not lead to %j', async (rd) => {
    const browser = pod.browser(newAddress());
    const form = await browser.open(`/oauth2/start?rd=${encodeURIComponent(rd)}`);
    // The browser's own resolution of the address: it throws if that leads to another host.
    expect(new URL((await browser.open(form.url, { account: 'alice' })).url).origin).toBe(ORIGIN);
  });

  test.each(EVIL_TARGETS)('does not lead to %j of an altered state', async (rd) => {
    const { browser, callback } = await begun();
    const url = new URL(callback);
    const [nonce] = url.searchParams.get('state')!.split(':');
    url.searchParams.set('state', `${nonce}:${encodeURIComponent(rd)}`);
    const { status, headers } = await browser.navigate(url.href);
    expect(status).toBe(302);
    expect(new URL(headers.location!, url).origin).toBe(ORIGIN);
  });

  test.each([
    ...EVIL_TARGETS,
    'provider.evil.example',
    'provider@evil.example',
    'provider\\@evil.example',
    'evil.example\\@provider',
    'evil.example#@provider',
  ])('sign-out does not lead to %j', async (target) => {
    const { host } = new URL(signOn.provider.issuer);
    const rd = target.includes('provider') ? `http://${target.replace('provider', host)}` : target;
    const { status, location } = await withCookie(session, { target: `/oauth2/sign_out?rd=${encodeURIComponent(rd)}` });
    expect(status).toBe(302);
    expect(new URL(location!, ORIGIN).origin).toBe(ORIGIN);
  });

  test.each<[string, string]>([
    ['of a domain that begins alike', 'eve@example.com.evil.example'],
    ['of a domain that ends alike', 'eve@notexample.com'],
    ['of a domain below', 'eve@sub.example.com'],
    ['with two domains, the right one first', 'eve@example.com@evil.example'],
    ['with two domains, the right one last', 'eve@evil.example@example.com'],
    ['with a comma', 'eve@evil.example,example.com'],
    ['without a domain', 'example.com'],
  ])('of an e-mail address %s gets 403', async (_, email) => {
    const name = `eve ${email}`;
    await signOn.provider.account(name, { email, email_verified: true, groups: ['ml-people'] });
    refused(await withCookie(await sessionOf(name)), 403);
  });
});
