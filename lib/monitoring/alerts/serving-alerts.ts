import { Alert } from './alert';
import { selector, time } from './promql';
import { errorShare, latency, scraped } from './server-alerts';
import { Thresholds } from './thresholds';
import { Watched } from './watched';
import { seconds } from '../../kubernetes/durations';

const IDLE = 'A moved alias rolls out nothing. Models that are served keep answering. Metrics: those of the deployer.';
const WHICH = 'Version {{ $labels.wanted }} of the model {{ $labels.model }}';

/** Of the deployer, and of the rollouts that it watches. */
export function deployerAlerts(objects: Watched[], { deployerLag }: Thresholds): Alert[] {
  const deployers = objects.filter(({ kind, role }) => kind === 'Deployment' && role === 'deployer');
  return deployers.flatMap(({ component, namespace }) => {
    const labels = scraped(objects, component)!;
    const about = { component, namespace };
    const lag = time(deployerLag);
    const info = `mlflow_deployer_version_info${selector(labels, 'phase="serving", wanted!=""')}`;
    const servesWanted = `label_replace(${info}, "wanted", "$1", "version", "(.*)")`;
    return [
      {
        ...{ ...about, name: 'MlflowDeployerWithoutLeader', pending: '5m' },
        expression: `absent(mlflow_deployer_leader${selector(labels)} == 1)`,
        summary: `No replica of the deployer ${component} acts.`,
        description: IDLE,
      },
      {
        ...{ ...about, name: 'MlflowDeployerLagging', pending: '1m' },
        expression: `sum(increase(mlflow_deployer_polls_total${selector(labels, 'outcome="ok"')}[${lag}])) < 1`,
        summary: `The deployer ${component} has not read the registry for ${lag}.`,
        description: IDLE,
      },
      {
        ...{ ...about, name: 'MlflowServingFailed', pending: '5m' },
        expression: `mlflow_deployer_version_info${selector(labels, 'phase="failed"')} == 1`,
        summary: `The serving {{ $labels.deployment }} has no version that works.`,
        description: `${WHICH} did not become ready, and no earlier version can be restored. Metrics: those of the deployer.`,
      },
      {
        ...{ ...about, name: 'MlflowServingRolledBack', pending: '5m' },
        expression: `${info} unless on (exported_namespace, deployment, wanted) ${servesWanted}`,
        summary: `The serving {{ $labels.deployment }} does not serve the version that its alias or stage names.`,
        description: `${WHICH} is wanted, and version {{ $labels.version }} serves: the rollout was rolled back or cannot begin. Metrics: those of the deployer.`,
      },
    ];
  });
}

/** Of each serving. */
export function servingAlerts(objects: Watched[], { errorPercent, servingLatency }: Thresholds): Alert[] {
  const servings = objects.filter(({ kind, role }) => kind === 'Deployment' && role === 'serving');
  return servings.flatMap(({ component, namespace }) => {
    const labels = scraped(objects, component)!;
    const about = { component, namespace };
    const predictions = 'path="/invocations"';
    return [
      {
        ...{ ...about, name: 'MlflowServingDown', pending: '10m' },
        expression: `absent(up${selector(labels)} == 1)`,
        summary: `No pod of the serving ${component} answers.`,
        description: `Prometheus reads no metrics of ${component}: no pod has loaded its model, or the MetricsMonitor is missing. Metrics: those of the serving.`,
      },
      {
        ...{ ...about, name: 'MlflowServingErrors', pending: '10m' },
        expression: errorShare('mlflow_serving_requests_total', labels, errorPercent, { more: [predictions] }),
        summary: `The serving ${component} fails more than ${errorPercent} % of its predictions.`,
        description: `{{ $value | printf "%.1f" }} % of the predictions of ${component} have a status of 5xx. Metrics: those of the serving.`,
      },
      {
        ...{ ...about, name: 'MlflowServingSlow', pending: '15m' },
        expression: latency(
          'mlflow_serving_request_duration_seconds_bucket',
          selector(labels, predictions),
          seconds(servingLatency),
        ),
        summary: `The serving ${component} predicts slowly.`,
        description: `The slowest 1 % of the predictions of ${component} take over {{ $value | printf "%.1f" }} s. Metrics: those of the serving.`,
      },
    ];
  });
}
