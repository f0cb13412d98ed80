import { Duration } from 'cdk8s';
import { ScalingMetric } from './scaling-metric';

/** The number of pods: a HorizontalPodAutoscaler. It follows the metric that asks for the most pods. */
export interface Autoscaling {
  /**
   * Servers at least: `minReplicas`. 0 only for a serving with `byKeda: true`.
   * @default 3
   */
  readonly minReplicas?: number;
  /**
   * Servers at most: `maxReplicas`.
   * @default 10, or `minReplicas` if that is more
   */
  readonly maxReplicas?: number;
  /**
   * CPU that the servers are kept at, in percent of their request: `averageUtilization`.
   * @default 70
   */
  readonly targetCpuPercent?: number;
  /**
   * Memory that the pods are kept at, in percent of the request of all their containers: `averageUtilization` of a metric
   * `memory` beside that of the CPU. It may be above 100, as the limit is above the request. Python returns little of the
   * memory that it has used, so that the number of pods seldom falls again.
   * @default - memory does not change the number of pods
   */
  readonly targetMemoryPercent?: number;
  /**
   * Further metrics, e.g. `[ScalingMetric.perPod({ name: 'requests_per_second', averageValue: 20 })]`: `metrics` beside that
   * of the CPU. The cluster needs an adapter that answers `custom.metrics.k8s.io` or `external.metrics.k8s.io`, e.g. the
   * Prometheus Adapter: while it does not answer, the number of pods does not fall.
   * @default - none
   */
  readonly metrics?: ScalingMetric[];
  /**
   * Whether a `KedaScaler` changes the number of pods. The component then has no HorizontalPodAutoscaler, and one pod until KEDA has
   * seen the scaler.
   * @default false
   */
  readonly byKeda?: boolean;
  /**
   * How fast pods are added: `behavior.scaleUp`.
   * @default - at once, at most 4 pods or twice as many pods, whichever is more, in 15 seconds
   */
  readonly scaleUp?: ScalingBehavior;
  /**
   * How fast pods are removed: `behavior.scaleDown`.
   * @default - to the largest number of the last 5 minutes
   */
  readonly scaleDown?: ScalingBehavior;
}

/**
 * How fast the number of pods changes in one direction. What is left out keeps the default of Kubernetes.
 *
 * @see https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
 */
export interface ScalingBehavior {
  /**
   * Time over which the autoscaler takes the most cautious number that the metrics asked for, in whole seconds from 0 to
   * 3600: `stabilizationWindowSeconds`.
   * @default - 0 seconds for `scaleUp`, 5 minutes for `scaleDown`
   */
  readonly stabilizationWindow?: Duration;
  /**
   * How many pods may be added or removed in a time: `policies`. At least one.
   * @default - the defaults of Kubernetes
   */
  readonly policies?: ScalingPolicy[];
  /**
   * Which policy applies if there are several, or that the number never changes in this direction: `selectPolicy`.
   * @default PolicySelection.MAX
   */
  readonly selectPolicy?: PolicySelection;
}

/** How many pods may be added or removed in a time: one of `pods` and `percent`. */
export interface ScalingPolicy {
  /**
   * A number of pods, at least 1: `type: Pods` with `value`.
   * @default - `percent`
   */
  readonly pods?: number;
  /**
   * Percent of the pods that there are, at least 1: `type: Percent` with `value`.
   * @default - `pods`
   */
  readonly percent?: number;
  /** The time, in whole seconds from 1 to 1800: `periodSeconds`. */
  readonly period: Duration;
}

/** Which of several policies applies: `selectPolicy`. */
export enum PolicySelection {
  /** The policy that allows the largest change. */
  MAX = 'Max',
  /** The policy that allows the smallest change. */
  MIN = 'Min',
  /** None: the number never changes in this direction. */
  DISABLED = 'Disabled',
}
