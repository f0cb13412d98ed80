import { TrackingEndpoint } from './tracking-endpoint';
import { NetworkPeer } from '../kubernetes/network-boundary';
import { PodOptions } from '../kubernetes/pod-options';

/** Options of a deployer, below a platform and alone. */
export interface ModelDeployerOptions extends PodOptions {
  /**
   * Pods: `replicas` of the Deployment. One works at a time, by a Lease; a second one takes over within seconds.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Seconds from one look at the registry to the next: `pollSeconds` of its `targets.json`.
   * @default 5
   */
  readonly pollSeconds?: number;
  /**
   * Who may read its metrics, port `metrics` (9090) of the pods, by NetworkPolicy.
   * @default - the namespace `monitoring`
   */
  readonly metricsClients?: NetworkPeer[];
}

/** Options of a deployer that stands alone. */
export interface ModelDeployerProps extends ModelDeployerOptions {
  /** The registry that is followed. */
  readonly tracking: TrackingEndpoint;
}
