import { Size } from 'cdk8s';
import { PodOptions } from '../component/pod-options';
import { Credentials } from '../credentials/credentials';
import { NetworkPeer } from '../kubernetes/network-peer';

/** Options of the embedded store. Its `image` may be one of Silo or one of MinIO: both are started by arguments only. */
export interface MinioStoreProps extends PodOptions {
  /**
   * Size of the volume `minio-data`, for each pod. A claim's size cannot be changed by a later synth: grow the claim
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
   * Number of pods (`replicas` of the StatefulSet), each with one drive: 1, or 4 and more for a store that outlives the loss of drives. MinIO fixes the
   * number when the store is made.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Name of the bucket, which a Job makes and keeps private: a part of `--artifacts-destination`.
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
   * @default Credentials.generated() - Secret `<name>-secret`, with a random user name. A Secret that is there already stays
   * as it is: those of the first versions have the user `minio-admin`
   */
  readonly rootCredentials?: Credentials;
  /**
   * Who may open MinIO's console in a browser, by NetworkPolicy. It asks for the root user.
   * @default - only `kubectl port-forward service/<name> 9001`
   */
  readonly consoleClients?: NetworkPeer[];
  /**
   * Whether Prometheus may read the store's metrics: `MINIO_PROMETHEUS_AUTH_TYPE=public`, and a Service `<name>-metrics`.
   * They are on the port of the S3 API (9000) and ask for no login: each pod that reaches that port can read them, the
   * tracking server for example. They name the bucket and its size, and no object.
   * @default false
   */
  readonly metrics?: boolean;
  /**
   * Who may read the metrics, port `api` (9000) of the pods, by NetworkPolicy. They reach the S3 API too, which asks for a
   * key. Refused without `metrics: true`.
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
