// Each row of docs/how-to/run-a-job-again.md, and names of the greatest length that synth accepts.
import { Duration, Size } from 'cdk8s';
import { MlflowPlatform, MlflowPlatformProps } from '../../lib';
import { Login, loginOf } from '../lib/client';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { run, until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';
import { changed, untilSettled } from '../lib/settled';

const small: MlflowPlatformProps = {
  postgres: { resources: little, storage: Size.gibibytes(1) },
  minio: { resources: little, storage: Size.gibibytes(1) },
  server: { resources: little, proxyResources: little, replicas: 1, drainTimeout: Duration.seconds(10) },
};
const mlflow = (id: string, namespace: Namespace, program = 'trainer') =>
  new Platform(namespace, id, (chart) => void new MlflowPlatform(chart, id, small).server.addServiceUser(program));

describe('a Job that is deleted and applied again:', () => {
  const namespace = new Namespace('mlflow-e2e-clean-jobs');
  const platform = mlflow('mlflow', namespace);
  const OLD = 'logged before anything changed';
  let admin: Login;
  let logged: string;

  /** The two commands of the page. kubectl waits until the pods of the Job are deleted too. */
  const again = (component: string) => {
    namespace.kubectl('delete', 'job', '--selector', `app.kubernetes.io/component=${component}`);
    platform.apply();
  };
  const ended = (component: string, how: 'Complete' | 'Failed') =>
    namespace.kubectl(
      ...['wait', 'job', '--selector', `app.kubernetes.io/component=${component}`],
      ...[`--for=condition=${how}`, '--timeout=180s'],
    );
  const restart = () => {
    namespace.kubectl('rollout', 'restart', 'deployment/mlflow-server');
    namespace.kubectl('rollout', 'status', 'deployment/mlflow-server', '--timeout=180s');
  };
  const change = (name: string, key: string, value: string) => {
    const secret = namespace.json('get', 'secret', name);
    secret.data[key] = Buffer.from(value).toString('base64');
    const { status, stderr } = namespace.try(['replace', '--filename', '-'], { input: JSON.stringify(secret) });
    if (status !== 0) throw new Error(stderr);
  };
  const psql = (query: string) =>
    namespace
      .kubectl('exec', 'mlflow-postgres-0', '--', 'psql', '-U', 'postgres', '-d', 'mlflow', '-Atc', query)
      .trim();
  /** The access keys of the store, without that of the root user. */
  const keys = () => {
    const script = `cd /run/secrets/mlflow; export MC_CONFIG_DIR=/tmp/mc
      printf '%s\\n%s\\n' "$(cat MINIO_ROOT_USER)" "$(cat MINIO_ROOT_PASSWORD)" |
        mc alias set store http://127.0.0.1:9000 >/dev/null
      mc admin user list store --json`;
    const lines = namespace.kubectl('exec', 'mlflow-minio-0', '--', 'sh', '-c', script).trim().split('\n');
    return lines.map((line) => JSON.parse(line).accessKey);
  };

  beforeAll(async () => {
    namespace.remove();
    platform.synth().apply();
    await untilSettled(platform, 1, 500);
    admin = loginOf(namespace, 'mlflow-basic-auth');
    logged = await logRun(platform, admin, OLD);
  });

  afterAll(() => {
    if (!process.env.E2E_KEEP) namespace.remove();
  });

  test('credentials generates the values of a deleted Secret anew and keeps the other Secrets', async () => {
    const other = namespace.secret('mlflow-s3-secret', 'AWS_ACCESS_KEY_ID');
    namespace.kubectl('delete', 'secret', 'mlflow-basic-auth');
    again('credentials');
    ended('credentials', 'Complete');
    const renewed = loginOf(namespace, 'mlflow-basic-auth');
    expect(renewed.username).toBe(admin.username);
    expect(renewed.password).not.toBe(admin.password);
    expect(namespace.secret('mlflow-s3-secret', 'AWS_ACCESS_KEY_ID')).toBe(other);
    // Without a restart, as soon as the kubelet has updated the mounted file.
    await until('the new password takes effect', 180, () =>
      readRun(platform, renewed, OLD, logged).then(
        () => true,
        () => false,
      ),
    );
    await expect(readRun(platform, admin, OLD, logged)).rejects.toThrow('UNAUTHENTICATED');
    admin = renewed;
  });

  test("postgres-set-up sets the changed password of MLflow's database role", async () => {
    change('mlflow-postgres-mlflow-secret', 'password', 'a new one: / & % @');
    again('postgres-set-up');
    ended('postgres-set-up', 'Complete');
    restart();
    await readRun(platform, admin, OLD, logged);
    await logRun(platform, admin, 'with the new password');
  });

  test("minio-set-up creates MLflow's new access key and deletes the old one", async () => {
    const old = namespace.secret('mlflow-s3-secret', 'AWS_ACCESS_KEY_ID');
    expect(keys()).toEqual([old]);
    namespace.kubectl('delete', 'secret', 'mlflow-s3-secret');
    again('credentials');
    ended('credentials', 'Complete');
    again('minio-set-up');
    ended('minio-set-up', 'Complete');
    restart();
    await readRun(platform, admin, OLD, logged);
    await logRun(platform, admin, 'with the new key');
    const renewed = namespace.secret('mlflow-s3-secret', 'AWS_ACCESS_KEY_ID');
    expect(renewed).not.toBe(old);
    expect(keys()).toEqual([renewed]);
  });

  test('migration logs why it is refused, and succeeds after the cause is removed', async () => {
    const revision = psql('SELECT version_num FROM alembic_version');
    psql("UPDATE alembic_version SET version_num = 'fedcba987654'");
    again('migration');
    ended('migration', 'Failed');
    const log = namespace.kubectl('logs', '--selector', 'app.kubernetes.io/component=migration', '--tail=-1');
    expect(log).toContain('was upgraded by a newer MLflow');
    expect(platform.servers().filter(isReady)).toHaveLength(1);
    psql(`UPDATE alembic_version SET version_num = '${revision}'`);
    again('migration');
    ended('migration', 'Complete');
    await readRun(platform, admin, OLD, logged);
  });

  test('any of them leaves no difference between the YAML and the cluster', async () => {
    await untilSettled(platform, 1, 180);
    expect(namespace.try(['diff', '--filename', platform.manifest])).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('names of the greatest allowed length, applied server-side:', () => {
  const namespace = new Namespace('mlflow-e2e-longest'.padEnd(63, '-name'));
  const id = 'a-platform-with-a-very-long-name'.padEnd(37, 'x');
  const program = 'a-program-with-a-long-name'.padEnd(58, 'x');
  const platform = mlflow(id, namespace, program);

  beforeAll(async () => {
    namespace.remove();
    platform.synth().apply('--server-side');
    await untilSettled(platform, 1, 500);
  });

  afterAll(() => {
    if (!process.env.E2E_KEEP) namespace.remove();
  });

  test.each([
    ['platform', () => mlflow(`${id}x`, namespace), 'at most 37 characters'],
    ['namespace', () => mlflow(id, new Namespace(`${namespace.name}x`)), 'at most 63 characters'],
    ['program', () => mlflow(id, namespace, `${program}x`), 'at most 58'],
  ])('synth refuses a %s name that is one character longer', (_, longer, said) => {
    expect(() => longer().synth()).toThrow(said);
  });

  test('a service user reads the run that the administrator logged', async () => {
    const logged = await logRun(platform, loginOf(namespace, `${id}-basic-auth`), 'long');
    await readRun(platform, loginOf(namespace, `${id}-server-${program}-login`), 'long', logged);
  });

  test('a second server-side apply changes nothing, and kubectl diff is empty', () => {
    const before = platform.versions();
    platform.apply('--server-side');
    expect(changed(before, platform.versions())).toEqual([]);
    const diff = run('kubectl', ['diff', '--server-side', '--filename', platform.manifest]);
    expect(diff).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
