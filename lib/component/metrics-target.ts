/** How metrics are read by https. */
export interface MetricsTls {
  /** Name of a Secret, in the namespace of the target, whose key `ca.crt` is the authority of the certificate: `tlsConfig.ca`. */
  readonly authoritySecretName: string;
  /** Name in the certificate: `tlsConfig.serverName`. */
  readonly host: string;
}

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
  /**
   * How the metrics are read by https.
   * @default - plain HTTP
   */
  readonly metricsTls?: MetricsTls;
}
