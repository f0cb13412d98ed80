// What the Grafana dashboard shows: every query is Prometheus' own language, with the variables of the dashboard.

/** How a value is drawn. */
export type Drawing = 'number' | 'lines' | 'table' | 'timeline';

export interface PanelOfDashboard {
  readonly title: string;
  readonly description: string;
  readonly drawing: Drawing;
  /** Unit of Grafana. @see https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/ */
  readonly unit?: string;
  /** Legend, and query. */
  readonly queries: Record<string, string>;
  /** Of 24 columns. */
  readonly width?: number;
}

const server = 'namespace="$namespace", job="$server"';
const database = 'namespace="$namespace", job="$database"';
const deployer = 'namespace="$namespace", job="$deployer"';
const serving = 'namespace=~"$serving_namespace", job=~"$serving"';
const predictions = `${serving}, path="/invocations"`;
/** The series of a pod with the version that the pod serves. */
const byVersion = (series: string) =>
  `${series} * on (namespace, pod) group_left (version) mlflow_serving_model_info{${serving}}`;

function share(part: string, all: string): string {
  return `100 * (${part} or 0 * ${all}) / ${all}`;
}

function quantile(of: number, buckets: string, by = ''): string {
  return `histogram_quantile(${of}, sum by (le${by}) (${buckets}))`;
}

const apiBuckets = `rate(mlflow_http_request_duration_seconds_bucket{${server}, method="POST"}[$__rate_interval])`;
const proxied = (more = '') => `rate(mlflow_proxy_requests_total{${server}${more}}[$__rate_interval])`;
const proxyBuckets = `rate(mlflow_proxy_request_duration_seconds_bucket{${server}}[$__rate_interval])`;
const predictionBuckets = byVersion(
  `rate(mlflow_serving_request_duration_seconds_bucket{${predictions}}[$__rate_interval])`,
);
const predictionRate = byVersion(`rate(mlflow_serving_requests_total{${predictions}}[$__rate_interval])`);
const failedRate = byVersion(`rate(mlflow_serving_requests_total{${predictions}, status=~"5.."}[$__rate_interval])`);

export const ROWS: Record<string, PanelOfDashboard[]> = {
  Platform: [
    {
      ...{ title: 'Servers', description: 'Pods of the tracking server that answer.', drawing: 'number', width: 4 },
      queries: { servers: `sum(up{${server}})` },
    },
    {
      ...{ title: 'Errors', description: 'Answers with status 5xx, of all answers.', drawing: 'number', width: 4 },
      unit: 'percent',
      queries: {
        errors: share(
          `sum(rate(mlflow_http_request_total{${server}, status=~"5.."}[$__rate_interval]))`,
          `sum(rate(mlflow_http_request_total{${server}}[$__rate_interval]))`,
        ),
      },
    },
    {
      ...{ title: 'Connections in use', description: 'Of the max_connections of the database.', width: 4 },
      ...{ drawing: 'number', unit: 'percent' },
      queries: {
        connections:
          `100 * sum(pg_stat_database_numbackends{${database}}) / max(pg_settings_max_connections{${database}}) or ` +
          `100 * max(sum by (pod) (cnpg_backends_total{${database}})) / max(cnpg_pg_settings_setting{${database}, name="max_connections"})`,
      },
    },
    {
      ...{ title: 'Age of the last success', description: 'Of backup, restore drill and garbage collection.' },
      ...{ drawing: 'number', unit: 's', width: 12 },
      queries: { '{{cronjob}}': 'time() - kube_cronjob_status_last_successful_time{namespace="$namespace"}' },
    },
    {
      ...{ title: 'Requests by status', description: "MLflow's answers per second.", drawing: 'lines', unit: 'reqps' },
      queries: { '{{status}}': `sum by (status) (rate(mlflow_http_request_total{${server}}[$__rate_interval]))` },
    },
    {
      ...{ title: 'Latency of the API', drawing: 'lines', unit: 's' },
      description: 'POST requests, without uploads and downloads of artifacts. At most 10 s are measured.',
      queries: {
        '50 %': quantile(0.5, apiBuckets),
        '95 %': quantile(0.95, apiBuckets),
        '99 %': quantile(0.99, apiBuckets),
      },
    },
    {
      ...{ title: 'Requests by route', description: "The proxy's answers per second, without probes." },
      ...{ drawing: 'lines', unit: 'reqps' },
      queries: { '{{route}}': `sum by (route) (${proxied()})` },
    },
    {
      ...{ title: 'Errors by route', description: "The proxy's answers with status 5xx, of all of the route." },
      ...{ drawing: 'lines', unit: 'percent' },
      queries: {
        '{{route}}': share(`sum by (route) (${proxied(', status="5xx"')})`, `sum by (route) (${proxied()})`),
      },
    },
    {
      ...{ title: 'Latency by route', description: 'Within which 99 % of the requests are answered.' },
      ...{ drawing: 'lines', unit: 's' },
      queries: { '{{route}}': quantile(0.99, proxyBuckets, ', route') },
    },
    {
      ...{ title: 'Logins by outcome', drawing: 'lines', unit: 'reqps' },
      description: 'Requests per second with a password, a token or a session.',
      queries: {
        '{{credential}} {{outcome}}': `sum by (credential, outcome) (rate(mlflow_proxy_logins_total{${server}}[$__rate_interval]))`,
      },
    },
    {
      ...{ title: 'Spool', description: 'Of each server: artifacts that pass it.', drawing: 'lines', unit: 'percent' },
      queries: { '{{pod}}': `100 * mlflow_spool_bytes{${server}} / mlflow_spool_limit_bytes{${server}}` },
    },
    {
      ...{ title: 'Database connections', description: 'By database, and the most that it accepts.', drawing: 'lines' },
      queries: {
        '{{datname}}':
          `sum by (datname) (pg_stat_database_numbackends{${database}}) > 0 or ` +
          `sum by (datname) (cnpg_backends_total{${database}})`,
        max_connections:
          `max(pg_settings_max_connections{${database}}) or ` +
          `max(cnpg_pg_settings_setting{${database}, name="max_connections"})`,
      },
    },
    {
      ...{ title: 'Size of the databases', description: 'On disk.', drawing: 'lines', unit: 'bytes' },
      queries: {
        '{{datname}}':
          `max by (datname) (pg_database_size_bytes{${database}}) or ` +
          `max by (datname) (cnpg_pg_database_size_bytes{${database}})`,
      },
    },
    {
      ...{ title: 'Volumes', description: 'Used, of each volume of the namespace.', drawing: 'lines', unit: 'percent' },
      queries: {
        '{{persistentvolumeclaim}}':
          '100 * (1 - kubelet_volume_stats_available_bytes{namespace="$namespace"} / kubelet_volume_stats_capacity_bytes{namespace="$namespace"})',
      },
    },
    {
      ...{ title: 'Healthy pods', description: 'Of each component with several pods.', drawing: 'lines' },
      queries: {
        '{{deployment}}': 'kube_deployment_status_replicas_available{namespace="$namespace"}',
      },
    },
  ],
  'Registry and rollouts': [
    {
      ...{ title: 'Deployers that act', description: '1 is right.', drawing: 'number', width: 4 },
      queries: { leaders: `sum(mlflow_deployer_leader{${deployer}})` },
    },
    {
      ...{ title: 'Since the last poll', description: 'That the registry answered.', drawing: 'number', unit: 's' },
      width: 4,
      queries: {
        seconds: `mlflow_deployer_seconds_since_last_success{${deployer}} and on (pod) mlflow_deployer_leader{${deployer}} == 1`,
      },
    },
    {
      ...{ title: 'Polls by outcome', description: 'Per second.', drawing: 'lines', width: 16 },
      queries: { '{{outcome}}': `sum by (outcome) (rate(mlflow_deployer_polls_total{${deployer}}[$__rate_interval]))` },
    },
    {
      ...{ title: 'Who serves what', drawing: 'table', width: 24 },
      description: 'The version that the alias or stage names (wanted), and the one that is set, with its phase.',
      queries: {
        versions: `max by (exported_namespace, deployment, model, wanted, version, phase) (mlflow_deployer_version_info{${deployer}})`,
      },
    },
    {
      ...{ title: 'Who served what, since when', drawing: 'timeline', width: 24 },
      description: 'A line for each serving and version, as long as it is set.',
      queries: {
        '{{deployment}} {{version}}': `max by (exported_namespace, deployment, version) (mlflow_deployer_version_info{${deployer}, version!=""})`,
      },
    },
    {
      ...{ title: 'Rollouts by outcome', description: 'Within an hour.', drawing: 'lines', width: 24 },
      queries: {
        '{{deployment}} {{outcome}}': `sum by (exported_namespace, deployment, outcome) (increase(mlflow_deployer_rollouts_total{${deployer}}[1h]))`,
      },
    },
  ],
  'Servings by version': [
    {
      ...{ title: 'Predictions', description: 'Per second.', drawing: 'lines', unit: 'reqps' },
      queries: { '{{job}} {{version}}': `sum by (job, version) (${predictionRate})` },
    },
    {
      ...{ title: 'Errors', description: 'Predictions with status 5xx, of all: before and after a rollout.' },
      ...{ drawing: 'lines', unit: 'percent' },
      queries: {
        '{{job}} {{version}}': share(
          `sum by (job, version) (${failedRate})`,
          `sum by (job, version) (${predictionRate})`,
        ),
      },
    },
    {
      ...{ title: 'Latency', description: 'Within which 99 % of the predictions are answered.' },
      ...{ drawing: 'lines', unit: 's' },
      queries: { '{{job}} {{version}}': quantile(0.99, predictionBuckets, ', job, version') },
    },
    {
      ...{ title: 'In progress', description: 'Requests that are being answered.', drawing: 'lines' },
      queries: { '{{job}}': `sum by (job) (mlflow_serving_requests_in_progress{${serving}})` },
    },
  ],
};

/** The variables by which a reader chooses one platform of several, with the queries of their values. */
export const VARIABLES: Record<string, { readonly label: string; readonly query: string; readonly several?: boolean }> =
  {
    namespace: { label: 'Namespace', query: 'label_values(mlflow_http_request_total, namespace)' },
    server: { label: 'Server', query: 'label_values(mlflow_http_request_total{namespace="$namespace"}, job)' },
    database: {
      label: 'Database',
      query: 'label_values({__name__=~"pg_up|cnpg_collector_up", namespace="$namespace"}, job)',
    },
    deployer: { label: 'Deployer', query: 'label_values(mlflow_deployer_leader{namespace="$namespace"}, job)' },
    serving_namespace: {
      ...{ label: 'Namespace of servings', several: true },
      query: 'label_values(mlflow_serving_model_info, namespace)',
    },
    serving: {
      ...{ label: 'Serving', several: true },
      query: 'label_values(mlflow_serving_model_info{namespace=~"$serving_namespace"}, job)',
    },
  };
