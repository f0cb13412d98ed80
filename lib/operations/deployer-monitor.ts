import { Construct } from 'constructs';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { serviceMonitor } from '../kubernetes/service-monitor';
import { ModelDeployer } from '../serving/model-deployer';

/** Options of a deployer's monitor. */
export interface DeployerMonitorProps {
  /** The deployer whose pods are scraped. */
  readonly deployer: ModelDeployer;
  /**
   * Seconds between two scrapes: `interval`.
   * @default 30
   */
  readonly intervalSeconds?: number;
  /**
   * Labels of the ServiceMonitor beside the deployer's own, by which a Prometheus selects its monitors, e.g. `{release: 'prometheus'}`.
   * @default - the deployer's own labels alone
   */
  readonly labels?: Record<string, string>;
}

/**
 * A ServiceMonitor of the Prometheus Operator for polls and rollouts of a deployer, named by its id. It belongs into a chart of its own: a
 * cluster without the operator refuses the kind, and the file with it.
 *
 * Object, by the id for `node.findChild()`: `service-monitor`.
 */
export class DeployerMonitor extends Construct {
  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the ServiceMonitor: a DNS label
   * @param props the deployer, and how it is scraped
   */
  constructor(scope: Construct, id: string, props: DeployerMonitorProps) {
    super(checkedScope('DeployerMonitor', scope, id), id);
    checkInputs('new DeployerMonitor', { scope, id, props }, this);
    serviceMonitor(this, props.deployer, props);
  }
}
