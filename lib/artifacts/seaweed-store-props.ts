import { Size } from 'cdk8s';
import { PodOptions } from '../component/pod-options';
import { Credentials } from '../credentials/credentials';
import { NetworkPeer } from '../kubernetes/network-peer';

/** Options of the embedded SeaweedFS: one pod with one volume. */
export interface SeaweedStoreProps extends PodOptions {
  /**
   * Size of the volume `seaweedfs-data`, at least 5Gi: each bucket uses several files of up to 1Gi. A later synth cannot
   * change the size of a claim: enlarge the claim itself.
   * @default Size.gibibytes(100)
   */
  readonly storage?: Size;
  /**
   * Storage class of the volume.
   * @default - the cluster's default class
   */
  readonly storageClassName?: string;
  /**
   * Name of the bucket, which the store creates and keeps private: part of `--artifacts-destination`. If you change it, the
   * store creates a second bucket and MLflow's key can access only that one; the first keeps its objects.
   * @default 'mlflow'
   */
  readonly bucket?: string;
  /**
   * The administrator, the only login that can read and delete dumps of the database. Its Secret's keys are
   * `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. The store refuses the old key within two minutes after the Secret
   * changes, without a restart.
   * @default Credentials.generated() - Secret `<name>-secret`
   */
  readonly rootCredentials?: Credentials;
  /**
   * MLflow's own key, with access to only the bucket. Its Secret's keys are `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
   * The store uses a changed key within two minutes, as with `rootCredentials`; MLflow reads it only when it starts.
   * @default Credentials.generated() - Secret `<platform>-s3-secret`, or `<name>-s3-secret` for a standalone store
   */
  readonly credentials?: Credentials;
  /**
   * Whether Prometheus may read the store's metrics: `-metricsPort=9327`, and a Service `<name>-metrics`. That port asks for
   * no login. The metrics contain the name and the size of the bucket, and no names of objects.
   * @default false
   */
  readonly metrics?: boolean;
  /**
   * Clients that the NetworkPolicy lets read the metrics, port `metrics` (9327) of the pod. It does not let them connect to
   * the S3 API. Refused without `metrics: true`.
   * @default - the namespace `monitoring`, with `metrics: true`
   */
  readonly metricsClients?: NetworkPeer[];
}
