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
   * Whether it removes nothing, and only logs what it would remove.
   * @default false
   */
  readonly dryRun?: boolean;
}

/** Options of a standalone garbage collection. */
export interface GarbageCollectionProps extends GarbageCollectionOptions {
  /** The server whose database and artifact store are cleaned up. */
  readonly server: TrackingServer;
}
