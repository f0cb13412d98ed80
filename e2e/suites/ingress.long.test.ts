// MLflow's own client and a real browser through an Ingress controller with TLS.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { Authentication, Exposure, MlflowPlatform, Tls } from '../../lib';
import { Browser, SCREENSHOTS } from '../lib/browser';
import { certificateFor, tlsSecret } from '../lib/certificate';
import { Login, loginOf } from '../lib/client';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { plainHttp } from '../lib/plain-http';
import { little, Platform } from '../lib/platform';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { Traefik } from '../lib/traefik';

const HOST = 'mlflow.example.com';
const OWN_LOGIN_HOST = 'own.example.com';
const namespace = new Namespace('mlflow-e2e-ingress');
const traefik = new Traefik();
const tls = certificateFor(HOST, OWN_LOGIN_HOST);
const exposure = (host: string) =>
  Exposure.ingress({ host, className: traefik.className, tls: Tls.fromSecret('certificate') });
const platformProps = (servers: number) => ({
  postgres: { resources: little, storage: Size.gibibytes(1) },
  minio: { resources: little, storage: Size.gibibytes(2) },
  server: { resources: little, proxyResources: little, replicas: servers },
});
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', { ...platformProps(2), exposure: exposure(HOST) });
});
const withOwnLogin = new Platform(
  namespace,
  'own',
  (chart) => {
    const authentication = Authentication.mlflow();
    new MlflowPlatform(chart, 'own', { ...platformProps(1), authentication, exposure: exposure(OWN_LOGIN_HOST) });
  },
  { shared: true },
);
let admin: Login;
let ports: { http: number; https: number };

const text = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8');

beforeAll(async () => {
  namespace.remove();
  for (const each of [platform, withOwnLogin]) each.synth().apply();
  namespace.create(tlsSecret('certificate', tls));
  traefik.start();
  await platform.untilReady(2, 300);
  await withOwnLogin.untilReady(1, 300);
  ports = await traefik.forward();
  await until('Traefik has the route', 60, async () => (await plainHttp(ports.http, HOST, '/health')).status === 308);
  admin = loginOf(namespace, 'mlflow-basic-auth');
});

afterAll(() => {
  traefik.leave();
  if (process.env.E2E_KEEP) return;
  traefik.remove();
  namespace.remove();
});

test('the Ingress redirects plain http to https and does not ask for a password first', async () => {
  for (const path of ['/', '/api/2.0/mlflow/experiments/get?experiment_id=0']) {
    const answer = await plainHttp(ports.http, HOST, path);
    expect(answer).toEqual({ status: 308, location: `https://${HOST}${path}`, asks: undefined });
  }
});

describe("MLflow's own client, by host name and TLS", () => {
  const client = () =>
    ClientPod.start(namespace, 'client', {
      hosts: { [HOST]: traefik.address() },
      env: { MLFLOW_TRACKING_URI: `https://${HOST}`, MLFLOW_TRACKING_SERVER_CERT_PATH: '/tmp/authority.pem' },
      secrets: throughTheProxy().secrets,
    });
  let pod: ClientPod;

  beforeAll(() => {
    pod = client();
  });
  afterAll(() => pod?.remove());

  test('refuses the certificate until it has the certificate authority', () => {
    const { status, stderr } = pod.python("import requests; requests.get('https://mlflow.example.com/health')");
    expect([status, stderr]).toEqual([1, expect.stringContaining('CERTIFICATE_VERIFY_FAILED')]);
    expect(pod.run(['tee', '/tmp/authority.pem'], { input: tls.authority })).toMatchObject({ status: 0 });
  });

  test('trains, and registers a model', () => {
    const { status, stdout, stderr } = pod.python(text('seed', 'train_with_mlflow.py'));
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toContain(`View run random-forest-v1 at: https://${HOST}/#/experiments/`);
  });

  test('uploads an artifact of 100 MiB and downloads it', () => {
    const { status, stdout, stderr } = pod.python(program('transfer.py'), ['100']);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/^\{"up": [\d.]+, "down": [\d.]+, "same": true\}$/m);
    process.stdout.write(`100 MiB through the Ingress: ${stdout.trim().split('\n').pop()} s\n`);
  });

  test('completes an upload that takes longer than a minute', () => {
    const { status, stdout, stderr } = pod.python(program('slow_upload.py'), ['65']);
    expect([status, stderr.slice(-2000)]).toEqual([0, '']);
    expect(stdout).toBe('200 same\n');
  });
});

describe('a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await Browser.start([HOST, OWN_LOGIN_HOST], ports.https, tls.certificate);
  });
  afterAll(() => browser?.stop());

  describe.each([
    ["the platform's", HOST, 'mlflow-basic-auth'],
    ["MLflow's own", OWN_LOGIN_HOST, 'own-server-admin'],
  ])('with %s login', (_, host, secret) => {
    test('gets 401 with a wrong password', async () => {
      const wrong = { ...loginOf(namespace, secret), password: 'wrong' };
      const { errors } = await browser.visit(wrong, async ({ page }) => {
        const answer = await page.goto(`https://${host}/`);
        expect(answer?.status()).toBe(401);
        expect(await page.title()).not.toBe('MLflow');
      });
      expect(errors).toContain(`401 https://${host}/`);
    });

    test('shows the home page with the right password, without an error and without a request to another host', async () => {
      const { errors, elsewhere } = await browser.visit(loginOf(namespace, secret), async ({ page }) => {
        await page.goto(`https://${host}/`);
        await page.getByText('Recent Experiments').waitFor();
        await page.getByRole('link', { name: 'Default' }).waitFor();
        await page.screenshot({ path: join(SCREENSHOTS, `home of ${host}.png`) });
      });
      expect([errors, elsewhere]).toEqual([[], []]);
    });
  });

  test('shows an experiment, its run and the figure of the run, without an error', async () => {
    const { errors, elsewhere } = await browser.visit(admin, async ({ page }) => {
      await page.goto(`https://${HOST}/`);
      await page.getByRole('link', { name: 'customer-churn-prediction' }).click();
      await page.getByText('Training runs').waitFor();
      await page.goto(`https://${HOST}/#/experiments/1/runs`);
      await page.getByRole('link', { name: 'random-forest-v1' }).click();
      await page.getByRole('link', { name: 'accuracy' }).waitFor();
      await page.screenshot({ path: join(SCREENSHOTS, 'run.png') });
      await page.getByRole('tab', { name: 'Artifacts' }).click();
      await page.getByText('feature_importances.png').click();
      const figure = page.getByRole('img', { name: 'feature_importances.png' });
      await figure.waitFor();
      expect(await figure.evaluate((image: any) => image.naturalWidth)).toBe(1000);
      await page.screenshot({ path: join(SCREENSHOTS, 'figure.png') });
    });
    expect([errors, elsewhere]).toEqual([[], []]);
  });
});
