import { Connection, ConnectionClient } from '../kubernetes/connection';

/** Where MLflow stores artifacts: `--artifacts-destination`. */
export interface IArtifactStore {
  /** True if several servers can use it at once. */
  readonly sharedByReplicas: boolean;

  /** True if clients outside the platform can connect to the store and log in to it, without the tracking server. */
  readonly reachableByClients: boolean;

  /** URI of the store, without a trailing slash, e.g. `s3://mlflow`. */
  readonly uri: string;

  /**
   * Registers a client. Returns what its pods need to connect.
   *
   * @param client the workload that connects
   */
  connectFrom(client: ConnectionClient): Connection;
}
