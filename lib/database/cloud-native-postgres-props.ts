import { Duration, Size } from 'cdk8s';
import { ContainerResources, k8s } from 'cdk8s-plus-27';
import { ObjectMetadataOptions } from '../component/object-metadata';
import { Credentials } from '../credentials/credentials';
import { EgressRule, NetworkPeer } from '../kubernetes/network-peer';

/** When a write is acknowledged: whether it survives the loss of a node. */
export enum DatabaseDurability {
  /** A write is acknowledged when a second instance has it. Without a second instance, writes wait. */
  SYNCHRONOUS = 'synchronous',
  /** A write is acknowledged when a second instance has it. Without a second instance, the primary acknowledges it. */
  PREFERRED = 'preferred',
  /** A write is acknowledged when the primary has it: the last writes before a failover can be lost. */
  ASYNCHRONOUS = 'asynchronous',
}

/** A bucket for the archive of the database: base backups, and each change since then. */
export interface PostgresArchiveProps {
  /** Name of the bucket, on Amazon S3 or an S3-compatible store: with the prefix, `destinationPath` of the ObjectStore. */
  readonly bucket: string;
  /**
   * Folder in the bucket, without slashes at its ends.
   * @default - the bucket itself
   */
  readonly prefix?: string;
  /**
   * URL of the endpoint, with scheme: `endpointURL` of the ObjectStore.
   * @default - Amazon's
   */
  readonly endpoint?: string;
  /**
   * Region of the bucket: `AWS_DEFAULT_REGION` of the plugin's container.
   * @default - the region that the client detects
   */
  readonly region?: string;
  /**
   * `Credentials.fromSecret(…)`, with the keys `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` unless it names others, or
   * `Credentials.fromServiceAccount(…)`. The login needs to read, write and delete. It should have access to no other
   * bucket, and MLflow's own login should have no access to this one.
   */
  readonly credentials: Credentials;
  /**
   * Name of a Secret whose key `ca.crt` is the authority of the endpoint's certificate: `endpointCA` of the ObjectStore.
   * @default - the authorities that the plugin's image trusts
   */
  readonly authoritySecretName?: string;
  /**
   * Time of the base backups, in UTC: five fields of cron's format. The library adds a first field for the operator,
   * seconds: 0. A restore replays all changes since a base backup.
   * @default '0 3 * * *'
   */
  readonly schedule?: string;
  /**
   * The period of which each moment can be restored, in whole days: `retentionPolicy` of the ObjectStore. Older archives are
   * deleted.
   * @default Duration.days(30)
   */
  readonly retention?: Duration;
  /**
   * Name of the archive in the bucket: `serverName` of the plugin. It must be new for each cluster: a cluster does not start
   * if its archive is not empty.
   * @default - the name of the cluster
   */
  readonly serverName?: string;
  /**
   * Destinations of the bucket that the NetworkPolicy lets the pods connect to. If the endpoint is a Service, give the port
   * of its pods.
   * @default - any address, on the endpoint's port
   */
  readonly egress?: EgressRule[];
}

/** The archive of an earlier cluster, from which the new one is created. */
export interface PostgresRecovery {
  /**
   * Name of that archive in the bucket of `archive`: the name of the earlier cluster, unless its `archive.serverName` was
   * another.
   */
  readonly serverName: string;
  /**
   * The moment to restore, with its time zone, e.g. `2026-11-28T09:30:00Z`: `targetTime` of the recovery. If it is later
   * than the last change in the archive, the recovery fails.
   * @default - the last change in the archive
   */
  readonly time?: string;
}

/** Options of a PostgreSQL that CloudNativePG runs. */
export interface CloudNativePostgresProps extends ObjectMetadataOptions {
  /**
   * Number of PostgreSQL servers: one primary, which all clients use, and its standbys. `spec.instances`.
   * @default 3
   */
  readonly instances?: number;
  /**
   * When a write is acknowledged: `spec.postgresql.synchronous`. With two instances `SYNCHRONOUS` stops all writes while
   * one of them is restarted; with one instance only `ASYNCHRONOUS` is accepted.
   * @default - SYNCHRONOUS; with two instances PREFERRED; with one ASYNCHRONOUS
   */
  readonly durability?: DatabaseDurability;
  /**
   * Whether each instance must run on a different node: `podAntiAffinityType` is `required`, or else `preferred`. If true,
   * an instance for which no node is left stays Pending, and with `SYNCHRONOUS` a cluster of one node accepts no writes.
   * @default true
   */
  readonly differentNodes?: boolean;
  /**
   * Whether the servers read from the standbys, by the operator's Service `<name>-ro`:
   * `MLFLOW_READ_REPLICA_BACKEND_STORE_URI`. MLflow reads what it has just written, so that `synchronous_commit` becomes
   * `remote_apply`. With two instances, and a `durability` that is synchronous, each acknowledged write is then visible. With
   * more, a standby that is behind can answer 404. While no standby is there, servers do not start, and answer reads and the
   * creation of runs with 503. Refused with one instance.
   * @see https://www.postgresql.org/docs/17/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT
   * @default false
   */
  readonly readReplicas?: boolean;
  /**
   * Image of PostgreSQL that the operator can run, with a tag that begins with the major version: `spec.imageName`. The
   * migration and backups also dump the database with this image. A newer major version is an offline upgrade; the operator
   * refuses an older one. Do not change it together with `parameters` or `maxConnections`: the operator refuses both at
   * once.
   * @see https://cloudnative-pg.io/documentation/current/container_images/
   * @default Images.CLOUD_NATIVE_POSTGRES
   */
  readonly image?: string;
  /**
   * Name of MLflow's database.
   * @default 'mlflow'
   */
  readonly databaseName?: string;
  /**
   * Size of each instance's volume: `spec.storage.size`. At least 5 GiB, unless `walStorage` is given. It can grow later.
   * @default Size.gibibytes(50)
   */
  readonly storage?: Size;
  /**
   * Size of a second volume of each instance, for the write-ahead log: `spec.walStorage.size`. At least 5 GiB. It can be
   * added later, but not removed.
   * @default - the log is on the volume of the data
   */
  readonly walStorage?: Size;
  /**
   * Storage class of the volumes.
   * @default - the cluster's default class
   */
  readonly storageClassName?: string;
  /**
   * `resources` of each instance. What is left out keeps the default. The memory request must be a quarter of the limit or
   * more, as that is `shared_buffers`.
   * @default - requests 500m and 1Gi, limits 2 and 4Gi
   */
  readonly resources?: ContainerResources;
  /**
   * `max_connections`. Refused if it is fewer than the servers can open, or more than the memory limit allows.
   * @default - what the servers can open and 20 more, rounded up to a multiple of 25, at least 50
   */
  readonly maxConnections?: number;
  /**
   * Further parameters of PostgreSQL: `spec.postgresql.parameters`. Those that this library or the operator sets are
   * refused.
   * @default - none
   */
  readonly parameters?: Record<string, string>;
  /**
   * Archives all changes to a bucket, with base backups on a schedule, so that a new cluster can be created from any moment
   * of the retention. It needs the Barman Cloud plugin in the operator's namespace. If you turn it on later, all instances
   * restart.
   * @see https://cloudnative-pg.io/plugin-barman-cloud/
   * @default - no archive
   */
  readonly archive?: PostgresArchiveProps;
  /**
   * Creates the cluster from the archive of an earlier one: `spec.bootstrap.recovery`. The operator reads it only when it
   * creates the cluster, so it may stay. Refused without `archive`.
   * @default - an empty database
   */
  readonly recoverFrom?: PostgresRecovery;
  /**
   * Namespace of the operator, which the NetworkPolicy lets connect to the instances.
   * @default 'cnpg-system'
   */
  readonly operatorNamespace?: string;
  /**
   * Whether Prometheus may read the metrics of each instance, on port 9187: a Service `<name>-metrics`, for a
   * `MetricsMonitor`.
   * @default false
   */
  readonly metrics?: boolean;
  /**
   * Clients that the NetworkPolicy lets read the metrics. That port asks for no login. Refused without `metrics: true`.
   * @default - the namespace `monitoring`, with `metrics: true`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * Labels that a node must have, in addition to `kubernetes.io/os: linux`: `spec.affinity.nodeSelector`.
   * @default - any Linux node
   */
  readonly nodeSelector?: Record<string, string>;
  /**
   * Taints that the instances tolerate: `spec.affinity.tolerations`.
   * @default - none
   */
  readonly tolerations?: k8s.Toleration[];
  /**
   * Priority class of the instances: `spec.priorityClassName`.
   * @default - the cluster's default priority
   */
  readonly priorityClassName?: string;
  /**
   * Names of existing Secrets with registry logins: `spec.imagePullSecrets`.
   * @default - none
   */
  readonly imagePullSecrets?: string[];
  /**
   * A registry that mirrors the default image under its own path, e.g. `registry.example.com/mirror`.
   * @default - the image's own registry
   */
  readonly imageRegistry?: string;
  /**
   * Destinations of the Kubernetes API server that the NetworkPolicy lets the instances connect to: each of them watches its
   * Cluster.
   * @default - any address, on the ports 443, 6443, 8443, 16443 and 2040
   */
  readonly apiServerEgress?: EgressRule[];
}
