import { Alert } from './alert';
import { selector } from './promql';
import { Thresholds } from './thresholds';
import { Watched } from './watched';
import { seconds } from '../../kubernetes/durations';

/** Whether a component has metrics of its own, and the labels of all their series. */
export function scraped(objects: Watched[], component: string): Record<string, string> | undefined {
  const service = objects.find((each) => each.id === 'metrics-service' && each.component === component);
  // The ServiceMonitor leaves `job` to the default: the name of the Service.
  return service && { namespace: service.namespace, job: service.name };
}

/** Of the tracking servers of a platform. */
export function serverAlerts(objects: Watched[], { errorPercent, serverLatency, volumePercent }: Thresholds): Alert[] {
  const servers = objects.filter(({ kind, role }) => kind === 'Deployment' && role === 'server');
  return servers.flatMap(({ component, namespace }) => {
    const labels = scraped(objects, component)!;
    const all = selector(labels);
    const about = { component, namespace };
    return [
      {
        ...{ ...about, name: 'MlflowServerDown', pending: '5m' },
        expression: `absent(up${all} == 1)`,
        summary: `No pod of the tracking server ${component} answers.`,
        description: `Prometheus reads no metrics of ${component}: no pod runs, MLflow does not answer in any, or the MetricsMonitor is missing. Metrics: those of the server.`,
      },
      {
        ...{ ...about, name: 'MlflowServerErrors', pending: '10m' },
        // Not the answers to probes, and to writes while they are paused.
        expression: errorShare('mlflow_proxy_requests_total', labels, errorPercent, {
          failed: 'status="5xx"',
          more: ['route!~"health|paused"'],
          by: 'route',
        }),
        summary: `The tracking server ${component} fails more than ${errorPercent} % of the requests of a route.`,
        description: `{{ $value | printf "%.1f" }} % of the answers of ${component} to requests of the route {{ $labels.route }} have a status of 5xx. Metrics: those of the server.`,
      },
      {
        ...{ ...about, name: 'MlflowServerSlow', pending: '15m' },
        // Uploads, downloads and answers of language models take as long as they are large.
        expression: latency(
          'mlflow_proxy_request_duration_seconds_bucket',
          selector(labels, 'route=~"api|traces|ui"'),
          seconds(serverLatency),
          'route',
        ),
        summary: `The tracking server ${component} answers slowly.`,
        description: `The slowest 1 % of the requests of ${component} of the route {{ $labels.route }} take over {{ $value | printf "%.1f" }} s. Uploads and downloads of artifacts do not count. Metrics: those of the server.`,
      },
      loginFailures(component, namespace, labels),
      ...spoolAlerts(component, namespace, all, volumePercent),
    ];
  });
}

/** Percent of the logins of one kind, and how many a second, from which on it is no mistyped password. */
const FAILURES = { percent: 20, perSecond: 0.05 };

/** Wrong passwords and tokens. A session that has ended is none. */
function loginFailures(component: string, namespace: string, labels: Record<string, string>): Alert {
  const rate = (...more: string[]) =>
    `sum by (credential) (rate(mlflow_proxy_logins_total${selector(labels, ['credential!="session"', ...more].join(', '))}[10m]))`;
  const failed = rate('outcome=~"refused|limited"');
  return {
    ...{ component, namespace, name: 'MlflowLoginFailures', pending: '10m' },
    expression: `100 * ${failed} / ${rate()} > ${FAILURES.percent} and ${failed} > ${FAILURES.perSecond}`,
    summary: `The tracking server ${component} refuses more than ${FAILURES.percent} % of the logins of a kind.`,
    description: `{{ $value | printf "%.0f" }} % of the logins of ${component} by {{ $labels.credential }} are refused: a password or token was changed, or is guessed. Metrics: those of the server.`,
  };
}

/** How far ahead the pace of the last 15 minutes counts: uploads come and go faster than volumes fill. */
const SPOOL_FULL_SECONDS = 3600;

function spoolAlerts(component: string, namespace: string, all: string, percent: number): Alert[] {
  const about = { component, namespace };
  const used = `100 * mlflow_spool_bytes${all} / mlflow_spool_limit_bytes${all}`;
  const pace = `predict_linear(mlflow_spool_bytes${all}[15m], ${SPOOL_FULL_SECONDS})`;
  const spool = 'The spool of {{ $labels.pod }} is';
  return [
    {
      ...{ ...about, name: 'MlflowSpoolFilling', pending: '5m' },
      expression: `${used} > ${percent}`,
      summary: `The spool of a pod of ${component} is more than ${percent} % full.`,
      description: `${spool} {{ $value | printf "%.0f" }} % full. The kubelet evicts a pod whose spool is full. Metrics: those of the server.`,
    },
    {
      ...{ ...about, name: 'MlflowSpoolFullSoon', pending: '10m' },
      expression: `${pace} > mlflow_spool_limit_bytes${all} and ${used} > 50`,
      summary: `The spool of a pod of ${component} is full within an hour.`,
      description: `${spool} full within an hour at the pace of the last 15 minutes. The kubelet then evicts the pod. Metrics: those of the server.`,
    },
  ];
}

/** Of each component with several pods: those that a PodDisruptionBudget wants are not healthy. */
export function budgetAlerts(objects: Watched[]): Alert[] {
  const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget');
  return budgets.map(({ component, namespace, name }) => {
    const labels = selector({ namespace, poddisruptionbudget: name });
    return {
      ...{ component, namespace, name: 'MlflowBelowBudget', pending: '15m' },
      expression: `kube_poddisruptionbudget_status_current_healthy${labels} < kube_poddisruptionbudget_status_desired_healthy${labels}`,
      summary: `${component} has fewer healthy pods than its PodDisruptionBudget wants.`,
      description: `Only {{ $value }} pods of ${component} are healthy, and nodes cannot be drained. Metrics: kube-state-metrics.`,
    };
  });
}

/** Percent of answers with status 5xx, if that is above the limit. */
export function errorShare(
  counter: string,
  labels: Record<string, string>,
  percent: number,
  { failed = 'status=~"5.."', more = [], by }: { failed?: string; more?: string[]; by?: string } = {},
): string {
  const sum = (...matchers: string[]) =>
    `sum${by ? ` by (${by}) ` : ''}(rate(${counter}${selector(labels, matchers.join(', '))}[5m]))`;
  return `100 * ${sum(...more, failed)} / ${sum(...more)} > ${percent}`;
}

/** Seconds within which 99 % are answered, if that is above the limit. */
export function latency(buckets: string, matching: string, limit: number, by?: string): string {
  return `histogram_quantile(0.99, sum by (le${by ? `, ${by}` : ''}) (rate(${buckets}${matching}[5m]))) > ${limit}`;
}
