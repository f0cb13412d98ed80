import { Duration } from 'cdk8s';
import { TrackingServer } from '../tracking/tracking-server';

/** Options of the garbage collection, in a platform or standalone. */
export interface GarbageCollectionOptions {
  /** When it runs, in cron format: `spec.schedule`, e.g. `0 4 * * 6` for Saturdays at 04:00. */
  readonly schedule: string;
  /**
   * Time zone of the schedule: `spec.timeZone`.
   * @default 'Etc/UTC'
   */
  readonly timeZone?: string;
  /**
   * The age after which deleted runs, logged models and experiments are removed permanently: `--older-than` of `mlflow gc`,
   * at least an hour.
   * @default Duration.days(30)
   */
  readonly olderThan?: Duration;
  /**
   * The age after which all traces are removed, deleted or not, counted from their start: at least a day.
   * @default - traces are not removed
   */
  readonly tracesOlderThan?: Duration;
  /**
   * The age after which traces are archived, counted from their start: at least a day, and less than `tracesOlderThan`. Their
   * spans move from the database to a file in the artifact store, and MLflow's pages and clients still show them. Traces that
   * still run stay. An experiment with a retention of its own for the archival keeps that one.
   * @default - traces stay in the database
   * @see https://mlflow.org/docs/latest/genai/tracing/
   */
  readonly archiveTracesOlderThan?: Duration;
  /**
   * Whether it removes nothing, and only logs what it would remove.
   * @default false
   */
  readonly dryRun?: boolean;
  /**
   * URL of a Prometheus Pushgateway, to which each run that is no dry run sends what it removed and freed:
   * `PUSHGATEWAY_URL`, e.g. `http://pushgateway.monitoring.svc:9091`. The NetworkPolicy lets the pod connect to any address
   * on the port of the URL. If the gateway does not answer, the run succeeds all the same, and its log says so.
   * @default - the figures are only in the log
   * @see https://github.com/prometheus/pushgateway
   */
  readonly pushgateway?: string;
}

/** Options of a standalone garbage collection. */
export interface GarbageCollectionProps extends GarbageCollectionOptions {
  /** The server whose database and artifact store are cleaned up. */
  readonly server: TrackingServer;
}
