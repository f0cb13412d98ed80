import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { basic, Login, loginOf, python } from '../lib/client';
import { Forward, Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady, restarts } from '../lib/pods';

const SERVERS = 3;
const EXPERIMENT = '/api/2.0/mlflow/experiments/get?experiment_id=0';
const namespace = new Namespace('mlflow-e2e');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const { server } = new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, autoscaling: { maxReplicas: 4 } },
  });
  server.addServiceUser('trainer');
});
let forward: Forward;
let admin: Login;

const get = (path: string, headers: Record<string, string> = {}, { port } = forward) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers });

beforeAll(async () => {
  namespace.remove();
  platform.synth();
  const start = Date.now();
  platform.apply();
  await platform.untilReady(SERVERS, 300);
  process.stdout.write(`apply to ${SERVERS} servers Ready: ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
  forward = await namespace.forward('service/mlflow-server', 5000);
  admin = loginOf(namespace, 'mlflow-basic-auth');
});

afterAll(() => {
  forward?.stop();
  if (!process.env.E2E_KEEP) namespace.remove();
});

describe('kubectl apply', () => {
  test('starts all servers without a restart', () => {
    const servers = platform.servers();
    expect(servers.map(restarts)).toEqual(servers.map(() => 0));
    expect(servers.length).toBeGreaterThanOrEqual(SERVERS);
  });

  test('runs exactly one migration', () => {
    const selector = ['--selector', 'app.kubernetes.io/component=migration'];
    const jobs = namespace.json<{ items: any[] }>('get', 'jobs', ...selector).items;
    expect(jobs.map((job) => job.status.succeeded)).toEqual([1]);
    expect(platform.pods('app.kubernetes.io/component=migration')).toHaveLength(1);
  });

  test('changes nothing the second time, and kubectl diff is empty', () => {
    const before = platform.versions();
    platform.apply();
    expect(platform.versions()).toEqual(before);
    expect(namespace.try(['diff', '--filename', platform.manifest])).toMatchObject({ status: 0, stdout: '' });
  });

  test('makes every workload available, and psql in the pod of the database works', () => {
    namespace.kubectl('wait', '--for=condition=available', 'deployment/mlflow-server', '--timeout=5m');
    for (const what of ['pod/mlflow-postgres-0', 'pod/mlflow-minio-0', '--selector=app=mlflow-server']) {
      namespace.kubectl(
        'wait',
        '--for=condition=ready',
        ...(what.startsWith('--') ? ['pod'] : []),
        what,
        '--timeout=5m',
      );
    }
    const psql = namespace.kubectl(
      'exec',
      'mlflow-postgres-0',
      '--',
      'psql',
      '-U',
      'mlflow',
      '-c',
      'SELECT version();',
    );
    expect(psql).toContain('PostgreSQL 17');
  });
});

describe('the login', () => {
  test('is needed for everything except /health', async () => {
    expect((await get('/health')).status).toBe(200);
    for (const path of ['/', '/version', EXPERIMENT]) {
      const answer = await get(path);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="MLflow Authentication"');
    }
  });

  test('accepts the generated administrator and a service user, and refuses a wrong password', async () => {
    expect((await get(EXPERIMENT, basic(admin))).status).toBe(200);
    expect((await get(EXPERIMENT, basic(loginOf(namespace, 'mlflow-server-trainer-login')))).status).toBe(200);
    expect((await get(EXPERIMENT, basic({ ...admin, password: 'wrong' }))).status).toBe(401);
  });

  test('does not give access to /metrics', async () => {
    expect((await get('/metrics')).status).toBe(404);
    expect((await get('/metrics', basic(admin))).status).toBe(404);
  });
});

describe('a logged-in user', () => {
  const post = (path: string, body: object) =>
    fetch(`http://127.0.0.1:${forward.port}${path}`, {
      method: 'POST',
      headers: { ...basic(admin), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  test("cannot reach MLflow's assistant, which runs commands for local clients", async () => {
    const told = await get('/ajax-api/3.0/mlflow/assistant/config', basic(admin));
    expect(await told.json()).toMatchObject({ providers: {} });
    expect((await get('/ajax-api/3.0/mlflow/assistant/sessions/1/stream', basic(admin))).status).toBe(404);
    expect((await post('/ajax-api/3.0/mlflow/assistant/message', { message: 'id' })).status).toBe(404);
  });

  test('cannot register the dumps of the database as a model version to read them', async () => {
    expect((await post('/api/2.0/mlflow/registered-models/create', { name: 'peek' })).status).toBe(200);
    const version = { name: 'peek', source: 's3://mlflow/backups' };
    expect((await post('/api/2.0/mlflow/model-versions/create', version)).status).toBe(400);
  });
});

describe("MLflow's own client", () => {
  test('logs a run and registers a model', () => {
    const { status, stdout, stderr } = python('seed/train_with_mlflow.py', forward.port, admin);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/Run ID: [0-9a-f]{32}/);
  });

  test('moves a version to a stage, loads it and predicts', () => {
    const { status, stdout, stderr } = python('seed/model_registry_ops.py', forward.port, admin);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toContain('Model version 1 moved to Production');
    expect(stdout).toMatch(/Predictions: \[[01 ]+\]/);
  });

  test('loads a version by its alias and gets the same predictions', () => {
    const { status, stdout, stderr } = python('seed/model_registry_aliases.py', forward.port, admin);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/Champion: version 1, READY/);
  });

  test('is refused with a wrong password', () => {
    const { status, stderr } = python('seed/model_registry_aliases.py', forward.port, { ...admin, password: 'wrong' });
    expect(status).not.toBe(0);
    expect(stderr).toContain('UNAUTHENTICATED: User name and password are required');
  });
});

describe('metrics', () => {
  test('are served by every server, only on the port for Prometheus', async () => {
    // If the cluster has metrics, the autoscaler may be adding a server that is not Ready.
    const pod = `pod/${platform.servers().filter(isReady)[0].metadata.name}`;
    const [http, metrics] = [await namespace.forward(pod, 8080), await namespace.forward(pod, 9090)];
    try {
      await get(EXPERIMENT, basic(admin), http);
      const answer = await get('/metrics', {}, metrics);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('mlflow_http_request_total');
      expect((await get('/health', {}, metrics)).status).toBe(404);
    } finally {
      http.stop();
      metrics.stop();
    }
  });
});
