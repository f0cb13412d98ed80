// A cluster that chooses the user of each pod, as OpenShift's constraint `restricted-v2` does: the platform trains, serves,
// dumps, backs up, and proves the backup.
import { Duration, Size } from 'cdk8s';
import { BackupTarget, RegisteredModel } from '../../lib';
import { ClientPod } from '../lib/client-pod';
import { jobOf } from '../lib/cron-job';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { ServingPlatform } from '../lib/serving-platform';

/** No image knows it. OpenShift takes both from the range of the namespace, and leaves the main group to be root's. */
const USER = 1000660000;

/** What `restricted-v2` does to a pod: it refuses a user, and writes its own. */
function admit(object: any): void {
  const template = object.spec?.jobTemplate?.spec.template ?? object.spec?.template;
  if (!template) return;
  const { containers, initContainers = [], securityContext } = template.spec;
  for (const context of [securityContext, ...[...containers, ...initContainers].map((each) => each.securityContext)]) {
    const fixed = ['runAsUser', 'runAsGroup', 'fsGroup'].filter((field) => field in context);
    if (fixed.length > 0) throw new Error(`${object.kind} ${object.metadata.name} is refused: ${fixed}`);
  }
  Object.assign(securityContext, { runAsUser: USER, fsGroup: USER });
}

const platform = new ServingPlatform(
  'mlflow-e2e-assigned-users',
  (mlflow, models) => {
    mlflow.addModelServing('line', {
      chart: models,
      model: RegisteredModel.byAlias('line', 'champion'),
      resources: little,
      replicas: 1,
      startTimeout: Duration.seconds(300),
    });
  },
  {
    pods: { clusterAssignsUsers: true, jobResources: { cpu: little.cpu } },
    postgres: { resources: little, storage: Size.gibibytes(1), metrics: true },
    backup: {
      schedule: '0 2 * * *',
      target: BackupTarget.claim({ claimName: 'backups' }),
      dumpSpace: Size.gibibytes(1),
      drill: { databaseSpace: Size.gibibytes(2) },
      resources: { cpu: little.cpu },
    },
    deployer: { resources: little },
  },
  admit,
);
const { namespace, models } = platform;

jest.setTimeout(1_200_000);

beforeAll(async () => {
  platform.remove();
  platform.apply();
  namespace.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await platform.untilServerReady(400);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) platform.remove();
});

test('a model is trained, registered and served', async () => {
  const lines = Lines.start(namespace);
  lines.train();
  lines.setAlias('champion', '1');
  await until('the serving is Ready', 300, () => platform.pods('line').some(isReady));
  const caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);
  expect(caller.predictions()).toEqual(lines.predictions['1']);
});

test('every program runs as the user of the namespace', () => {
  const { items } = namespace.json<{ items: any[] }>('get', 'pods', '--selector', 'app.kubernetes.io/part-of=mlflow');
  const running = items.filter(isReady);
  expect(running.length).toBeGreaterThanOrEqual(4);
  for (const pod of running) {
    for (const { name } of pod.spec.containers) {
      const { status, stdout } = namespace.try(['exec', pod.metadata.name, '-c', name, '--', 'cat', '/proc/1/status']);
      // Images without `cat` are checked by the kubelet, which refuses a root user.
      if (status === 0) expect([name, /^Uid:\t(\d+)/m.exec(stdout)![1]]).toEqual([name, String(USER)]);
    }
  }
});

test('a backup succeeds, and its drill restores it into a PostgreSQL of its own', async () => {
  const backup = await jobOf(namespace, 'backup-1', 'mlflow-backup');
  expect(backup.log).toMatch(/The backup \d{8}T\d{6}Z is complete: 1 databases, /);
  const drill = await jobOf(namespace, 'drill-1', 'mlflow-restore-drill');
  expect(drill.log).toMatch(/is proven: 1 databases/);
  expect([backup.succeeded, drill.succeeded]).toEqual([true, true]);
});

test('a restarted database finds its data', async () => {
  namespace.kubectl('delete', 'pod', 'mlflow-postgres-0', '--wait');
  await until('PostgreSQL is Ready', 120, () => {
    const pod = namespace.try(['get', 'pod', 'mlflow-postgres-0', '--output', 'json']);
    return pod.status === 0 && isReady(JSON.parse(pod.stdout));
  });
  const psql = ['psql', '-U', 'postgres', '-d', 'mlflow', '-qAtc', 'SELECT count(*) FROM model_versions'];
  expect(namespace.kubectl('exec', 'mlflow-postgres-0', '-c', 'postgres', '--', ...psql).trim()).toBe('5');
});
