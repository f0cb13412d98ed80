import { App, Chart, Duration, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import {
  AlertRules,
  AlertRulesProps,
  Backup,
  BackupTarget,
  Credentials,
  MinioStore,
  MlflowPlatform,
  MlflowPlatformProps,
  RegisteredModel,
  SeaweedStore,
  Tls,
  Exposure,
} from '../../lib';
import { ALERTS } from '../../lib/monitoring/alerts/alert';
import { Rendered, errorOf, ofKind, render, snapshotOf } from '../support/synth';

type Options = Omit<AlertRulesProps, 'platform'>;

/** The rules of a platform, in a chart of their own, as users write them. */
function alerted(options: Options = {}, props: MlflowPlatformProps = {}) {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  const alerts = new Chart(app, 'alerts', { namespace: 'mlflow' });
  const platform = new MlflowPlatform(chart, 'mlflow', props);
  new AlertRules(alerts, 'mlflow-alerts', { platform, ...options });
  return { app, chart, alerts, platform };
}

const rulesOf = (alerts: Chart): Rendered[] => render(alerts)[0].spec.groups.flatMap(({ rules }: Rendered) => rules);
const named = (rules: Rendered[], name: string) => rules.filter(({ alert }) => alert === name);
const withoutHashes = (objects: Rendered[]) => snapshotOf(objects).replace(/-[0-9a-f]{8}(?=[" ])/g, '-<hash>');

const all: Required<Options> = {
  labels: { release: 'prometheus' },
  alertLabels: { team: 'ml' },
  runbooks: 'https://wiki.example.com/mlflow-alerts',
  thresholds: {
    errorPercent: 1,
    serverLatency: Duration.seconds(2),
    servingLatency: Duration.seconds(30),
    connectionPercent: 90,
    volumePercent: 70,
    volumeFullWithin: Duration.days(3),
    backupAge: Duration.hours(8),
    drillAge: Duration.days(31),
    deployerLag: Duration.minutes(3),
    certificateTime: Duration.days(21),
  },
  disabledAlerts: ['MlflowBelowBudget'],
};

const backup = { schedule: '0 2 * * *', target: BackupTarget.claim({ claimName: 'backups' }) };

test('the rules of a platform without options are rendered like this', () => {
  expect(withoutHashes(render(alerted().alerts))).toMatchSnapshot();
});

test('rules with every option are rendered like this', () => {
  const { alerts, platform } = alerted(all, {
    backup,
    exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }),
    postgres: { metrics: true },
    minio: { metrics: true },
  });
  platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
  expect(withoutHashes(render(alerts))).toMatchSnapshot();
});

test('rules are in a chart of their own, so that the other applies to a cluster without the operator', () => {
  const { chart, alerts } = alerted();
  expect(render(alerts).map(({ kind }) => kind)).toEqual(['PrometheusRule']);
  expect(ofKind(render(chart), 'PrometheusRule')).toEqual([]);
});

test('rules change nothing of the platform', () => {
  const plain = new Chart(new App(), 'mlflow', { namespace: 'mlflow' });
  new MlflowPlatform(plain, 'mlflow');
  expect(render(alerted().chart)).toEqual(render(plain));
});

test('a serving that is added after the rules, in another chart, has alerts of its own namespace', () => {
  const { app, alerts, platform } = alerted();
  const chart = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
  platform.addModelServing('churn', { chart, model: RegisteredModel.byVersion('churn', '7') });
  const [down] = named(rulesOf(alerts), 'MlflowServingDown');
  expect(down.expr).toBe('absent(up{namespace="ml-serving", job="churn-serving-metrics"} == 1)');
  expect(down.labels).toEqual({ severity: 'critical', namespace: 'ml-serving', component: 'churn-serving' });
});

test('a store in another chart than its platform has alerts', () => {
  const app = new App();
  const [chart, stores, alerts] = ['mlflow', 'stores', 'alerts'].map(
    (id) => new Chart(app, id, { namespace: 'mlflow' }),
  );
  const artifacts = new SeaweedStore(stores, 'seaweedfs', { metrics: true });
  new AlertRules(alerts, 'rules', { platform: new MlflowPlatform(chart, 'mlflow', { artifacts }) });
  expect(named(rulesOf(alerts), 'MlflowStoreDown').map(({ expr }) => expr)).toEqual([
    'absent(up{namespace="mlflow", job="seaweedfs-metrics"} == 1)',
  ]);
});

test('a component without a platform has the alerts of its kind', () => {
  const { app, chart, platform } = alerted();
  const alerts = new Chart(app, 'more-alerts', { namespace: 'mlflow' });
  const nightly = new Backup(chart, 'nightly', { ...backup, server: platform.server });
  new AlertRules(alerts, 'nightly-alerts', { platform: nightly });
  expect(rulesOf(alerts).map(({ alert }) => alert)).toEqual(['MlflowBackupStale', 'MlflowBackupUnproven']);
});

test('an alert about a Job names the Job as it is rendered, so that one which was replaced does not count', () => {
  const { chart, alerts } = alerted();
  const [job] = ofKind(render(chart), 'Job').filter(({ metadata }) => metadata.name.includes('migration'));
  expect(named(rulesOf(alerts), 'MlflowMigrationFailed')[0].expr).toContain(`job_name="${job.metadata.name}"`);
});

test('an object that a JSON patch renames is watched by its new name', () => {
  const { alerts, platform } = alerted();
  platform.apiObject('server/disruption-budget').addJsonPatch(JsonPatch.replace('/metadata/name', 'renamed'));
  expect(named(rulesOf(alerts), 'MlflowBelowBudget')[0].expr).toContain('poddisruptionbudget="renamed"');
});

test('a database and a store without metrics are watched by kube-state-metrics', () => {
  const rules = rulesOf(alerted().alerts);
  expect([...named(rules, 'MlflowDatabaseDown'), ...named(rules, 'MlflowStoreDown')].map(({ expr }) => expr)).toEqual([
    'kube_statefulset_status_replicas_ready{namespace="mlflow", statefulset="mlflow-postgres"} < 1',
    'kube_statefulset_status_replicas_ready{namespace="mlflow", statefulset="mlflow-minio"} < 1',
  ]);
  expect(named(rules, 'MlflowDatabaseConnections')).toEqual([]);
});

test.each([
  ['0 2 * * *', 30 * 3600],
  ['*/30 * * * *', 30 * 3600],
  ['@hourly', 30 * 3600],
  ['0 2 * * 0', 210 * 3600],
  ['@weekly', 210 * 3600],
  ['0 2 1 * *', 930 * 3600],
  ['0 2 1 * 1', 210 * 3600],
  ['@monthly', 930 * 3600],
  ['0 2 1 1 *', 10_980 * 3600],
])('a backup with the schedule %s is stale after %i s', (schedule, age) => {
  const { alerts } = alerted({}, { backup: { ...backup, schedule } });
  expect(named(rulesOf(alerts), 'MlflowBackupStale')[0].expr).toMatch(new RegExp(`> ${age}$`));
});

test('a suspended drill has an alert only with an age', () => {
  const suspended = { backup: { ...backup, drill: { suspend: true } } };
  const drillAge = Duration.days(31);
  expect(named(rulesOf(alerted({}, suspended).alerts), 'MlflowBackupUnproven')).toHaveLength(0);
  expect(named(rulesOf(alerted({ thresholds: { drillAge } }, suspended).alerts), 'MlflowBackupUnproven')).toHaveLength(
    1,
  );
});

test.each(Object.keys(ALERTS))('%s can be left out', (name) => {
  const props = { backup, exposure: Exposure.ingress({ host: 'a.example.com', tls: Tls.fromIssuer('ca') }) };
  const options = { postgres: { metrics: true }, ...props };
  const withServing = (disabledAlerts: string[]) => {
    const { alerts, platform } = alerted({ disabledAlerts }, options);
    platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
    return named(rulesOf(alerts), name).length;
  };
  expect(withServing([])).toBeGreaterThan(0);
  expect(withServing([name])).toBe(0);
});

test('every alert has one severity, a summary, a description and the URL of its runbook', () => {
  for (const { alert, labels, annotations } of rulesOf(alerted().alerts)) {
    expect(labels.severity).toBe(ALERTS[alert]);
    expect(Object.keys(annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
    expect(annotations.runbook_url).toMatch(new RegExp(`/docs/how-to/alerts\\.md#${alert.toLowerCase()}$`));
  }
});

test.each<[string, Options, string]>([
  ['a percentage of 0', { thresholds: { errorPercent: 0 } }, 'thresholds.errorPercent is 0; expected a share'],
  ['a percentage of 100', { thresholds: { volumePercent: 100 } }, 'thresholds.volumePercent is 100; expected a share'],
  ['a percentage of NaN', { thresholds: { connectionPercent: NaN } }, 'thresholds.connectionPercent is NaN; expected'],
  [
    'a latency above the histogram',
    { thresholds: { serverLatency: Duration.seconds(10) } },
    'thresholds.serverLatency is 10 seconds; expected whole seconds, from 1 to 9',
  ],
  [
    'a latency above the histogram of servings',
    { thresholds: { servingLatency: Duration.seconds(60) } },
    'thresholds.servingLatency is 60 seconds; expected whole seconds, from 1 to 59',
  ],
  [
    'a lag of less than two scrapes',
    { thresholds: { deployerLag: Duration.seconds(60) } },
    'thresholds.deployerLag is 60 seconds; expected whole seconds, at least 120',
  ],
  [
    'an unknown alert',
    { disabledAlerts: ['ServerDown'] },
    "a name of disabledAlerts is 'ServerDown'; expected one of '",
  ],
  [
    'a label that alerts have',
    { alertLabels: { severity: 'page' } },
    "a key of alertLabels is 'severity'; expected a key",
  ],
  ['a label with a dash', { alertLabels: { 'my-team': 'ml' } }, "a key of alertLabels is 'my-team'; expected letters"],
  ['a runbook that is no URL', { runbooks: 'docs' }, "runbooks is 'docs'; expected a URL without a fragment"],
  ['a runbook with a fragment', { runbooks: 'https://a.b/c#d' }, "runbooks is 'https://a.b/c#d'; expected a URL"],
])('refuses %s', (_, options, message) => {
  expect(errorOf(() => alerted(options))).toContain(`alerts/mlflow-alerts: ${message}`);
});

test('refuses a platform that has no component', () => {
  const chart = new Chart(new App(), 'alerts', { namespace: 'mlflow' });
  const platform = new Construct(chart, 'nothing');
  expect(errorOf(() => new AlertRules(chart, 'rules', { platform }))).toBe(
    'alerts/rules: platform is alerts/nothing, which has no component; expected a MlflowPlatform or a component, e.g. platform: mlflow',
  );
});

test('refuses a component without a namespace at synth, because alerts of two namespaces could not be told apart', () => {
  const app = new App();
  const login = Credentials.fromSecret('login');
  const store = new MinioStore(new Chart(app, 'stores'), 'minio', { credentials: login, rootCredentials: login });
  const alerts = new Chart(app, 'alerts');
  new AlertRules(alerts, 'rules', { platform: store });
  expect(errorOf(() => render(alerts))).toContain(
    "[alerts/rules] the chart of stores/minio has no namespace; expected one, new Chart(app, 'mlflow', { namespace: 'mlflow' })",
  );
});

test('a JSON patch reaches every field of the PrometheusRule', () => {
  const chart = new Chart(new App(), 'mlflow', { namespace: 'mlflow' });
  const rules = new AlertRules(chart, 'rules', { platform: new MlflowPlatform(chart, 'mlflow') });
  rules.apiObject('prometheus-rule').addJsonPatch(JsonPatch.add('/spec/groups/0/interval', '1m'));
  expect(ofKind(render(chart), 'PrometheusRule')[0].spec.groups[0].interval).toBe('1m');
});
