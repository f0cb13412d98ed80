/** The number of servers: a HorizontalPodAutoscaler. */
export interface Autoscaling {
  /**
   * Servers at least: `minReplicas`.
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
}
