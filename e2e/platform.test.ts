import { basic, Login, loginOf, python } from './lib/client';
import { Forward, kubectl, kubectlJson, portForward, run } from './lib/kubectl';
import { apply, manifest, pods, remove, restarts, synth, untilReady, versions } from './lib/platform';

const SERVERS = 3;
let forward: Forward;
let admin: Login;

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${forward.port}${path}`, { headers });

beforeAll(async () => {
  remove();
  synth();
  const start = Date.now();
  apply();
  await untilReady(SERVERS, 300);
  process.stdout.write(`apply to ${SERVERS} servers Ready: ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
  forward = await portForward('service/mlflow-server', 5000);
  admin = loginOf('mlflow-basic-auth');
});

afterAll(() => {
  forward?.stop();
  if (!process.env.E2E_KEEP) remove();
});

describe('apply', () => {
  test('all servers start at once without a restart', () => {
    const servers = pods('app=mlflow-server');
    expect(servers.map(restarts)).toEqual(servers.map(() => 0));
    expect(servers.length).toBeGreaterThanOrEqual(SERVERS);
  });

  test('exactly one migration ran', () => {
    const jobs = kubectlJson<{ items: any[] }>('get', 'jobs', '--selector', 'app.kubernetes.io/component=migration');
    expect(jobs.items.map((job) => job.status.succeeded)).toEqual([1]);
    expect(pods('app.kubernetes.io/component=migration')).toHaveLength(1);
  });

  test('applying again changes nothing', () => {
    const before = versions();
    apply();
    expect(versions()).toEqual(before);
    expect(run('kubectl', ['diff', '--filename', manifest])).toMatchObject({ status: 0, stdout: '' });
  });

  test('the checks of a person find it in order', () => {
    kubectl('wait', '--for=condition=ready', 'pod/mlflow-postgres-0', '--timeout=5m');
    kubectl('wait', '--for=condition=ready', 'pod', '--selector', 'app=mlflow-server', '--timeout=5m');
    const psql = kubectl('exec', 'mlflow-postgres-0', '--', 'psql', '-U', 'mlflow', '-c', 'SELECT version();');
    expect(psql).toContain('PostgreSQL 17');
  });
});

describe('login', () => {
  test('/health is open, everything else asks who comes', async () => {
    expect((await get('/health')).status).toBe(200);
    for (const path of ['/', '/version', '/api/2.0/mlflow/experiments/get?experiment_id=0']) {
      const answer = await get(path);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="MLflow Authentication"');
    }
  });

  test('the generated administrator, and a program with a user of its own, come in', async () => {
    const path = '/api/2.0/mlflow/experiments/get?experiment_id=0';
    expect((await get(path, basic(admin))).status).toBe(200);
    expect((await get(path, basic(loginOf('mlflow-server-trainer-login')))).status).toBe(200);
    expect((await get(path, basic({ ...admin, password: 'wrong' }))).status).toBe(401);
  });

  test('/metrics is not among what the login opens', async () => {
    expect((await get('/metrics')).status).toBe(404);
    expect((await get('/metrics', basic(admin))).status).toBe(404);
  });
});

describe('train, register, load', () => {
  test('the training script logs a run and registers a model', () => {
    const { status, stdout, stderr } = python('seed/train_with_mlflow.py', forward.port, admin);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/Run ID: [0-9a-f]{32}/);
  });

  test('the registry script moves it by stage, loads it and predicts', () => {
    const { status, stdout, stderr } = python('seed/model_registry_ops.py', forward.port, admin);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toContain('Model version 1 moved to Production');
    expect(stdout).toMatch(/Predictions: \[[01 ]+\]/);
  });

  test('an alias finds it, and it predicts as it did', () => {
    const { status, stdout, stderr } = python('seed/model_registry_aliases.py', forward.port, admin);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/Champion: version 1, READY/);
  });

  test('without the login the same script is refused', () => {
    const { status, stderr } = python('seed/model_registry_aliases.py', forward.port, { ...admin, password: 'wrong' });
    expect(status).not.toBe(0);
    expect(stderr).toContain('UNAUTHENTICATED: User name and password are required');
  });
});

describe('metrics', () => {
  test('every server tells what it answered, on the port for Prometheus alone', async () => {
    const [pod] = pods('app=mlflow-server');
    const http = await portForward(`pod/${pod.metadata.name}`, 8080);
    const metrics = await portForward(`pod/${pod.metadata.name}`, 9090);
    try {
      const path = '/api/2.0/mlflow/experiments/get?experiment_id=0';
      await fetch(`http://127.0.0.1:${http.port}${path}`, { headers: basic(admin) });
      const answer = await fetch(`http://127.0.0.1:${metrics.port}/metrics`);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('mlflow_http_request_total');
      expect((await fetch(`http://127.0.0.1:${metrics.port}/health`)).status).toBe(404);
    } finally {
      http.stop();
      metrics.stop();
    }
  });
});

