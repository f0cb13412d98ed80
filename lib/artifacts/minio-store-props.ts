import { Size } from 'cdk8s';
import { PodOptions } from '../component/pod-options';
import { Credentials } from '../credentials/credentials';
import { NetworkPeer } from '../kubernetes/network-peer';

/**
 * Options of the embedded store. Its `image` may be one of Silo or of MinIO: the container sets only arguments, and both
 * images accept them.
 */
export interface MinioStoreProps extends PodOptions {
  /**
   * Size of the volume `minio-data`, for each pod. A later synth cannot change the size of a claim: enlarge the claim
   * itself.
   * @default Size.gibibytes(100)
   */
  readonly storage?: Size;
  /**
   * Storage class of the volume.
   * @default - the cluster's default class
   */
  readonly storageClassName?: string;
  /**
   * Number of pods (`replicas` of the StatefulSet), each with one drive: 1, or 4 and more for a store that survives the loss
   * of drives. It cannot be changed after the store is created.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Name of the bucket, which a Job creates and keeps private: part of `--artifacts-destination`.
   * @default 'mlflow'
   */
  readonly bucket?: string;
  /**
   * Whether the bucket keeps old versions of overwritten and deleted objects: `mc version enable`.
   * @default false
   */
  readonly versioning?: boolean;
  /**
   * The root user, which only the server and its set-up Job use. Its Secret's keys are `MINIO_ROOT_USER` (at least 3
   * characters) and `MINIO_ROOT_PASSWORD` (at least 8).
   * @default Credentials.generated() - Secret `<name>-secret`, with a random user name. An existing Secret stays as it is:
   * those of the first versions have the user `minio-admin`
   */
  readonly rootCredentials?: Credentials;
  /**
   * Name of a Secret of type `kubernetes.io/tls` that has the key `ca.crt` too, as cert-manager writes it, with which the store
   * serves https: S3, console and metrics. The certificate must name the Service, `<name>.<namespace>.svc`, and for several
   * replicas each pod, `*.<name>-headless`. Clients of the library verify it with `ca.crt`. The store reads a renewed
   * certificate without a restart.
   * @default - plain HTTP, which NetworkPolicies restrict to the platform
   */
  readonly tlsSecretName?: string;
  /**
   * Clients that the NetworkPolicy lets open MinIO's console in a browser. The console asks for the root user's login.
   * @default - only `kubectl port-forward service/<name> 9001`
   */
  readonly consoleClients?: NetworkPeer[];
  /**
   * Whether Prometheus may read the store's metrics: `MINIO_PROMETHEUS_AUTH_TYPE=public`, and a Service `<name>-metrics`.
   * The metrics are on the port of the S3 API (9000) and need no login: each pod that can connect to that port can read
   * them, e.g. the tracking server. They contain the name and the size of the bucket, and no names of objects.
   * @default false
   */
  readonly metrics?: boolean;
  /**
   * Clients that the NetworkPolicy lets read the metrics, port `api` (9000) of the pods. They can connect to the S3 API too,
   * which asks for a key. Refused without `metrics: true`.
   * @default - the namespace `monitoring`, with `metrics: true`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * MLflow's own key, with access to only the bucket. Its Secret's keys are `AWS_ACCESS_KEY_ID` (3 to 20 characters) and
   * `AWS_SECRET_ACCESS_KEY` (8 to 40).
   * @default Credentials.generated() - Secret `<platform>-s3-secret`, or `<name>-s3-secret` for a standalone store
   */
  readonly credentials?: Credentials;
}
