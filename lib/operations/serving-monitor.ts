import { Construct } from 'constructs';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { serviceMonitor } from '../kubernetes/service-monitor';
import { ModelServing } from '../serving/model-serving';

/** Options of a serving's monitor. */
export interface ServingMonitorProps {
  /** The serving whose pods are scraped. */
  readonly serving: ModelServing;
  /**
   * Seconds between two scrapes: `interval`.
   * @default 30
   */
  readonly intervalSeconds?: number;
  /**
   * Labels of the ServiceMonitor beside the serving's own, by which a Prometheus selects its monitors, e.g. `{release: 'prometheus'}`.
   * @default - the serving's own labels alone
   */
  readonly labels?: Record<string, string>;
}

/**
 * A ServiceMonitor of the Prometheus Operator for requests, errors and latency of one serving, named by its id. It belongs into a chart of its own: a
 * cluster without the operator refuses the kind, and the file with it.
 *
 * Object, by the id for `node.findChild()`: `service-monitor`.
 */
export class ServingMonitor extends Construct {
  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the ServiceMonitor: a DNS label
   * @param props the serving, and how it is scraped
   */
  constructor(scope: Construct, id: string, props: ServingMonitorProps) {
    super(checkedScope('ServingMonitor', scope, id), id);
    checkInputs('new ServingMonitor', { scope, id, props }, this);
    serviceMonitor(this, props.serving, props);
  }
}
