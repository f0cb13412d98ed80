import { ApiObject, Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { ServiceMonitorSpec, ServiceMonitorSpecEndpointsScheme } from '../../imports/monitoring.coreos.com';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { durationRule, seconds } from '../kubernetes/durations';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject, withMetadata } from '../kubernetes/manifest';
import { labelRules } from '../kubernetes/metadata-rules';
import { check, nameRule } from '../kubernetes/rules';

/** Whose kinds a monitor has: the group of its `apiVersion`. */
export enum MetricsOperator {
  /** The Prometheus Operator, and all that read its kinds. */
  PROMETHEUS = 'monitoring.coreos.com',
  /** Managed Prometheus of Azure, which has the same kinds in a group of its own. */
  AZURE = 'azmonitoring.coreos.com',
}

/** Options of a monitor. */
export interface MetricsMonitorProps {
  /**
   * The component whose pods are scraped: a tracking server, a deployer or a serving, e.g. `mlflow.server`; or a
   * `PostgresStatefulSet`, a `MinioStore` or a `SeaweedStore` with `metrics: true`.
   */
  readonly target: IMetricsTarget;
  /**
   * Time between two scrapes, in whole seconds of at least 1: `interval` of the endpoint.
   * @default Duration.seconds(30)
   */
  readonly interval?: Duration;
  /**
   * Labels of the ServiceMonitor in addition to the target's own and those of its platform: `metadata.labels`. Prometheus selects
   * its monitors by labels, e.g. `{ release: 'prometheus' }`.
   * @default - the target's own labels, and `labels` of its platform
   */
  readonly labels?: Record<string, string>;
  /**
   * Whose kinds the cluster has.
   * @see https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-crd
   * @default MetricsOperator.PROMETHEUS
   */
  readonly operator?: MetricsOperator;
}

/**
 * A ServiceMonitor of the Prometheus Operator for the metrics of one target, named by its id. Put it in a chart of its own:
 * without the operator, `kubectl apply` of that chart's file fails, because the kind is unknown.
 *
 * Object, by the id for `apiObject()`: `service-monitor`.
 *
 * @see https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitor
 */
export class MetricsMonitor extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the ServiceMonitor: a DNS label
   * @param props what is scraped, and how
   */
  constructor(scope: Construct, id: string, props: MetricsMonitorProps) {
    super(checkedScope('MetricsMonitor', scope, id), id);
    checkInputs('new MetricsMonitor', { scope, id, props }, this);
    const { target, interval = Duration.seconds(30), labels, operator = MetricsOperator.PROMETHEUS } = props;
    check(this, [
      nameRule('the id of the monitor', id),
      {
        wrong: !target.hasMetrics,
        given: `the metrics of ${target instanceof Construct ? target.node.path : 'the target'} are off`,
        want: 'expected metrics: true among its props',
      },
      durationRule('interval', interval, 1),
      ...labelRules('labels', labels),
    ]);
    // It is in another chart than the platform, whose labels all of its objects have.
    const inherited = target instanceof Construct ? withMetadata(target, {}) : {};
    const spec: ServiceMonitorSpec = {
      selector: { matchLabels: selectorOf(target.metricsLabels) },
      namespaceSelector: target.namespace ? { matchNames: [target.namespace] } : undefined,
      endpoints: [
        { port: 'metrics', path: target.metricsPath, interval: `${seconds(interval)}s`, ...tlsOf(target.metricsTls) },
      ],
    };
    this.node.defaultChild = apiObject(this, 'service-monitor', {
      apiVersion: `${operator}/v1`,
      kind: 'ServiceMonitor',
      name: id,
      namespace: target.namespace,
      labels: { ...inherited.labels, ...target.labels, ...labels },
      annotations: inherited.annotations,
      body: { spec },
    });
  }

  /**
   * Returns the ServiceMonitor, to change a field that no prop sets.
   *
   * @param id `service-monitor`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('MetricsMonitor#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}

function tlsOf(tls: MetricsTls | undefined) {
  if (tls === undefined) return {};
  const ca = { secret: { name: tls.authoritySecretName, key: 'ca.crt' } };
  return { scheme: ServiceMonitorSpecEndpointsScheme.HTTPS, tlsConfig: { ca, serverName: tls.host } };
}

function selectorOf(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    ['name', 'instance', 'component'].map((key) => [`app.kubernetes.io/${key}`, labels[`app.kubernetes.io/${key}`]]),
  );
}
