import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, raw, statuses } from './nginx/client';
import { basic, Proxy, ssha } from './nginx/proxy';
import { Upstream } from './nginx/upstream';

let upstream: Upstream;
let proxy: Proxy;
const human = { authorization: basic('mlflow', 'human-secret') };

const get = async (path: string, authorization?: string, port = proxy.httpPort) =>
  ask({ port, path, headers: authorization === undefined ? {} : { authorization } });

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream);
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

describe('login', () => {
  test("answers 401 with the realm without a password, in MLflow's form, and MLflow gets no request", async () => {
    const answer = await get('/api/2.0/mlflow/experiments/search');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="MLflow Authentication"');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body)).toEqual({ error_code: 'UNAUTHENTICATED', message: expect.any(String) });
    expect(upstream.take()).toEqual([]);
  });

  test('forwards a request with a password, without the password', async () => {
    const headers = { ...human, 'proxy-authorization': human.authorization };
    const answer = await ask({ port: proxy.httpPort, path: '/x?y=1', method: 'POST', body: '{"a":1}', headers });
    expect(answer).toMatchObject({ status: 200, body: 'mlflow saw POST /x' });
    const [seen] = upstream.take();
    expect(seen).toMatchObject({ method: 'POST', url: '/x?y=1', body: '{"a":1}' });
    expect(Object.keys(seen.headers)).not.toEqual(expect.arrayContaining([expect.stringContaining('authorization')]));
  });

  test.each([
    ['a wrong password', basic('mlflow', 'wrong'), 401],
    ['an empty password', basic('mlflow', ''), 401],
    ['an empty user', basic('', 'human-secret'), 401],
    ['an unknown user', basic('nobody', 'human-secret'), 401],
    ['another spelling of the user', basic('MLflow', 'human-secret'), 401],
    ['a longer password', basic('mlflow', 'human-secret '), 401],
    ['the hash itself', basic('mlflow', '{SSHA}'), 401],
    ['an empty header', '', 401],
    ['no colon', `Basic ${Buffer.from('mlflow').toString('base64')}`, 401],
    ['no base64', 'Basic ????', 401],
    ['another scheme', 'Bearer human-secret', 401],
    ['an overlong password', basic('mlflow', 'x'.repeat(9_000)), 401],
    ['an overlong user', basic('x'.repeat(9_000), 'human-secret'), 401],
    ['a header above the limit', basic('mlflow', 'x'.repeat(20_000)), 400],
    ['two users, the second one right', `${basic('mlflow', 'wrong')}, ${basic('mlflow', 'human-secret')}`, 401],
    ['a line break in the user', basic('x\nmlflow', 'human-secret'), 401],
    ['a program', basic('deployer', 'deployer-secret'), 200],
    ['another program', basic('scorer', 'scorer-secret'), 200],
    ["a program with a human's entry of that name", basic('scorer', 'not-this-one'), 401],
    ["a program's password for a human, though its file says so", basic('mlflow', 'deployer-secret'), 401],
    ["one program's password for another", basic('scorer', 'deployer-secret'), 401],
    ['a human whose name differs from a program only in case', basic('Deployer', 'a-human'), 200],
    ['a program in capitals', basic('DEPLOYER', 'deployer-secret'), 401],
    ['a program and a line break', basic('deployer\n', 'deployer-secret'), 401],
    ['a program without its file', basic('missing', 'x'), 401],
  ])('%s', async (_, authorization, status) => {
    expect((await get('/', authorization)).status).toBe(status);
    expect(upstream.take()).toHaveLength(status === 200 ? 1 : 0);
  });

  test('refuses two Authorization headers', async () => {
    const header = `Authorization: ${human.authorization}\r\n`;
    const answer = await raw(
      proxy.httpPort,
      `GET / HTTP/1.1\r\nHost: x\r\n${header}${header}Connection: close\r\n\r\n`,
    );
    expect(statuses(answer)).toEqual([400]);
  });

  test('needs the password for every method', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      expect((await ask({ port: proxy.httpPort, method })).status).toBe(401);
    }
    expect(upstream.take()).toEqual([]);
  });

  test('uses a changed users file at once, also if Kubernetes updates the volume of a Secret', async () => {
    const volume = join(proxy.folder, 'users', 'volume');
    const version = (name: string, password: string) => {
      mkdirSync(join(volume, name), { recursive: true });
      writeFileSync(join(volume, name, 'auth'), `mlflow:${ssha(password)}`);
      symlinkSync(name, join(volume, '..data_tmp'));
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    version('..1', 'first');
    symlinkSync('..data/auth', join(volume, 'auth'));
    const usersFile = join(volume, 'auth');
    const other = await Proxy.start(upstream, {
      login: { kind: 'basic', realm: 'x', usersFile, programsFolder: '/nowhere' },
    });
    try {
      const status = async (password: string) => (await get('/', basic('mlflow', password), other.httpPort)).status;
      expect([await status('first'), await status('second')]).toEqual([200, 401]);
      version('..2', 'second');
      expect([await status('first'), await status('second')]).toEqual([401, 200]);
      writeFileSync(usersFile, `mlflow:${ssha('third')}\n`);
      expect([await status('second'), await status('third')]).toEqual([401, 200]);
    } finally {
      await other.stop();
    }
  });

  test('uses an added or removed service user and its role at once', async () => {
    const authorization = basic('late', 'late-secret');
    const file = (role: string) => join(proxy.folder, 'users/programs', `${role}.late`);
    const status = async (path: string) => (await get(path, authorization)).status;
    const [reads, lists] = ['/api/2.0/mlflow/model-versions/get', '/api/2.0/mlflow/registered-models/search'];
    expect(await status(reads)).toBe(401);
    writeFileSync(file('serving'), `late:${ssha('late-secret')}\n`);
    expect([await status(reads), await status(lists)]).toEqual([200, 403]);
    renameSync(file('serving'), file('program'));
    expect([await status(reads), await status(lists)]).toEqual([200, 200]);
    rmSync(file('program'));
    expect(await status(reads)).toBe(401);
  });

  test("forwards the header to MLflow's own login, and checks nothing itself", async () => {
    const other = await Proxy.start(upstream, { login: { kind: 'mlflow' } });
    try {
      upstream.answers.set('/refused', (_, response) => {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="mlflow"' }).end('own words');
      });
      expect((await get('/', 'Basic abc', other.httpPort)).status).toBe(200);
      expect((await get('/metrics', 'Basic abc', other.metricsPort)).status).toBe(200);
      expect(upstream.take().map((seen) => seen.headers.authorization)).toEqual(['Basic abc', 'Basic abc']);
      const refused = await get('/refused', undefined, other.httpPort);
      expect(refused).toMatchObject({ status: 401, body: 'own words' });
      expect(refused.headers['www-authenticate']).toBe('Basic realm="mlflow"');
    } finally {
      await other.stop();
    }
  });

  test('with no login needs no password, and forwards none', async () => {
    const other = await Proxy.start(upstream, { login: { kind: 'none' } });
    try {
      expect((await get('/', human.authorization, other.httpPort)).status).toBe(200);
      expect(upstream.take()[0].headers.authorization).toBeUndefined();
    } finally {
      await other.stop();
    }
  });
});

describe('ports', () => {
  test('serve without a login only /health', async () => {
    expect(await get('/health')).toMatchObject({ status: 200, body: 'mlflow saw GET /health' });
    for (const path of ['/health/', '/healthz', '/HEALTH', '//health', '/version']) {
      expect((await get(path)).status).toBe(401);
    }
    expect((await ask({ port: proxy.httpPort, path: '/health', method: 'POST', body: 'x' })).status).toBe(405);
    expect(upstream.take()).toHaveLength(1);
  });

  test('forward /health once a second to MLflow, however many requests arrive', async () => {
    let answers = 0;
    const asked = Date.now();
    upstream.answers.set('/health', (_, response) => {
      response.end(`answer ${++answers}`);
    });
    const flood = Array.from({ length: 1000 }, async () => get('/health'));
    expect(new Set((await Promise.all(flood)).map(({ status }) => status))).toEqual(new Set([200]));
    const seconds = (Date.now() - asked) / 1000;
    expect(upstream.take().length).toBeLessThanOrEqual(2 + Math.ceil(seconds));
    // After a second, nginx sends a request to MLflow again.
    const before = answers;
    while (answers === before) await get('/health');
    upstream.answers.delete('/health');
  });

  test('serve /metrics and nothing else on the metrics port', async () => {
    expect(await get('/metrics', undefined, proxy.metricsPort)).toMatchObject({ status: 200 });
    expect(upstream.take()[0]).toMatchObject({ url: '/metrics', headers: { host: 'localhost' } });
    for (const path of ['/', '/health', '/metrics/', '//metrics', '/api/2.0/mlflow/experiments/search', '/metricsx']) {
      expect((await get(path, human.authorization, proxy.metricsPort)).status).toBe(404);
    }
    expect((await ask({ port: proxy.metricsPort, path: '/metrics', method: 'POST' })).status).toBe(405);
    expect(upstream.take()).toEqual([]);
  });

  test('have no second port without metrics', async () => {
    const other = await Proxy.start(upstream, { metrics: false });
    try {
      await expect(get('/metrics', undefined, other.metricsPort)).rejects.toThrow('ECONNREFUSED');
    } finally {
      await other.stop();
    }
  });

  test('forward addresses and hosts as the client sent them', async () => {
    const names = ['a b', 'a+b', 'a%b', 'a?b', 'a#b', 'é', 'a;b', 'a&b=c', "a'b", 'a"b', 'a\\b', '~[{x}]', '日本'];
    for (const name of names) {
      const path = `/api/2.0/mlflow-artifacts/artifacts/1//${encodeURIComponent(name)}`;
      await ask({ port: proxy.httpPort, path: `${path}?q=%20%3F`, headers: { ...human, host: 'ml.example:8443' } });
      expect(upstream.take()[0]).toMatchObject({
        path: `/api/2.0/mlflow-artifacts/artifacts/1//${name}`,
        url: expect.stringMatching(/\?q=%20%3F$/),
        headers: { host: 'ml.example:8443' },
      });
    }
  });

  test('keep the headers of an Ingress if it is trusted', async () => {
    const forged = { 'x-forwarded-host': 'evil', forwarded: 'host=evil', 'x-forwarded-user': 'admin' };
    const headers = { ...human, ...forged, 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' };
    await ask({ port: proxy.httpPort, headers });
    const [seen] = upstream.take();
    expect(seen.headers).toMatchObject({ 'x-forwarded-for': '1.2.3.4, 127.0.0.1', 'x-forwarded-proto': 'https' });
    for (const name of Object.keys(forged)) expect(seen.headers[name]).toBeUndefined();
    for (const proto of ['ftp', 'https, http', '"']) {
      await ask({ port: proxy.httpPort, headers: { ...human, 'x-forwarded-proto': proto } });
      expect(upstream.take()[0].headers['x-forwarded-proto']).toBe('http');
    }
  });
});
