import { Construct } from 'constructs';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { serviceMonitor } from '../kubernetes/service-monitor';
import { TrackingServer } from '../tracking/tracking-server';

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
  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the ServiceMonitor: a DNS label
   * @param props the tracking server, and how it is scraped
   */
  constructor(scope: Construct, id: string, props: ServerMonitorProps) {
    super(checkedScope('ServerMonitor', scope, id), id);
    checkInputs('new ServerMonitor', { scope, id, props }, this);
    serviceMonitor(this, props.server, props);
  }
}
