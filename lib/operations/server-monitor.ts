import { Construct } from 'constructs';
import { ServiceMonitor } from '../../imports/monitoring.coreos.com';
import { check, nameRule } from '../kubernetes/rules';
import { METRICS_PORT_NAME, TrackingServer } from '../tracking/tracking-server';

/** Options of the tracking server's monitor. */
export interface ServerMonitorProps {
  /** The tracking server whose pods are scraped. */
  readonly server: TrackingServer;
  /**
   * Seconds between two scrapes: `interval`.
   * @default 30
   */
  readonly intervalSeconds?: number;
  /**
   * Labels of the ServiceMonitor beside the server's own, by which a Prometheus selects its monitors, e.g. `{release: 'prometheus'}`.
   * @default - the server's own labels alone
   */
  readonly labels?: Record<string, string>;
}

/**
 * A ServiceMonitor of the Prometheus Operator, named by its id. It belongs into a chart of its own: a cluster without
 * the operator refuses the kind, and the file with it.
 *
 * Object, by the id for `node.findChild()`: `service-monitor`.
 */
export class ServerMonitor extends Construct {
  constructor(scope: Construct, id: string, props: ServerMonitorProps) {
    super(scope, id);
    const { server, intervalSeconds = 30 } = props;
    check(this, [
      nameRule('the id of the monitor', id),
      {
        wrong: !Number.isInteger(intervalSeconds) || intervalSeconds < 1,
        given: `intervalSeconds is ${intervalSeconds}`,
        want: 'want a whole number of at least 1',
      },
    ]);
    new ServiceMonitor(this, 'service-monitor', {
      metadata: { name: id, namespace: server.namespace, labels: { ...server.labels, ...props.labels } },
      spec: {
        selector: { matchLabels: selectorOf(server.metricsLabels) },
        namespaceSelector: server.namespace ? { matchNames: [server.namespace] } : undefined,
        endpoints: [{ port: METRICS_PORT_NAME, path: '/metrics', interval: `${intervalSeconds}s` }],
      },
    });
  }
}

function selectorOf(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    ['name', 'instance', 'component'].map((key) => [`app.kubernetes.io/${key}`, labels[`app.kubernetes.io/${key}`]]),
  );
}
