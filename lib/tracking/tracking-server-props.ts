import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { Authentication } from '../access/authentication';
import { Exposure } from '../access/exposure';
import { IArtifactStore } from '../artifacts/artifact-store';
import { Credentials } from '../credentials/credentials';
import { IDatabase } from '../database/database';
import { EgressRule } from '../kubernetes/connection';
import { NetworkPeer } from '../kubernetes/network-boundary';
import { PodOptions } from '../kubernetes/pod-options';

/** How many servers there are: a HorizontalPodAutoscaler. */
export interface Autoscaling {
  /**
   * Servers at least: `minReplicas`.
   * @default 3
   */
  readonly minReplicas?: number;
  /**
   * Servers at most: `maxReplicas`.
   * @default 10, or `minReplicas` where that is more
   */
  readonly maxReplicas?: number;
  /**
   * CPU that the servers are kept at, in percent of their request: `averageUtilization`.
   * @default 70
   */
  readonly targetCpuPercent?: number;
}

/** How clients read and write artifacts. */
export enum ArtifactAccess {
  /** Through the tracking server, every byte: clients need one address and one login. */
  PROXIED = 'proxied',
  /**
   * By the tracking server's login, and large files by signed URLs straight at the store, which clients must be able to
   * reach: MLflow's multipart uploads and downloads. It saves the server the bytes and the space for them.
   */
  PRESIGNED = 'presigned',
  /** Straight at the store, with a login of their own for it: `--no-serve-artifacts`. */
  DIRECT = 'direct',
}

/** Options of the tracking server, below a platform and alone. */
export interface TrackingServerOptions extends PodOptions {
  /**
   * Bounds of the number of servers.
   * @default - 3 to 10 servers at 70 % CPU
   */
  readonly autoscaling?: Autoscaling;
  /**
   * A fixed number of servers in place of autoscaling: `replicas` of the Deployment, and no HorizontalPodAutoscaler.
   * @default - autoscaling
   */
  readonly replicas?: number;
  /**
   * Processes in each pod: `--workers`. One process and more pods use memory better (docs/decisions/0002).
   * @default 1
   */
  readonly workers?: number;
  /**
   * Requests of one process that use the database at once, from 1 to 40; the others wait in order, for a minute at most
   * (503 then, which MLflow's client retries). A process opens 3 connections for each and 2 more, so that they can never
   * wait for each other, and with `Authentication.mlflow()` another 4: `MLFLOW_SQLALCHEMYSTORE_POOL_SIZE` and
   * `MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW`.
   * @default 6
   */
  readonly maxDatabaseRequests?: number;
  /**
   * Space of `/tmp`, where MLflow keeps each proxied artifact whole while it passes through. It bounds the sum of all
   * artifacts that pass one pod at a time; nginx refuses one above nine tenths of it, or of what `resources.ephemeralStorage` leaves for it (413) (`sizeLimit` of the emptyDir, and the pod's limit of ephemeral storage).
   * @default Size.gibibytes(10) - 8 with `reserveEphemeralStorage`
   */
  readonly spool?: Size;
  /**
   * How clients read and write artifacts: `--artifacts-destination` or `--default-artifact-root`.
   * @default ArtifactAccess.PROXIED
   */
  readonly artifactAccess?: ArtifactAccess;
  /**
   * Who may come in.
   * @default Authentication.basic()
   */
  readonly authentication?: Authentication;
  /**
   * How people outside the cluster reach the server.
   * @default Exposure.none()
   */
  readonly exposure?: Exposure;
  /**
   * Host names, beside those of the Service and the exposure, that clients use: `--allowed-hosts`. A pattern may hold
   * `*`; a name without one is allowed with any port.
   * @default - none
   */
  readonly allowedHosts?: string[];
  /**
   * Origins, with scheme, of other web sites whose scripts may use the server: `--cors-allowed-origins`.
   * @default - none beside the exposure's own
   */
  readonly allowedOrigins?: string[];
  /**
   * Who may connect to the login, port `http` of the pods, by NetworkPolicy.
   * @default - everybody: the login decides
   */
  readonly clients?: NetworkPeer[];
  /**
   * Who may read the metrics, port `metrics` of the pods, by NetworkPolicy: there is no login on that port.
   * @default - the namespace `monitoring`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * Where the servers and their migration may go beside the database and the store, by NetworkPolicy: a proxy, webhooks,
   * a cloud's metadata.
   * @default - nowhere
   */
  readonly egress?: EgressRule[];
  /**
   * Whether nginx listens on IPv6 too (`listen [::]:8080`), for clusters whose pods have no IPv4 address. It does not
   * start where a node has no IPv6.
   * @default false
   */
  readonly ipv6?: boolean;
  /**
   * Seconds that running requests get to end when a pod is stopped, at least 10: nginx's `worker_shutdown_timeout`, and
   * with the pauses before and after it the pod's `terminationGracePeriodSeconds`.
   * @default 60
   */
  readonly drainSeconds?: number;
  /**
   * Keys that all servers share: `MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY` (a Fernet key), `MLFLOW_CRYPTO_KEK_PASSPHRASE`
   * and, for `Authentication.mlflow()`, `MLFLOW_FLASK_SERVER_SECRET_KEY`. An own Secret holds them under these names.
   * @default Credentials.generated() - Secret `<name>-secret`, and `<name>-session-secret` for the last
   */
  readonly keys?: Credentials;
  /**
   * Further settings of MLflow, as environment variables. No secrets: they stand in the YAML.
   * @default - none
   */
  readonly environment?: Record<string, string>;
  /**
   * Image of the container `nginx`; it must stop gracefully on its own stop signal (SIGQUIT) and know the directive
   * `keepalive_min_timeout` (nginx 1.27.4).
   * @default Images.NGINX
   */
  readonly proxyImage?: string;
  /**
   * Requests and limits of the container `nginx`.
   * @default - requests 100m and 64Mi, limits 1 and 256Mi
   */
  readonly proxyResources?: ContainerResources;
  /**
   * Space for the dump that the migration takes before it upgrades a database: an emptyDir of its Job.
   * @default Size.gibibytes(20) - 8 with `reserveEphemeralStorage`
   */
  readonly dumpSpace?: Size;
}

/** Options of a tracking server that stands alone. */
export interface TrackingServerProps extends TrackingServerOptions {
  /** Where runs and the registry are kept. */
  readonly database: IDatabase;
  /** Where artifacts are kept. */
  readonly artifacts: IArtifactStore;
}
