import { Duration } from 'cdk8s';
import { TrackingEndpoint } from './tracking-endpoint';
import { ExtraContainerOptions } from '../component/extra-container-props';
import { PodOptions } from '../component/pod-options';
import { EgressRule, NetworkPeer } from '../kubernetes/network-peer';

/** Options of a deployer, with or without a platform. */
export interface ModelDeployerOptions extends PodOptions, ExtraContainerOptions {
  /**
   * Pods: `replicas` of the Deployment. Only one works at a time, by a Lease; a second one takes over within seconds.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Time from one poll of the registry to the next, in whole seconds from 1 to 3600: `pollSeconds` of its `targets.json`.
   * @default Duration.seconds(5)
   */
  readonly pollInterval?: Duration;
  /**
   * Who may read its metrics, port `metrics` (9090) of the pods, by NetworkPolicy.
   * @default - the namespace `monitoring`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * Destinations that its pods may connect to besides the tracking server and Kubernetes' API server, by NetworkPolicy, e.g. those
   * of its `sidecars`.
   * @default - nowhere
   */
  readonly egress?: EgressRule[];
}

/** Options of a deployer without a platform. */
export interface ModelDeployerProps extends ModelDeployerOptions {
  /** The registry that is followed. */
  readonly tracking: TrackingEndpoint;
}
