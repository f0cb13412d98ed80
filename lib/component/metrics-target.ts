/** What has metrics: a tracking server, a deployer, a serving, an embedded database or an embedded store. */
export interface IMetricsTarget {
  /**
   * Namespace of its Services.
   * @default - `kubectl` decides
   */
  readonly namespace?: string;
  /** Labels of its objects. */
  readonly labels: Record<string, string>;
  /** Labels of the Service whose port `metrics` is scraped. */
  readonly metricsLabels: Record<string, string>;
  /** HTTP path of the metrics: `path` of the endpoint. */
  readonly metricsPath: string;
  /** False if the metrics are off, as those of a database or a store without `metrics: true`. */
  readonly hasMetrics: boolean;
}
