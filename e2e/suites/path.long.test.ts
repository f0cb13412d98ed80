// A path of a host that other programs share, and a second host: MLflow's own client and a real browser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { Exposure, MlflowPlatform, Tls } from '../../lib';
import { Browser, SCREENSHOTS } from '../lib/browser';
import { certificateFor, tlsSecret } from '../lib/certificate';
import { loginOf } from '../lib/client';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { plainHttp } from '../lib/plain-http';
import { little, Platform } from '../lib/platform';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { Traefik } from '../lib/traefik';

const [HOST, OTHER] = ['tools.example.com', 'models.example.com'];
const PATH = '/ml/mlflow';
const namespace = new Namespace('mlflow-e2e-path');
const traefik = new Traefik();
const tls = certificateFor(HOST, OTHER);
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: 1 },
    exposure: Exposure.ingress({
      host: HOST,
      otherHosts: [OTHER],
      path: PATH,
      className: traefik.className,
      tls: Tls.fromSecret('certificate'),
    }),
  });
});
let ports: { http: number; https: number };

const text = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8');

beforeAll(async () => {
  namespace.remove();
  platform.synth().apply();
  namespace.create(tlsSecret('certificate', tls));
  traefik.start();
  await platform.untilReady(1, 300);
  ports = await traefik.forward();
  const health = async () => (await plainHttp(ports.http, HOST, `${PATH}/health`)).status === 308;
  await until('Traefik has the route', 60, health);
});

afterAll(() => {
  traefik.leave();
  if (process.env.E2E_KEEP) return;
  traefik.remove();
  namespace.remove();
});

test.each([HOST, OTHER])('plain http of %s is redirected to its own https', async (host) => {
  const answer = await plainHttp(ports.http, host, `${PATH}/api/2.0/mlflow/experiments/get?experiment_id=0`);
  const location = `https://${host}${PATH}/api/2.0/mlflow/experiments/get?experiment_id=0`;
  expect(answer).toEqual({ status: 308, location, asks: undefined });
});

test('a host has nothing of the platform outside the path', async () => {
  expect((await plainHttp(ports.http, HOST, '/health')).status).toBe(404);
});

test.each([HOST, OTHER])("MLflow's own client trains, registers and moves artifacts at %s", (host) => {
  const pod = ClientPod.start(namespace, `client-${host.split('.')[0]}`, {
    hosts: { [host]: traefik.address() },
    env: {
      MLFLOW_TRACKING_URI: `https://${host}${PATH}`,
      MLFLOW_TRACKING_SERVER_CERT_PATH: '/tmp/authority.pem',
    },
    secrets: throughTheProxy().secrets,
  });
  try {
    expect(pod.run(['tee', '/tmp/authority.pem'], { input: tls.authority })).toMatchObject({ status: 0 });
    const trained = pod.python(text('seed', 'train_with_mlflow.py'));
    expect([trained.status, trained.stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(trained.stdout).toContain(`View run random-forest-v1 at: https://${host}${PATH}/#/experiments/`);
    const moved = pod.python(program('transfer.py'), ['20']);
    expect([moved.status, moved.stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(moved.stdout).toContain('"same": true');
  } finally {
    pod.remove();
  }
});

describe('a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await Browser.start([HOST, OTHER], ports.https, tls.certificate);
  });
  afterAll(() => browser?.stop());

  test.each([HOST, OTHER])(
    'shows the pages at %s without an error and without a request outside the path',
    async (host) => {
      const { errors, elsewhere } = await browser.visit(loginOf(namespace, 'mlflow-basic-auth'), async ({ page }) => {
        const outside: string[] = [];
        page.on('request', (request: { url(): string }) => {
          const { pathname, protocol } = new URL(request.url());
          if (protocol === 'https:' && !pathname.startsWith(`${PATH}/`)) outside.push(pathname);
        });
        await page.goto(`https://${host}${PATH}/`);
        await page.getByText('Recent Experiments').waitFor();
        await page.getByRole('link', { name: 'customer-churn-prediction' }).click();
        await page.getByText('Training runs').waitFor();
        await page.goto(`https://${host}${PATH}/#/experiments/1/runs`);
        await page.getByRole('link', { name: 'random-forest-v1' }).first().click();
        await page.getByRole('tab', { name: 'Artifacts' }).click();
        await page.getByText('feature_importances.png').click();
        const figure = page.getByRole('img', { name: 'feature_importances.png' });
        await figure.waitFor();
        expect(await figure.evaluate((image: any) => image.naturalWidth)).toBe(1000);
        await page.goto(`https://${host}${PATH}/#/models`);
        await page.getByRole('link', { name: 'churn-prediction-model' }).first().waitFor();
        await page.screenshot({ path: join(SCREENSHOTS, `models below a path of ${host}.png`) });
        expect(outside).toEqual([]);
      });
      expect([errors, elsewhere]).toEqual([[], []]);
    },
  );
});
