// The alert rules in a real Prometheus: all stay silent on a healthy platform; a fault makes its alert fire, and mending it
// resolves the alert. docs/how-to/alerts.md. And the queries of the Grafana dashboard, on the same platform.
import { Chart, Duration, JsonPatch, Size } from 'cdk8s';
import { ROWS } from '../../docs/generate/dashboard-panels';
import {
  AlertRules,
  BackupTarget,
  MetricsMonitor,
  MlflowPlatform,
  PostgresStatefulSet,
  RegisteredModel,
} from '../../lib';
import { basic } from '../lib/client';
import { ClientPod } from '../lib/client-pod';
import { jobOf } from '../lib/cron-job';
import { Caller, Lines } from '../lib/lines';
import { little } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { Prometheus } from '../lib/prometheus';
import { ServingPlatform } from '../lib/serving-platform';
import { StateMetrics } from '../lib/state-metrics';

const labels = { release: 'mlflow-e2e' };
const interval = Duration.seconds(5);
/** In place of the minutes for which a fault must last. */
const PENDING = '10s';
const BACKUP_AGE = Duration.minutes(4);
const CLAIM = 'backups';

function watch(mlflow: MlflowPlatform, models: Chart): void {
  const serving = mlflow.addModelServing('line', {
    chart: models,
    model: RegisteredModel.byAlias('line', 'champion'),
    resources: little,
    startTimeout: Duration.seconds(120),
    replicas: 1,
  });
  const targets = {
    server: mlflow.server,
    deployer: mlflow.deployer,
    postgres: mlflow.database as PostgresStatefulSet,
    line: serving,
  };
  for (const [id, target] of Object.entries(targets)) {
    new MetricsMonitor(models, `${id}-monitor`, { target, labels, interval });
  }
  const rules = new AlertRules(models, 'alerts', {
    platform: mlflow,
    labels,
    thresholds: { backupAge: BACKUP_AGE, deployerLag: Duration.minutes(2), volumePercent: 99 },
  });
  const object = rules.apiObject('prometheus-rule');
  object
    .toJson()
    .spec.groups.forEach((group: any, at: number) =>
      group.rules.forEach((_: unknown, index: number) =>
        object.addJsonPatch(JsonPatch.replace(`/spec/groups/${at}/rules/${index}/for`, PENDING)),
      ),
    );
}

const platform = new ServingPlatform('mlflow-e2e-alerts', watch, {
  postgres: { resources: little, storage: Size.gibibytes(1), metrics: true, exporterResources: { cpu: little.cpu } },
  server: { resources: little, proxyResources: little, replicas: 1, spool: Size.gibibytes(1) },
  pods: { jobResources: { cpu: little.cpu } },
  backup: {
    schedule: '0 2 1 1 *',
    target: BackupTarget.claim({ claimName: CLAIM }),
    dumpSpace: Size.gibibytes(1),
    drill: { databaseSpace: Size.gibibytes(1) },
    resources: { cpu: little.cpu },
  },
});
const { namespace, models } = platform;
const prometheus = new Prometheus();
const stateMetrics = new StateMetrics(prometheus.namespace);
let lines: Lines;

const firing = () => prometheus.firing(namespace.name, models.name);

const fires = (alert: string, seconds = 180) =>
  until(`${alert} fires`, seconds, async () => (await firing()).includes(alert));

const resolves = (alert: string, seconds = 240) =>
  until(`${alert} resolves`, seconds, async () => !(await firing()).includes(alert));

/**
 * The first backup is due in January: its alert fires until a test has made one. A test cluster's volumes may be folders of
 * its node's disk, which images and other pods fill meanwhile.
 */
const EXPECTED = ['MlflowBackupStale', 'MlflowVolumeFullSoon'];
const others = async () => (await firing()).filter((alert) => !EXPECTED.includes(alert));

jest.setTimeout(1_200_000);

beforeAll(async () => {
  platform.remove();
  prometheus.start();
  stateMetrics.start();
  platform.apply();
  namespace.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: CLAIM },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await prometheus.untilReady();
  await platform.untilServerReady(400);
  lines = Lines.start(namespace);
  lines.train();
  lines.setAlias('champion', '1');
  await until('the serving is Ready', 240, () => platform.pods('line').some(isReady));
});

afterAll(() => {
  prometheus.leave();
  if (process.env.E2E_KEEP) return;
  stateMetrics.remove();
  prometheus.remove();
  platform.remove();
});

test('Prometheus loads every rule, and evaluates each without an error', async () => {
  const written = models.json('get', 'prometheusrule', 'alerts').spec.groups.flatMap(({ rules }: any) => rules);
  const loaded = await until('the rules are loaded and evaluated', 240, async () => {
    const rules = await prometheus.rules(models.name);
    return rules.length === written.length && rules.every(({ health }) => health !== 'unknown') && rules;
  });
  expect(loaded.filter(({ health }) => health !== 'ok')).toEqual([]);
});

test('every series that a rule reads exists on the platform', async () => {
  const rules = await prometheus.rules(models.name);
  const selectors = new Set(rules.flatMap(({ query }) => query.match(/[a-z_]+\{[^}]*\}/g) ?? []));
  /** What is there only after a fault: these matchers are left out, or the series itself. */
  const fault = /, ?(status|phase|condition)=~?"[^"]*"/g;
  const later = /^(kube_job_failed|kube_cronjob_status_last_successful_time|mlflow_serving_request_duration)/;
  const missing = async () => {
    const without: string[] = [];
    for (const selector of selectors) {
      if (later.test(selector)) continue;
      if ((await prometheus.query(selector.replace(fault, ''))).length === 0) without.push(selector);
    }
    return without;
  };
  await until('every series is scraped', 180, async () => (await missing()).length === 0).catch(() => undefined);
  expect(await missing()).toEqual([]);
});

test('no alert fires on a healthy platform', async () => {
  await until('no alert fires', 300, async () => (await others()).length === 0).catch(() => undefined);
  expect(await others()).toEqual([]);
});

test('MlflowServerDown fires while no server runs, and the deployer lags behind', async () => {
  namespace.kubectl('scale', 'deployment/mlflow-server', '--replicas=0');
  await fires('MlflowServerDown');
  await fires('MlflowDeployerLagging', 300);
  namespace.kubectl('scale', 'deployment/mlflow-server', '--replicas=1');
  await resolves('MlflowServerDown');
  await resolves('MlflowDeployerLagging');
});

test('MlflowLoginFailures fires while most passwords are wrong, and resolves', async () => {
  const server = await namespace.forward('service/mlflow-server', 5000);
  let stopped = false;
  // One at a time: the proxy answers one a second for each user.
  const guesses = (async () => {
    while (!stopped) {
      const headers = basic({ username: 'mlflow', password: 'wrong' });
      await fetch(`http://127.0.0.1:${server.port}/api/2.0/mlflow/experiments/get?experiment_id=0`, { headers });
    }
  })();
  try {
    await fires('MlflowLoginFailures', 420);
  } finally {
    stopped = true;
    await guesses;
    server.stop();
  }
  // The rate is that of 10 minutes.
  await resolves('MlflowLoginFailures', 900);
});

test('MlflowSpoolFilling fires while files fill the spool, and resolves without them', async () => {
  const inServer = (code: string) =>
    namespace.kubectl('exec', 'deployment/mlflow-server', '-c', 'mlflow', '--', 'python', '-c', code);
  inServer("f = open('/tmp/spool/full', 'wb')\nfor _ in range(870): f.write(bytes(2 ** 20))");
  await fires('MlflowSpoolFilling');
  inServer("import os; os.remove('/tmp/spool/full')");
  await resolves('MlflowSpoolFilling');
});

test('MlflowDatabaseDown fires while PostgreSQL does not run', async () => {
  namespace.kubectl('scale', 'statefulset/mlflow-postgres', '--replicas=0');
  await fires('MlflowDatabaseDown');
  namespace.kubectl('scale', 'statefulset/mlflow-postgres', '--replicas=1');
  await resolves('MlflowDatabaseDown');
});

test('MlflowDeployerWithoutLeader fires while no deployer runs', async () => {
  namespace.kubectl('scale', 'deployment/mlflow-deployer', '--replicas=0');
  await fires('MlflowDeployerWithoutLeader');
  namespace.kubectl('scale', 'deployment/mlflow-deployer', '--replicas=1');
  await resolves('MlflowDeployerWithoutLeader');
});

test('MlflowServingRolledBack fires after a version that cannot be loaded, and resolves with the alias', async () => {
  lines.setAlias('champion', '5');
  await fires('MlflowServingRolledBack', 420);
  lines.setAlias('champion', '1');
  await resolves('MlflowServingRolledBack');
});

test('MlflowServingDown fires while no pod of the serving runs', async () => {
  models.kubectl('scale', 'deployment/line-serving', '--replicas=0');
  await fires('MlflowServingDown');
  models.kubectl('scale', 'deployment/line-serving', '--replicas=1');
  await resolves('MlflowServingDown');
});

test('MlflowBackupStale fires without a recent backup, and resolves as soon as one is complete', async () => {
  await fires('MlflowBackupStale', 300);
  expect((await jobOf(namespace, 'backup-now', 'mlflow-backup')).succeeded).toBe(true);
  await resolves('MlflowBackupStale', 60);
});

test('MlflowSecretJobFailed fires after a Job that gave up, and resolves when the Job is run again', async () => {
  const [{ metadata, spec }] = namespace.json(
    'get',
    'job',
    '--selector',
    'app.kubernetes.io/component=credentials',
  ).items;
  const again = (command: string[]) => {
    const {
      'batch.kubernetes.io/controller-uid': _a,
      'controller-uid': _b,
      ...podLabels
    } = spec.template.metadata.labels;
    const [container] = spec.template.spec.containers;
    const template = {
      metadata: { labels: podLabels },
      spec: { ...spec.template.spec, containers: [{ ...container, command }] },
    };
    namespace.kubectl('delete', 'job', metadata.name);
    namespace.create({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: metadata.name, labels: metadata.labels },
      spec: { backoffLimit: 0, podFailurePolicy: spec.podFailurePolicy, template },
    });
  };
  again(['node', '-e', 'process.exit(2)']);
  await fires('MlflowSecretJobFailed');
  again(spec.template.spec.containers[0].command);
  await resolves('MlflowSecretJobFailed');
});

test('every query of the dashboard returns a series', async () => {
  const caller = new Caller(ClientPod.start(models, 'caller'), 'http://line-serving:8080/invocations', lines);
  await until('the serving answers', 240, () => caller.predictions() !== undefined);
  const values: Record<string, string> = {
    ...{ namespace: namespace.name, server: 'mlflow-server-metrics', database: 'mlflow-postgres-metrics' },
    ...{ deployer: 'mlflow-deployer-metrics', serving: '.+', serving_namespace: models.name, __rate_interval: '1m' },
  };
  const queries = Object.values(ROWS)
    .flat()
    .flatMap((panel) => Object.values(panel.queries).map((query) => ({ title: panel.title, query })));
  const empty = async () => {
    caller.predictions();
    const found: string[] = [];
    for (const { title, query } of queries) {
      const filled = query.replace(/\$(\w+)/g, (_, name) => values[name]);
      if ((await prometheus.query(filled)).length === 0) found.push(`${title}: ${filled}`);
    }
    return found;
  };
  await until('every query returns a series', 180, async () => (await empty()).length === 0).catch(() => undefined);
  expect(await empty()).toEqual([]);
});

test('no alert fires after everything was repaired', async () => {
  await until('no alert fires', 600, async () => (await others()).length === 0).catch(() => undefined);
  expect(await others()).toEqual([]);
});
