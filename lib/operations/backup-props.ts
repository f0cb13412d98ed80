import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { BackupTarget } from './backup-target';
import { TrackingServer } from '../tracking/tracking-server';

/**
 * How many backups are kept: the newest of each of the last days, weeks and months with a backup. The newest of all is never
 * deleted.
 */
export interface BackupRetention {
  /**
   * Days of which the newest backup is kept.
   * @default 7 days
   */
  readonly daily?: number;
  /**
   * Weeks of 7 days, from Monday on, of which the newest backup is kept.
   * @default 4 weeks
   */
  readonly weekly?: number;
  /**
   * Months of which the newest backup is kept. A month begins with its first day.
   * @default 12 months
   */
  readonly monthly?: number;
  /**
   * Deletes no backups, for a target whose key may not delete. Refused together with the numbers.
   * @default false
   */
  readonly keepAll?: boolean;
}

/**
 * The password that encrypts the contents and the file names of all backups: rclone's `crypt`. If you lose it, you cannot
 * read any backup.
 */
export interface BackupEncryption {
  /** Name of a Secret in the namespace of the server. */
  readonly secretName: string;
  /**
   * Key of that Secret.
   * @default 'password'
   */
  readonly key?: string;
}

/**
 * The drill: a CronJob that restores the newest backup into a PostgreSQL in its own pod, and compares it with its manifest.
 */
export interface RestoreDrillOptions {
  /**
   * When it runs, in cron format: `spec.schedule`.
   * @default '0 6 * * 0' - on Sundays at 06:00
   */
  readonly schedule?: string;
  /**
   * Whether it runs only if a person starts it: `spec.suspend`.
   * @default false
   */
  readonly suspend?: boolean;
  /**
   * Space on the node's disk for the restored database: `sizeLimit` of the emptyDir, and the pod's limit of ephemeral
   * storage. Not used with `Database.sqlite`, whose file is checked where it was downloaded.
   * @default Size.gibibytes(40) - 8 with `reserveEphemeralStorage`
   */
  readonly databaseSpace?: Size;
  /**
   * Copies of files that the drill chooses at random, reads, and compares with their checksums.
   * @default 100 copies
   */
  readonly sampleCount?: number;
}

/** Options of a backup, in a platform or standalone. */
export interface BackupOptions {
  /** When it runs, in cron format: `spec.schedule`, e.g. `0 2 * * *` for 02:00 each night. */
  readonly schedule: string;
  /**
   * Time zone of the schedules: `spec.timeZone`.
   * @default 'Etc/UTC'
   */
  readonly timeZone?: string;
  /** Where backups are stored. Each platform needs a target, or a folder of it, of its own. */
  readonly target: BackupTarget;
  /**
   * Which backups are kept. After a backup is complete, the Job deletes the backups that are not kept, and the files that
   * only they use.
   * @default - 7 days, 4 weeks, 12 months
   */
  readonly retention?: BackupRetention;
  /**
   * The password that encrypts all backups. Keep a copy outside of the cluster.
   * @default - not encrypted
   */
  readonly encryption?: BackupEncryption;
  /**
   * Space on the node's disk for one dump of each database: `sizeLimit` of the emptyDir, and the pod's limit of ephemeral
   * storage. If a dump is larger, the backup fails.
   * @default - as `dumpSpace` of the server
   */
  readonly dumpSpace?: Size;
  /**
   * `resources` of the container that copies files, `rclone`. What is left out keeps the default. `jobResources` are those
   * of the other containers.
   * @default - requests 100m and 128Mi, limits 1 and 1Gi
   */
  readonly resources?: ContainerResources;
  /**
   * Image of rclone, with a tag other than `latest` or a digest: `image`.
   * @default Images.RCLONE
   */
  readonly image?: string;
  /**
   * URL of a Prometheus Pushgateway, to which each complete backup sends the sizes of the artifacts by workspace:
   * `PUSHGATEWAY_URL`, e.g. `http://pushgateway.monitoring.svc:9091`. The NetworkPolicy lets the pod connect to any address
   * on the port of the URL. If the gateway does not answer, the backup succeeds all the same, and its log says so.
   * @default - the sizes are only in the log
   * @see https://github.com/prometheus/pushgateway
   */
  readonly pushgateway?: string;
  /**
   * The drill, the CronJob `<name>-restore-drill`.
   * @default - each Sunday at 06:00
   */
  readonly drill?: RestoreDrillOptions;
}

/** Options of a standalone backup. */
export interface BackupProps extends BackupOptions {
  /** The server whose database and artifact store are backed up. */
  readonly server: TrackingServer;
}
