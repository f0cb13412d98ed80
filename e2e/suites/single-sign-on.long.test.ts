// Authentication.oidc with a certified provider, a real browser and MLflow's own client.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { Authentication, Credentials, Exposure, MlflowPlatform, Tls, TrackingServer } from '../../lib';
import { Browser, SCREENSHOTS, Visit } from '../lib/browser';
import { certificateFor, tlsSecret } from '../lib/certificate';
import { basic, loginOf } from '../lib/client';
import { ClientPod } from '../lib/client-pod';
import { memoryOf } from '../lib/memory';
import { Namespace } from '../lib/namespace';
import { OpenIdProvider } from '../lib/openid-provider';
import { plainHttp } from '../lib/plain-http';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { Traefik } from '../lib/traefik';

const HOST = 'mlflow.example.com';
const namespace = new Namespace('mlflow-e2e-sso');
const traefik = new Traefik();
const provider = new OpenIdProvider(namespace, HOST);
const tls = certificateFor(HOST, provider.host);
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const { server, database, artifacts } = new MlflowPlatform(chart, 'mlflow', {
    exposure: Exposure.ingress({ host: HOST, className: traefik.className, tls: Tls.fromSecret('certificate') }),
    authentication: Authentication.oidc({
      issuer: provider.issuer,
      clientId: 'mlflow',
      credentials: Credentials.fromSecret('mlflow-sso'),
      groups: ['ml-people'],
      scopes: ['openid', 'email', 'groups'],
      logoutUrl: `${provider.issuer}/session/end`,
      authoritySecretName: 'company-ca',
      // The port of the controller's pods, where the provider is.
      egress: [{ peer: { namespaceLabels: { 'kubernetes.io/metadata.name': traefik.namespace.name } }, port: 8443 }],
    }),
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: 2 },
  });
  server.addServiceUser('notebooks');
  // Servers with other logins, only to compare what a login costs.
  const others = { open: Authentication.none(), basic: Authentication.basic(), own: Authentication.mlflow() };
  for (const [name, authentication] of Object.entries(others)) {
    new TrackingServer(chart, name, {
      ...{ database, artifacts, authentication, replicas: 2, resources: little, proxyResources: little },
    });
  }
});
let ports: { http: number; https: number };
let browser: Browser;
let client: ClientPod;

const text = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8');
const alice = { sub: 'alice', email: 'alice@example.com', groups: ['ml-people'] };

/** A request of a program through the platform's Service. */
async function ask(path: string, headers: Record<string, string>): Promise<Response> {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const answer = await fetch(`http://127.0.0.1:${forward.port}${path}`, { headers });
    return new Response(await answer.text(), { status: answer.status, headers: answer.headers });
  } finally {
    forward.stop();
  }
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const status = async (headers: Record<string, string>) => (await ask('/version', headers)).status;

async function logIn({ page }: Visit, account: string, path = '/'): Promise<void> {
  await page.goto(`https://${HOST}${path}`);
  await page.locator('input[name=account]').fill(account);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** A browser without a password, which nobody asks for. */
const visit = (look: (visit: Visit) => Promise<void>) => browser.visit({ username: '', password: '' }, look);

beforeAll(async () => {
  namespace.remove();
  traefik.start();
  platform.synth();
  namespace.kubectl('create', 'namespace', namespace.name);
  namespace.create(tlsSecret('certificate', tls));
  namespace.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'mlflow-sso' },
    stringData: { 'client-secret': provider.clientSecret },
  });
  namespace.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'company-ca' },
    stringData: { 'ca.crt': tls.authority },
  });
  provider.start(tls, {
    className: traefik.className,
    service: `traefik.${traefik.namespace.name}.svc.cluster.local`,
  });
  platform.apply();
  await platform.untilReady(2, 400);
  ports = await traefik.forward();
  await until('Traefik has the route', 60, async () => (await plainHttp(ports.http, HOST, '/health')).status === 308);
  browser = await Browser.start([HOST, provider.host], ports.https, tls.certificate);
});

afterAll(async () => {
  client?.remove();
  await browser?.stop();
  traefik.leave();
  if (process.env.E2E_KEEP) return;
  traefik.remove();
  namespace.remove();
});

describe('a person with a browser', () => {
  test('logs in at the provider, and then sees the page that was asked for', async () => {
    const { errors } = await visit(async (seen) => {
      await logIn(seen, 'alice', '/#/models');
      await seen.page.waitForURL(`https://${HOST}/#/models`);
      await seen.page.getByText('Create Model').first().waitFor();
      await seen.page.screenshot({ path: join(SCREENSHOTS, 'after single sign-on.png') });
      // The session is good for any server, and for scripts of the page.
      const answers = await seen.page.evaluate(async () => {
        const search = { method: 'POST', body: '{"max_results":1}', headers: { 'Content-Type': 'application/json' } };
        const all = Array.from({ length: 8 }, () => fetch('/ajax-api/2.0/mlflow/experiments/search', search));
        return (await Promise.all(all)).map((answer) => answer.status);
      });
      expect(answers).toEqual(Array(8).fill(200));
      const cookies = await seen.page.context().cookies(`https://${HOST}`);
      expect(cookies).toEqual([
        expect.objectContaining({ name: '__Host-mlflow', secure: true, httpOnly: true, sameSite: 'Lax', path: '/' }),
      ]);
    });
    // The first page is answered 401, with the way to the login. The provider has no icon.
    const others = errors.filter((error) => error.includes(HOST) && !/^401 |status of 401/.test(error));
    expect(others).toEqual([]);
  });

  test('who logs out has to log in again at the provider', async () => {
    await visit(async (seen) => {
      const { page } = seen;
      await logIn(seen, 'alice');
      await page.getByText('Recent Experiments').waitFor();
      await page.goto(`https://${HOST}/logout`);
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByText('You are logged out').waitFor();
      expect(page.url()).toMatch(`https://${HOST}/oauth2/signed-out`);
      await page.getByRole('link', { name: 'Log in again' }).click();
      await page.locator('input[name=account]').waitFor();
    });
  });

  test('without one of the groups gets 403, and no second login', async () => {
    await visit(async (seen) => {
      await logIn(seen, 'bob');
      await seen.page.getByText('PERMISSION_DENIED').waitFor();
      expect(seen.page.url()).toBe(`https://${HOST}/`);
    });
  });

  test('with 200 groups logs in', async () => {
    await visit(async (seen) => {
      await logIn(seen, 'carol');
      await seen.page.getByText('Recent Experiments').waitFor();
    });
  });
});

describe("MLflow's own client with a token", () => {
  beforeAll(async () => {
    client = ClientPod.start(namespace, 'client', {
      hosts: { [HOST]: traefik.address() },
      env: {
        MLFLOW_TRACKING_URI: `https://${HOST}`,
        MLFLOW_TRACKING_SERVER_CERT_PATH: '/tmp/authority.pem',
        MLFLOW_TRACKING_TOKEN: await provider.token(alice),
      },
    });
    expect(client.run(['tee', '/tmp/authority.pem'], { input: tls.authority })).toMatchObject({ status: 0 });
  });

  test('trains and registers a model, and the run belongs to the person of the token', () => {
    const { status: code, stderr } = client.python(text('seed', 'train_with_mlflow.py'));
    expect([code, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    const { stdout } = client.python(
      "import mlflow; r = mlflow.search_runs(search_all_experiments=True); print(set(r['tags.mlflow.user']))",
    );
    expect(stdout.trim()).toBe("{'alice@example.com'}");
  });

  test('uploads an artifact of 300 MiB, whose body never waits at the login', () => {
    const { status: code, stdout, stderr } = client.python(program('transfer.py'), ['300']);
    expect([code, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/"same": true/);
    process.stdout.write(`300 MiB with a token: ${stdout.trim().split('\n').pop()} s\n`);
  });

  test('is refused at once without a right token', () => {
    const { stderr } = client.python(
      "import os, time, mlflow; os.environ['MLFLOW_TRACKING_TOKEN'] = 'x'; t = time.time()\n" +
        'try: mlflow.search_experiments()\n' +
        'except mlflow.MlflowException as e: assert e.error_code == "UNAUTHENTICATED" and time.time() - t < 5, (e, time.time() - t)\n' +
        'else: assert False',
    );
    expect(stderr).not.toContain('Error');
  });
});

test('a token and a session cost a request little more than a password', async () => {
  let cookie = '';
  await visit(async (seen) => {
    await logIn(seen, 'alice');
    await seen.page.getByText('Recent Experiments').waitFor();
    const [session] = await seen.page.context().cookies(`https://${HOST}`);
    cookie = `${session.name}=${session.value}`;
  });
  const [sso, other] = [
    (headers: object) => ({ server: 'mlflow-server:5000', headers }),
    (name: string, headers = {}) => ({ server: `${name}:5000`, headers }),
  ];
  const kinds = {
    none: other('open'),
    basic: other('basic', basic(loginOf(namespace, 'basic-basic-auth'))),
    mlflow: other('own', basic(loginOf(namespace, 'own-admin'))),
    'oidc, password of a program': sso(basic(loginOf(namespace, 'mlflow-server-notebooks-login'))),
    'oidc, cookie': sso({ cookie }),
    'oidc, token': sso(bearer(await provider.token(alice))),
  };
  const servers = () => platform.pods('app.kubernetes.io/part-of=mlflow,app.kubernetes.io/component=server');
  await until('all servers are Ready', 300, () => servers().filter(isReady).length === 8);
  const found = await client.report<Record<string, { rate: number; p99: number }>>(
    'login_load.py',
    JSON.stringify(kinds),
  );
  const memory = memoryOf(namespace, servers()).map(
    ({ container, used }) => `${container} ${Math.round(used / 2 ** 20)} MiB`,
  );
  process.stdout.write(`requests/s and p99 in ms by login: ${JSON.stringify(found)}\n${memory.join('\n')}\n`);
  for (const kind of ['oidc, cookie', 'oidc, token']) expect(found[kind].rate).toBeGreaterThan(0.8 * found.basic.rate);
});

test('the log has the names, and no token', async () => {
  const token = await provider.token({ ...alice, email: 'dora@example.com' });
  expect(await status(bearer(token))).toBe(200);
  const logs = () => namespace.kubectl('logs', '--selector=app=mlflow-server', '--container=nginx', '--tail=-1');
  await until('the line of the request', 30, () => logs().includes('"user":"dora@example.com"'));
  expect(logs()).not.toContain(token.split('.')[2]);
});

test('a program with a password of the platform needs no provider', async () => {
  const login = loginOf(namespace, 'mlflow-server-notebooks-login');
  await until('the password is there', 120, async () => (await status(basic(login))) === 200);
  expect(await status(basic({ ...login, password: 'wrong' }))).toBe(401);
});

test('a new key of the provider counts without a restart', async () => {
  await provider.rotate();
  expect(await status(bearer(await provider.token(alice)))).toBe(200);
});

test('while the provider is away, tokens and passwords go on', async () => {
  const token = await provider.token(alice);
  expect(await status(bearer(token))).toBe(200);
  provider.scale(0);
  try {
    expect(await status(bearer(token))).toBe(200);
    expect(await status(basic(loginOf(namespace, 'mlflow-server-notebooks-login')))).toBe(200);
    const answer = await ask('/ajax-api/2.0/mlflow/experiments/search', { accept: '*/*' });
    expect([answer.status, await answer.json()]).toEqual([
      401,
      expect.objectContaining({ error_code: 'UNAUTHENTICATED' }),
    ]);
  } finally {
    provider.scale(1);
  }
});

test('oauth2-proxy stays below 64 MiB', async () => {
  for (const { metadata } of platform.servers()) {
    const forward = await namespace.forward(`pod/${metadata.name}`, 44180);
    try {
      const metrics = await (await fetch(`http://127.0.0.1:${forward.port}/metrics`)).text();
      const used = Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)![1]) / 1024 / 1024;
      process.stdout.write(`oauth2-proxy of ${metadata.name}: ${used.toFixed(0)} MiB\n`);
      expect(used).toBeLessThan(64);
    } finally {
      forward.stop();
    }
  }
});
