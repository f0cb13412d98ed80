// Options that platform.test.ts does not have: MLflow's own login, TLS to the database, a store of four pods, two servers.
import { Size } from 'cdk8s';
import { Authentication, MlflowPlatform } from '../../lib';
import { certificateFor } from '../lib/certificate';
import { basic, Login, loginOf, python } from '../lib/client';
import { Forward, Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { restarts } from '../lib/pods';

const namespace = new Namespace('mlflow-e2e-variant');
const platform = new Platform(namespace, 'team-a', (chart) => {
  const { server } = new MlflowPlatform(chart, 'team-a', {
    authentication: Authentication.mlflow(),
    postgres: { resources: little, storage: Size.gibibytes(1), tlsSecretName: 'database-tls' },
    minio: { resources: little, storage: Size.gibibytes(1), replicas: 4, versioning: true },
    server: { resources: little, proxyResources: little, replicas: 2 },
  });
  server.addServiceUser('trainer');
});
let forward: Forward;
let admin: Login;

const call = (path: string, login: Login, body?: object) =>
  fetch(`http://127.0.0.1:${forward.port}/api/2.0/mlflow/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { ...basic(login), 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });

/** A certificate for the database's Service, with its own certificate authority. */
function databaseCertificate(): void {
  const { authority, certificate, key } = certificateFor('team-a-postgres');
  const stringData = { 'ca.crt': authority, 'tls.crt': certificate, 'tls.key': key };
  namespace.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'database-tls' }, stringData });
}

beforeAll(async () => {
  namespace.remove();
  platform.synth();
  platform.apply();
  databaseCertificate();
  await platform.untilReady(2, 400, 4);
  forward = await namespace.forward('service/team-a-server', 5000);
  admin = loginOf(namespace, 'team-a-server-admin');
});

afterAll(() => {
  forward?.stop();
  if (!process.env.E2E_KEEP) namespace.remove();
});

describe("MLflow's own login", () => {
  test('starts both servers without a restart', () => {
    expect(platform.servers().map(restarts)).toEqual([0, 0]);
  });

  test('accepts the administrator and a service user, and refuses a wrong password and a forbidden change', async () => {
    expect((await call('users/current', { ...admin, password: 'wrong' })).status).toBe(401);
    const trainer = loginOf(namespace, 'team-a-server-trainer-login');
    const created = await call('experiments/create', admin, { name: 'of the admin' });
    expect(created.status).toBe(200);
    const { experiment_id } = (await created.json()) as { experiment_id: string };
    expect((await call(`experiments/get?experiment_id=${experiment_id}`, trainer)).status).toBe(200);
    const renamed = await call('experiments/update', trainer, { experiment_id, new_name: 'of the program' });
    expect(renamed.status).toBe(403);
  });

  test('is not needed for metrics on their own port', async () => {
    const metrics = await namespace.forward(`pod/${platform.servers()[0].metadata.name}`, 9090);
    try {
      expect((await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).status).toBe(200);
    } finally {
      metrics.stop();
    }
  });
});

test('the servers use TLS to the database, which refuses connections without it', () => {
  const psql = (query: string) =>
    namespace.kubectl('exec', 'team-a-postgres-0', '--', 'psql', '-U', 'postgres', '-Atc', query).trim().split('\n');
  const connections = psql("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'mlflow'");
  expect(new Set(connections)).toEqual(new Set(['t']));
  const plain = ['psql', 'host=127.0.0.1 user=mlflow dbname=mlflow sslmode=disable', '-c', 'SELECT 1'];
  const refused = namespace.try(['exec', 'team-a-postgres-0', '--', ...plain]);
  expect(refused.stderr).toContain('no encryption');
});

test('a store of four pods keeps a model, and old versions of objects', () => {
  const { status, stderr } = python('seed/train_with_mlflow.py', forward.port, admin);
  expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
  expect(python('seed/model_registry_aliases.py', forward.port, admin)).toMatchObject({ status: 0 });
  const script = `cd /run/secrets/mlflow; export MC_CONFIG_DIR=/tmp/mc
    printf '%s\\n%s\\n' "$(cat MINIO_ROOT_USER)" "$(cat MINIO_ROOT_PASSWORD)" | mc alias set store http://127.0.0.1:9000
    mc version info store/mlflow; mc admin info store`;
  const told = namespace.kubectl('exec', 'team-a-minio-0', '--', 'sh', '-c', script);
  expect(told).toContain('versioning is enabled');
  expect(told).toContain('4 drives online, 0 drives offline');
});
