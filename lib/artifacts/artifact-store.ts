import { Connection, ConnectionClient } from '../kubernetes/connection';

/** Where MLflow stores artifacts: `--artifacts-destination`. */
export interface IArtifactStore {
  /** True where several servers can use it at once. */
  readonly sharedByReplicas: boolean;

  /** True where clients outside the platform can reach the store, and log in to it, without the tracking server. */
  readonly reachableByClients: boolean;

  /** URI of the store, without a trailing slash, e.g. `s3://mlflow`. */
  readonly uri: string;

  /**
   * Registers a client. Returns what its pods need to connect.
   *
   * @param client who connects
   */
  connectFrom(client: ConnectionClient): Connection;
}
