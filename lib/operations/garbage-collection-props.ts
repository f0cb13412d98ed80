import { Duration } from 'cdk8s';
import { TrackingServer } from '../tracking/tracking-server';

/** Options of the garbage collection, in a platform or standalone. */
export interface GarbageCollectionOptions {
  /** When it runs, in cron format: `spec.schedule`, e.g. `0 4 * * 6` for Saturdays at four. */
  readonly schedule: string;
  /**
   * Time zone of the schedule: `spec.timeZone`.
   * @default 'Etc/UTC'
   */
  readonly timeZone?: string;
  /**
   * The time after which what people deleted is removed for good: `--older-than` of `mlflow gc`, at least an hour.
   * @default Duration.days(30)
   */
  readonly olderThan?: Duration;
  /**
   * The time after which traces are removed, also those that nobody deleted, counted from their start: at least a day.
   * @default - traces stay
   */
  readonly tracesOlderThan?: Duration;
  /**
   * Whether it only says in its log what it would remove.
   * @default false
   */
  readonly dryRun?: boolean;
}

/** Options of a standalone garbage collection. */
export interface GarbageCollectionProps extends GarbageCollectionOptions {
  /** The server whose database and artifact store are cleaned up. */
  readonly server: TrackingServer;
}
