import { App, Chart } from 'cdk8s';
import { Series, checkRules, expectAnnotations, expectFiring } from './alert-rules/promtool';
import { ROWS } from '../../docs/generate/dashboard-panels';
import { AlertRules, MlflowPlatform } from '../../lib';
import { ALERTS } from '../../lib/monitoring/alerts/alert';
import { platforms } from '../support/platforms';
import { render } from '../support/synth';

/*
 * promtool of Prometheus itself evaluates the rules that the construct synthesizes, with series as the real exporters name
 * and label them. The alert fires with the series of `fires`, and does not with those of `silent`.
 */

function rulesOf(build: (chart: Chart) => MlflowPlatform): { spec: any; objects: any[] } {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  const alerts = new Chart(app, 'alerts', { namespace: 'mlflow' });
  new AlertRules(alerts, 'mlflow-alerts', { platform: build(chart) });
  return { spec: render(alerts)[0].spec, objects: render(chart) };
}

const { spec, objects } = rulesOf(platforms.full);
const job = (prefix: string) =>
  objects.find(({ kind, metadata }) => kind === 'Job' && metadata.name.startsWith(prefix)).metadata.name;

const scraped = (service: string, more = '') => `{namespace="mlflow", job="${service}-metrics", pod="a"${more}}`;
const server = (more = '') => scraped('mlflow-server', more);
const postgres = (more = '') => scraped('mlflow-postgres', more);
const minio = (more = '') => scraped('mlflow-minio', more);
const deployer = (more = '') => scraped('mlflow-deployer', more);
const churn = (more = '') => scraped('churn-serving', more);
const requests = (status: string, route = 'api') =>
  `mlflow_proxy_requests_total${server(`, route="${route}", status="${status}"`)}`;
const took = (le: string, route = 'api') =>
  `mlflow_proxy_request_duration_seconds_bucket${server(`, route="${route}", le="${le}"`)}`;
const logins = (outcome: string, credential = 'password') =>
  `mlflow_proxy_logins_total${server(`, credential="${credential}", outcome="${outcome}"`)}`;
const spool = (more = '') => `mlflow_spool${more}_bytes${server()}`;
const predictions = (status: string, path = '/invocations') =>
  `mlflow_serving_requests_total${churn(`, path="${path}", status="${status}"`)}`;
const predicted = (le: string) =>
  `mlflow_serving_request_duration_seconds_bucket${churn(`, path="/invocations", le="${le}"`)}`;
const budget = (what: string, name = 'mlflow-server') =>
  `kube_poddisruptionbudget_status_${what}{namespace="mlflow", poddisruptionbudget="${name}"}`;
const volume = (what: string, claim = 'postgres-data-mlflow-postgres-0', namespace = 'mlflow') =>
  `kubelet_volume_stats_${what}_bytes{namespace="${namespace}", persistentvolumeclaim="${claim}", node="n"}`;
const cronJob = (what: string, name: string) => `kube_cronjob_${what}{namespace="mlflow", cronjob="${name}"}`;
const failed = (prefix: string) =>
  `kube_job_failed{namespace="mlflow", job_name="${job(prefix)}", condition="true", reason="BackoffLimitExceeded"}`;
const info = (wanted: string, version: string, phase: string) =>
  `mlflow_deployer_version_info${deployer(
    `, exported_namespace="mlflow", deployment="churn-serving", model="churn", wanted="${wanted}", version="${version}", phase="${phase}"`,
  )}`;
const certificate = (labels: string) => `certmanager_certificate_expiration_timestamp_seconds{${labels}}`;

interface Case {
  readonly alert: string;
  readonly component: string;
  readonly fires: Series;
  readonly silent: Series;
  /** When both are evaluated. */
  readonly at?: string;
  /** Time between two samples and between two evaluations. */
  readonly step?: string;
  /** What differs from another case of the same alert. */
  readonly what?: string;
}

const DAY = 86_400;

const cases: Case[] = [
  {
    ...{ alert: 'MlflowServerDown', component: 'mlflow-server' },
    fires: { [`up${server()}`]: '0x60' },
    silent: { [`up${server()}`]: '1x60' },
  },
  {
    ...{ alert: 'MlflowServerDown', component: 'mlflow-server', what: 'of two pods one answers' },
    fires: { [`up{namespace="other", job="mlflow-server-metrics", pod="a"}`]: '1x60' },
    silent: { [`up${server()}`]: '0x60', [`up${scraped('mlflow-server').replace('"a"', '"b"')}`]: '1x60' },
  },
  {
    ...{ alert: 'MlflowServerErrors', component: 'mlflow-server' },
    fires: { [requests('2xx')]: '0+90x60', [requests('5xx')]: '0+10x60', [requests('2xx', 'ui')]: '0+900x60' },
    silent: {
      ...{ [requests('2xx')]: '0+99x60', [requests('5xx')]: '0+1x60', [requests('4xx')]: '0+50x60' },
      // The client asks for a signed URL, the kubelet for the health of a server that starts, and writes are paused.
      ...{ [requests('501')]: '0+90x60', [requests('5xx', 'health')]: '0+9x60', [requests('5xx', 'paused')]: '0+9x60' },
    },
  },
  {
    ...{ alert: 'MlflowServerErrors', component: 'mlflow-server', what: 'without a request' },
    fires: { [requests('5xx')]: '0+1x60' },
    silent: { [requests('2xx')]: '0x60', [requests('5xx')]: '0x60' },
  },
  {
    ...{ alert: 'MlflowServerSlow', component: 'mlflow-server' },
    fires: { [took('1.0')]: '0+90x60', [took('10.0')]: '0+100x60', [took('+Inf')]: '0+100x60' },
    silent: {
      ...{ [took('1.0')]: '0+100x60', [took('10.0')]: '0+100x60', [took('+Inf')]: '0+100x60' },
      // An upload of some GiB.
      ...{ [took('1.0', 'artifacts')]: '0x60', [took('10.0', 'artifacts')]: '0+100x60' },
      ...{ [took('+Inf', 'artifacts')]: '0+100x60' },
    },
  },
  {
    ...{ alert: 'MlflowLoginFailures', component: 'mlflow-server' },
    fires: { [logins('accepted')]: '0+60x60', [logins('refused')]: '0+10x60', [logins('limited')]: '0+30x60' },
    silent: {
      ...{ [logins('accepted')]: '0+90x60', [logins('refused')]: '0+10x60', [logins('forbidden')]: '0+90x60' },
      ...{ [logins('accepted', 'session')]: '0x60', [logins('refused', 'session')]: '0+100x60' },
    },
  },
  {
    ...{ alert: 'MlflowLoginFailures', component: 'mlflow-server', what: 'tokens only, or two mistyped passwords' },
    fires: {
      ...{ [logins('accepted')]: '0+900x60', [logins('refused')]: '0x60' },
      ...{ [logins('accepted', 'token')]: '0x60', [logins('refused', 'token')]: '0+10x60' },
    },
    silent: { [logins('accepted')]: '0x60', [logins('refused')]: '0x40 2x20' },
  },
  {
    ...{ alert: 'MlflowSpoolFilling', component: 'mlflow-server' },
    fires: { [spool()]: '81x60', [spool('_limit')]: '100x60' },
    silent: { [spool()]: '79x60', [spool('_limit')]: '100x60' },
  },
  {
    ...{ alert: 'MlflowSpoolFullSoon', component: 'mlflow-server' },
    fires: { [spool()]: '1000+10x60', [spool('_limit')]: '1800x60' },
    silent: { [spool()]: '1000+1x60', [spool('_limit')]: '1800x60' },
  },
  {
    ...{ alert: 'MlflowSpoolFullSoon', component: 'mlflow-server', what: 'less than half full' },
    fires: { [spool()]: '1000+10x60', [spool('_limit')]: '1800x60' },
    silent: { [spool()]: '0+10x60', [spool('_limit')]: '1080x60' },
  },
  {
    ...{ alert: 'MlflowBelowBudget', component: 'mlflow-server' },
    fires: { [budget('current_healthy')]: '1x60', [budget('desired_healthy')]: '2x60' },
    silent: {
      ...{ [budget('current_healthy')]: '2x60', [budget('desired_healthy')]: '2x60' },
      ...{ [budget('current_healthy', 'mlflow-minio')]: '1x60', [budget('desired_healthy', 'mlflow-minio')]: '2x60' },
    },
  },
  {
    ...{ alert: 'MlflowDatabaseDown', component: 'mlflow-postgres' },
    fires: { [`pg_up${postgres()}`]: '0x60', [`up${postgres()}`]: '1x60' },
    silent: { [`pg_up${postgres()}`]: '1x60' },
  },
  {
    ...{ alert: 'MlflowDatabaseConnections', component: 'mlflow-postgres' },
    fires: {
      [`pg_stat_database_numbackends${postgres(', datname="mlflow"')}`]: '80x60',
      [`pg_stat_database_numbackends${postgres(', datname="mlflow_auth"')}`]: '5x60',
      [`pg_settings_max_connections${postgres(', server="127.0.0.1:5432"')}`]: '100x60',
    },
    silent: {
      [`pg_stat_database_numbackends${postgres(', datname="mlflow"')}`]: '80x60',
      [`pg_settings_max_connections${postgres(', server="127.0.0.1:5432"')}`]: '100x60',
    },
  },
  {
    ...{ alert: 'MlflowStoreDown', component: 'mlflow-minio' },
    fires: { [`up${minio()}`]: '0x60' },
    silent: { [`up${minio()}`]: '1x60', [`minio_cluster_health_status${minio()}`]: '1x60' },
  },
  {
    ...{ alert: 'MlflowStoreDown', component: 'mlflow-minio', what: 'too few drives for a write' },
    fires: { [`up${minio()}`]: '1x60', [`minio_cluster_health_status${minio()}`]: '0x60' },
    silent: { [`up${minio()}`]: '1x60' },
  },
  {
    ...{ alert: 'MlflowVolumeFilling', component: 'mlflow-postgres' },
    fires: { [volume('available')]: '19x60', [volume('capacity')]: '100x60' },
    silent: {
      ...{ [volume('available')]: '21x60', [volume('capacity')]: '100x60' },
      // Of another platform.
      [volume('available', 'postgres-data-mlflow-postgres-0', 'other')]: '1x60',
      [volume('capacity', 'postgres-data-mlflow-postgres-0', 'other')]: '100x60',
    },
  },
  {
    ...{ alert: 'MlflowVolumeFilling', component: 'mlflow-minio', what: 'the last of four' },
    fires: {
      [volume('available', 'minio-data-mlflow-minio-3')]: '1x60',
      [volume('capacity', 'minio-data-mlflow-minio-3')]: '100x60',
    },
    silent: {
      [volume('available', 'minio-data-mlflow-minio-30')]: '1x60',
      [volume('capacity', 'minio-data-mlflow-minio-30')]: '100x60',
    },
  },
  {
    ...{ alert: 'MlflowVolumeFullSoon', component: 'mlflow-postgres', at: '7h30m', step: '10m' },
    fires: { [volume('available')]: '1000-10x45', [volume('capacity')]: '1800x45' },
    silent: { [volume('available')]: '1000-1x45', [volume('capacity')]: '1800x45' },
  },
  {
    ...{
      alert: 'MlflowVolumeFullSoon',
      component: 'mlflow-postgres',
      at: '7h30m',
      step: '10m',
      what: 'less than half full',
    },
    fires: { [volume('available')]: '1000-10x45', [volume('capacity')]: '1800x45' },
    silent: { [volume('available')]: '1000-10x45', [volume('capacity')]: '1050x45' },
  },
  {
    ...{ alert: 'MlflowBackupStale', component: 'mlflow-backup', at: '31h', step: '10m' },
    fires: { [cronJob('status_last_successful_time', 'mlflow-backup')]: '0x190' },
    silent: {
      [cronJob('status_last_successful_time', 'mlflow-backup')]: `${2 * 3600}x190`,
      [cronJob('created', 'mlflow-backup')]: '0x190',
    },
  },
  {
    ...{ alert: 'MlflowBackupStale', component: 'mlflow-backup', at: '31h', step: '10m', what: 'never succeeded' },
    fires: { [cronJob('created', 'mlflow-backup')]: '0x190' },
    silent: { [cronJob('created', 'mlflow-backup')]: `${2 * 3600}x190` },
  },
  {
    ...{ alert: 'MlflowBackupUnproven', component: 'mlflow-restore-drill', at: '9d', step: '1h' },
    fires: { [cronJob('status_last_successful_time', 'mlflow-restore-drill')]: '0x220' },
    silent: { [cronJob('status_last_successful_time', 'mlflow-restore-drill')]: `${DAY}x220` },
  },
  {
    ...{ alert: 'MlflowMigrationFailed', component: 'mlflow-server-migration' },
    fires: { [failed('mlflow-server-migration')]: '1x60' },
    silent: {
      [failed('mlflow-server-migration')]: '0x60',
      // Of an earlier image.
      ['kube_job_failed{namespace="mlflow", job_name="mlflow-server-migration-00000000", condition="true"}']: '1x60',
    },
  },
  {
    ...{ alert: 'MlflowMigrationSlow', component: 'mlflow-server-migration' },
    fires: { [`kube_job_status_active{namespace="mlflow", job_name="${job('mlflow-server-migration')}"}`]: '1x60' },
    silent: {
      [`kube_job_status_active{namespace="mlflow", job_name="${job('mlflow-server-migration')}"}`]: '1x20 0x40',
    },
  },
  {
    ...{ alert: 'MlflowSecretJobFailed', component: 'mlflow-credentials' },
    fires: { [failed('mlflow-credentials')]: '1x60' },
    silent: { [failed('mlflow-credentials')]: '0x60', [failed('mlflow-minio-set-up')]: '1x60' },
  },
  {
    ...{ alert: 'MlflowSetUpFailed', component: 'mlflow-minio-set-up' },
    fires: { [failed('mlflow-minio-set-up')]: '1x60' },
    silent: { [failed('mlflow-minio-set-up')]: '0x60', [failed('mlflow-credentials')]: '1x60' },
  },
  {
    ...{ alert: 'MlflowDeployerWithoutLeader', component: 'mlflow-deployer' },
    fires: { [`mlflow_deployer_leader${deployer()}`]: '0x60' },
    silent: {
      [`mlflow_deployer_leader${deployer()}`]: '0x60',
      [`mlflow_deployer_leader${deployer().replace('"a"', '"b"')}`]: '1x60',
    },
  },
  {
    ...{ alert: 'MlflowDeployerLagging', component: 'mlflow-deployer' },
    fires: {
      [`mlflow_deployer_polls_total${deployer(', outcome="ok"')}`]: '100x60',
      [`mlflow_deployer_polls_total${deployer(', outcome="unreachable"')}`]: '0+1x60',
    },
    silent: { [`mlflow_deployer_polls_total${deployer(', outcome="ok"')}`]: '0+12x60' },
  },
  {
    ...{ alert: 'MlflowServingDown', component: 'churn-serving' },
    fires: { [`up${churn()}`]: '0x60', [`up${scraped('spam-serving')}`]: '1x60' },
    silent: { [`up${churn()}`]: '1x60' },
  },
  {
    ...{ alert: 'MlflowServingErrors', component: 'churn-serving' },
    fires: {
      [predictions('200')]: '0+90x60',
      [predictions('500')]: '0+10x60',
      [predictions('404', 'other')]: '0+900x60',
    },
    silent: { [predictions('200')]: '0+99x60', [predictions('500')]: '0+1x60', [predictions('400')]: '0+50x60' },
  },
  {
    ...{ alert: 'MlflowServingSlow', component: 'churn-serving' },
    fires: { [predicted('1.0')]: '0+90x60', [predicted('10.0')]: '0+100x60', [predicted('+Inf')]: '0+100x60' },
    silent: { [predicted('1.0')]: '0+100x60', [predicted('10.0')]: '0+100x60', [predicted('+Inf')]: '0+100x60' },
  },
  {
    ...{ alert: 'MlflowServingFailed', component: 'mlflow-deployer' },
    fires: { [info('3', '3', 'failed')]: '1x60' },
    silent: { [info('3', '3', 'serving')]: '1x60' },
  },
  {
    ...{ alert: 'MlflowServingRolledBack', component: 'mlflow-deployer' },
    fires: { [info('3', '2', 'serving')]: '1x60' },
    silent: { [info('3', '3', 'serving')]: '1x60' },
  },
  {
    ...{ alert: 'MlflowServingRolledBack', component: 'mlflow-deployer', what: 'an alias was removed' },
    fires: { [info('3', '2', 'serving')]: '1x60' },
    silent: { [info('', '2', 'serving')]: '1x60' },
  },
  {
    ...{ alert: 'MlflowCertificateExpires', component: 'mlflow-server', at: '2h' },
    fires: {
      [certificate('name="mlflow-tls", namespace="cert-manager", exported_namespace="mlflow"')]: `${13 * DAY}x200`,
    },
    silent: {
      [certificate('name="mlflow-tls", namespace="cert-manager", exported_namespace="mlflow"')]: `${15 * DAY}x200`,
    },
  },
  {
    ...{ alert: 'MlflowCertificateExpires', component: 'mlflow-server', at: '2h', what: 'with honorLabels' },
    fires: { [certificate('name="mlflow-tls", namespace="mlflow"')]: `${13 * DAY}x200` },
    silent: { [certificate('name="mlflow-tls", namespace="other"')]: `${13 * DAY}x200` },
  },
  ...[
    ['kube-state-metrics', 'kube_deployment_spec_replicas{namespace="mlflow", deployment="mlflow-server"}'],
    ['kubelet', volume('capacity')],
    ['cert-manager', certificate('name="mlflow-tls", namespace="mlflow"')],
  ].map(([component, series]) => ({
    ...{ alert: 'MlflowMetricsMissing', component },
    fires: {},
    silent: { [series]: '1x60' },
  })),
];

test('every alert has a case', () => {
  expect(new Set(cases.map(({ alert }) => alert))).toEqual(new Set(Object.keys(ALERTS)));
});

test.each(
  cases.map((each) => [`${each.alert} of ${each.component}${each.what ? `: ${each.what}` : ''}`, each] as const),
)('%s fires, and stays silent without its cause', (_, { alert, component, fires, silent, at = '50m', step }) => {
  const matchers = `alertname="${alert}", component="${component}", namespace="mlflow"`;
  expectFiring(
    spec,
    [
      { series: fires, at, matchers, count: 1 },
      { series: silent, at, matchers, count: 0 },
    ],
    step,
  );
});

test.each(['MlflowServerDown', 'MlflowDatabaseDown'])('%s resolves as soon as the metrics say so', (alert) => {
  const series = { [`up${server()}`]: '0x20 1x40', [`pg_up${postgres()}`]: '0x20 1x40' };
  const matchers = `alertname="${alert}"`;
  expectFiring(spec, [
    { series, at: '10m', matchers, count: 1 },
    { series, at: '22m', matchers, count: 0 },
  ]);
});

test('a notification says what is wrong, how bad it is and where to read on', () => {
  const series = { [requests('2xx')]: '0+90x60', [requests('5xx')]: '0+10x60' };
  expectAnnotations(spec, series, '50m', 'MlflowServerErrors', {
    exp_labels: { severity: 'critical', namespace: 'mlflow', component: 'mlflow-server', route: 'api' },
    exp_annotations: {
      summary: 'The tracking server mlflow-server fails more than 5 % of the requests of a route.',
      description:
        '10.0 % of the answers of mlflow-server to requests of the route api have a status of 5xx. Metrics: those of the server.',
      runbook_url: 'https://github.com/cdk8s-mlflow/cdk8s-mlflow/blob/main/docs/how-to/alerts.md#mlflowservererrors',
    },
  });
});

test('a notification about a version says which model and which versions', () => {
  expectAnnotations(spec, { [info('3', '2', 'serving')]: '1x60' }, '50m', 'MlflowServingRolledBack', {
    exp_labels: {
      ...{ severity: 'warning', namespace: 'mlflow', component: 'mlflow-deployer' },
      ...{ job: 'mlflow-deployer-metrics', pod: 'a', exported_namespace: 'mlflow', deployment: 'churn-serving' },
      ...{ model: 'churn', wanted: '3', version: '2', phase: 'serving' },
    },
    exp_annotations: {
      summary: 'The serving churn-serving does not serve the version that its alias or stage names.',
      description:
        'Version 3 of the model churn is wanted, and version 2 serves: the rollout was rolled back or cannot begin. Metrics: those of the deployer.',
      runbook_url:
        'https://github.com/cdk8s-mlflow/cdk8s-mlflow/blob/main/docs/how-to/alerts.md#mlflowservingrolledback',
    },
  });
});

test('two platforms in one namespace have alerts of their own', () => {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  const alerts = new Chart(app, 'alerts', { namespace: 'mlflow' });
  for (const id of ['one', 'two']) {
    new AlertRules(alerts, `${id}-alerts`, { platform: new MlflowPlatform(chart, id) });
  }
  const groups = render(alerts).flatMap((each) => each.spec.groups);
  const series = { 'up{namespace="mlflow", job="one-server-metrics"}': '1x60' };
  const down = (component: string) => `alertname="MlflowServerDown", component="${component}"`;
  expectFiring({ groups }, [
    { series, at: '50m', matchers: down('one-server'), count: 0 },
    { series, at: '50m', matchers: down('two-server'), count: 1 },
  ]);
});

/** CloudNativePG labels its series by itself, and numbers the claims. */
test('the database of an operator has alerts by its own series', () => {
  const operated = rulesOf(platforms.operated).spec;
  const labels = (more: string) => `{namespace="mlflow", job="mlflow-postgres-metrics"${more}}`;
  const series = {
    [`cnpg_collector_up${labels(', pod="mlflow-postgres-1", cluster="mlflow-postgres"')}`]: '0x60',
    [`cnpg_backends_total${labels(', pod="mlflow-postgres-1", state="idle", datname="mlflow"')}`]: '60x60',
    [`cnpg_backends_total${labels(', pod="mlflow-postgres-1", state="active", datname="mlflow"')}`]: '30x60',
    [`cnpg_pg_settings_setting${labels(', pod="mlflow-postgres-1", name="max_connections"')}`]: '100x60',
    [`cnpg_pg_settings_setting${labels(', pod="mlflow-postgres-1", name="max_worker_processes"')}`]: '8x60',
    [volume('available', 'mlflow-postgres-2-wal')]: '1x60',
    [volume('capacity', 'mlflow-postgres-2-wal')]: '100x60',
  };
  const names = ['MlflowDatabaseDown', 'MlflowDatabaseConnections', 'MlflowVolumeFilling'];
  expectFiring(
    operated,
    names.map((name) => ({ series, at: '50m', matchers: `alertname="${name}"`, count: 1 })),
  );
});

test.each(Object.keys(platforms) as (keyof typeof platforms)[])(
  'promtool accepts the rules of the platform %s',
  (name) => {
    const rules = rulesOf(platforms[name] as (chart: Chart) => MlflowPlatform).spec;
    expect(checkRules(rules)).toContain('SUCCESS');
  },
);

test('promtool accepts every query of the dashboard', () => {
  const queries = Object.values(ROWS)
    .flat()
    .flatMap((panel) => Object.values(panel.queries));
  const rules = queries.map((query, at) => ({
    record: `query_${at}`,
    expr: query.replaceAll('$__rate_interval', '1m'),
  }));
  expect(checkRules({ groups: [{ name: 'dashboard', rules }] })).toContain(`${queries.length} rules found`);
});

test('promtool refuses rules with an error, so its acceptance means something', () => {
  expect(() => checkRules({ groups: [{ name: 'a', rules: [{ alert: 'A', expr: 'up{' }] }] })).toThrow(/parse error/);
});
