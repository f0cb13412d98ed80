import { Duration, Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { Authentication } from './authentication';
import { UserLimits } from './user-limits';
import { WorkspaceProps } from './workspace';
import { IArtifactStore } from '../artifacts/artifact-store';
import { Autoscaling } from '../component/autoscaling';
import { ExtraContainerOptions } from '../component/extra-container-props';
import { PodOptions } from '../component/pod-options';
import { SecretAndFileOptions } from '../component/secret-and-file-options';
import { ServerServiceOptions } from '../component/service-options';
import { Credentials } from '../credentials/credentials';
import { IDatabase } from '../database/database';
import { Exposure } from '../exposure/exposure';
import { EgressRule, NetworkPeer } from '../kubernetes/network-peer';

/** How clients read and write artifacts. */
export enum ArtifactAccess {
  /** All uploads and downloads pass the tracking server. Clients need one address and one login. */
  PROXIED = 'proxied',
  /**
   * Clients log in to the tracking server and transfer large files directly to and from the store with signed URLs: MLflow's
   * multipart uploads and downloads. Clients must be able to reach the store. The server needs no disk space for these files.
   */
  PRESIGNED = 'presigned',
  /** Straight at the store, with a login of their own for it: `--no-serve-artifacts`. */
  DIRECT = 'direct',
}

/** Options of the tracking server, in a platform or standalone. */
export interface TrackingServerOptions extends PodOptions, ExtraContainerOptions, SecretAndFileOptions {
  /**
   * Bounds of the number of servers.
   * @default - 3 to 10 servers at 70 % CPU
   */
  readonly autoscaling?: Autoscaling;
  /**
   * A fixed number of servers instead of autoscaling: `replicas` of the Deployment, and no HorizontalPodAutoscaler.
   * @default - autoscaling
   */
  readonly replicas?: number;
  /**
   * Processes in each pod: `--workers`. One process and more pods use memory better (docs/decisions/0002).
   * @default 1
   */
  readonly workers?: number;
  /**
   * Concurrent database requests of one process, from 1 to 40. The others wait in order for up to a
   * minute, and then get 503, which MLflow's client retries. A process opens 3 times this number of connections and 2 more,
   * so that requests never wait for each other, and 4 more with `Authentication.mlflow()`:
   * `MLFLOW_SQLALCHEMYSTORE_POOL_SIZE` and `MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW`.
   * @default 6
   */
  readonly maxDatabaseRequests?: number;
  /**
   * Space of `/tmp`, where MLflow stores each proxied artifact while it passes: `sizeLimit` of the emptyDir, and a part of
   * the pod's limit of ephemeral storage. It limits the sum of all artifacts that pass one pod at a time. nginx refuses an
   * artifact larger than 90 % of it with 413. If `resources.ephemeralStorage` leaves less, 90 % of that applies.
   * @default Size.gibibytes(10) - 8 with `reserveEphemeralStorage`
   */
  readonly spool?: Size;
  /**
   * How clients read and write artifacts: `--artifacts-destination` or `--default-artifact-root`.
   * @default ArtifactAccess.PROXIED
   */
  readonly artifactAccess?: ArtifactAccess;
  /**
   * Whether nginx refuses uploads and removals of artifacts, while the store is changed: with 503 and `Retry-After: 60`, so
   * that MLflow's client waits and tries again for about seven minutes. Reads, metrics, parameters and the registry are not
   * affected. Refused with `ArtifactAccess.DIRECT`, because such clients write without the server.
   * @default false
   * @see ArtifactMove
   */
  readonly pauseArtifactWrites?: boolean;
  /**
   * Host names that clients use in addition to those of the Service and the exposure: `--allowed-hosts`. A pattern may hold
   * `*`; a name without one is allowed with any port.
   * @default - none
   */
  readonly allowedHosts?: string[];
  /**
   * Origins, with scheme, of other web sites whose scripts may use the server: `--cors-allowed-origins`.
   * @default - only the exposure's own
   */
  readonly allowedOrigins?: string[];
  /**
   * Who may connect to the login, port `http` of the pods, by NetworkPolicy.
   * @default - every pod: the login decides
   */
  readonly clients?: NetworkPeer[];
  /**
   * Who may read the metrics, port `metrics` of the pods, by NetworkPolicy. That port asks for no login.
   * @default - the namespace `monitoring`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * Destinations that the servers and their migration may connect to besides the database and the store, by NetworkPolicy:
   * a proxy, webhooks, a cloud's metadata.
   * @default - nowhere
   */
  readonly egress?: EgressRule[];
  /**
   * Fields of the server's Service: type, port, annotations, families of addresses.
   * @default - a Service of type ClusterIP, port 5000
   */
  readonly service?: ServerServiceOptions;
  /**
   * Name of a Secret of type `kubernetes.io/tls`, in the namespace of the server, with which nginx serves https on its port, and
   * no plain HTTP: TLS from an Ingress, a Gateway or a client in the cluster to the pod. The certificate must name the Service:
   * `mlflow-server.<namespace>.svc`, as `ServiceCertificate` has it. A renewed certificate is served within about a minute,
   * without a restart. The controller of an Ingress must be told to use https. Programs of the same app that connect to the server
   * need `authority`, and are refused without it. The metrics stay plain HTTP, on a port of their own.
   * @default - plain HTTP to the pod
   */
  readonly tlsSecretName?: string;
  /**
   * Whether nginx listens on IPv6 too (`listen [::]:8080`), for clusters whose pods have no IPv4 address. It does not
   * start where a node has no IPv6.
   * @default false
   */
  readonly ipv6?: boolean;
  /**
   * Time that running requests get to end when a pod is stopped, in whole seconds of at least 10: nginx's
   * `worker_shutdown_timeout`, and with the pauses before and after it the pod's `terminationGracePeriodSeconds`.
   * @default Duration.minutes(1)
   */
  readonly drainTimeout?: Duration;
  /**
   * Time that MLflow has to start before its container is restarted, in whole seconds of at least 60: `startupProbe`. Longer
   * for slow nodes, and for an image that loads much.
   * @default Duration.minutes(10)
   */
  readonly startTimeout?: Duration;
  /**
   * Time for which MLflow may not answer at all before its container is restarted, which ends its requests, in whole seconds of
   * at least 60: `livenessProbe`, every 20 seconds. A server that is only busy does answer.
   * @default Duration.minutes(2)
   */
  readonly livenessTimeout?: Duration;
  /**
   * Time for which `/health` may fail before the pod gets no requests, in whole seconds of at least 6: `readinessProbe` of
   * nginx, every 2 seconds. If it is short, a load that slows all servers takes them out one after the other.
   * @default Duration.seconds(30)
   */
  readonly readinessTimeout?: Duration;
  /**
   * Whether a new server gets requests only after it has passed a check, with its real database and store: its init container
   * `check-before-serving`, after MLflow has started and before nginx does. It searches experiments and models, logs a run and
   * reads it back, writes a file, compares what it reads, and removes both. With `ArtifactAccess.DIRECT` or
   * `pauseArtifactWrites` it only lists the files of the run. If a new version fails, the rollout stops and the old servers
   * keep serving. A server that restarts while the store is down waits for it too. The run stays as a deleted run of the
   * experiment `_check-before-serving`. Not with `Authentication.mlflow()`, and not with a database or store of
   * a single replica.
   * @default false
   * @see docs/how-to/upgrade-mlflow.md
   */
  readonly checkBeforeServing?: boolean;
  /**
   * Workspaces of MLflow, one for each team: `--enable-workspaces`. The Job `<name>-workspaces` creates them, and deletes none;
   * the proxy refuses all others, and every change of workspaces by a client. Once a workspace other than `default` has
   * experiments, MLflow does not start without this prop. Not with `Database.sqlite()`.
   * @default - MLflow runs without workspaces
   * @see docs/how-to/tenants.md
   */
  readonly workspaces?: WorkspaceProps[];
  /**
   * Limits of each logged-in user, which nginx of each server counts by the name that the login has proven. A request over a
   * limit gets 429 with `Retry-After: 5`, after which MLflow's client sends it again. Servings and the deployer have no limit; other programs
   * count by their own name. With `Authentication.basic()` or `oidc()` only.
   * @default - no limits
   * @see docs/how-to/tenants.md
   */
  readonly userLimits?: UserLimits;
  /**
   * Whether MLflow writes a line of JSON for each change: who did what to which experiment, run, model, alias or user. It is on the
   * standard output of the container `mlflow`, with names and ids and no other values.
   * @default false
   * @see docs/how-to/audit.md
   */
  readonly auditLog?: boolean;
  /**
   * Keys that all servers share: `MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY` (a Fernet key), `MLFLOW_CRYPTO_KEK_PASSPHRASE`
   * and, for `Authentication.mlflow()`, `MLFLOW_FLASK_SERVER_SECRET_KEY`. An own Secret holds them under these names.
   * @default Credentials.generated() - Secret `<name>-secret`, and `<name>-session-secret` for the last
   */
  readonly keys?: Credentials;
  /**
   * Further settings of MLflow, as environment variables. No secrets, as they would stand in the YAML: use `secretEnvironment`.
   * @default - none
   */
  readonly environment?: Record<string, string>;
  /**
   * Further options of `mlflow server`, e.g. `['--x-frame-options', 'DENY']`: `args` of the container `mlflow`, after those of
   * the library. An option that the library sets is refused with the name of its prop. With an option that
   * this MLflow does not know, new pods fail and the old ones keep serving.
   * @default - none
   * @see https://mlflow.org/docs/latest/api_reference/cli.html#mlflow-server
   */
  readonly extraArguments?: string[];
  /**
   * Image of the container `nginx`. It must stop gracefully on its own stop signal (SIGQUIT) and know the directive
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
  /**
   * Of how many upgrades the migration keeps the newest copies that it dumped of each database, at least one: `DUMPS_KEPT` of the
   * migration. After an upgrade, the migration removes older dumps of its own. If its key may not delete, they stay, and its
   * log says so. `Database.sqlite` has `copies` instead.
   * @default 3 upgrades
   */
  readonly dumpsKept?: number;
}

/** Options of a standalone tracking server. */
export interface TrackingServerProps extends TrackingServerOptions {
  /** Where runs and the registry are kept. */
  readonly database: IDatabase;
  /** Where artifacts are kept. */
  readonly artifacts: IArtifactStore;
  /**
   * How users log in.
   * @default Authentication.basic()
   */
  readonly authentication?: Authentication;
  /**
   * How people outside the cluster reach the server.
   * @default Exposure.none()
   */
  readonly exposure?: Exposure;
}
