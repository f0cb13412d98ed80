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
export function serverAlerts(objects: Watched[], { errorPercent, serverLatency }: Thresholds): Alert[] {
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
        expression: errorShare('mlflow_http_request_total', labels, errorPercent),
        summary: `The tracking server ${component} fails more than ${errorPercent} % of its requests.`,
        description: `{{ $value | printf "%.1f" }} % of the answers of ${component} have a status of 5xx. Metrics: those of the server.`,
      },
      {
        ...{ ...about, name: 'MlflowServerSlow', pending: '15m' },
        // Artifacts are uploaded by PUT and downloaded by GET: POST is the API only.
        expression: latency(
          'mlflow_http_request_duration_seconds_bucket',
          selector(labels, 'method="POST"'),
          seconds(serverLatency),
        ),
        summary: `The tracking server ${component} answers slowly.`,
        description: `The slowest 1 % of the POST requests of ${component} take over {{ $value | printf "%.1f" }} s. Uploads and downloads of artifacts do not count. Metrics: those of the server.`,
      },
    ];
  });
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
  more: string[] = [],
): string {
  const failed = selector(labels, [...more, 'status=~"5.."'].join(', '));
  const all = selector(labels, more.join(', '));
  return `100 * sum(rate(${counter}${failed}[5m])) / sum(rate(${counter}${all}[5m])) > ${percent}`;
}

/** Seconds within which 99 % are answered, if that is above the limit. */
export function latency(buckets: string, matching: string, limit: number): string {
  return `histogram_quantile(0.99, sum by (le) (rate(${buckets}${matching}[5m]))) > ${limit}`;
}
