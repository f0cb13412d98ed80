import { S3Store, S3StoreProps } from './s3-store';
import { VolumeStore, VolumeStoreProps } from './volume-store';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient } from '../kubernetes/connection';

/** Where models and files lie. */
export interface IArtifactStore {
  /** True where several servers can use it at once. */
  readonly sharedByReplicas: boolean;

  /** True where clients outside the platform can reach the store, and log in to it, without the tracking server. */
  readonly reachableByClients: boolean;

  /** URI of the store, without a trailing slash, e.g. `s3://mlflow`. */
  readonly uri: string;

  /**
   * Says who will connect and tells what its pods need for it.
   *
   * @param client who connects
   */
  connectFrom(client: ConnectionClient): Connection;
}

/** Stores that are not made here. */
export class ArtifactStore {
  /**
   * A bucket that exists, at Amazon or at anyone who speaks S3.
   *
   * @param props which bucket, and how it is reached
   */
  public static s3(props: S3StoreProps): IArtifactStore {
    checkInputs('ArtifactStore.s3', { props });
    return new S3Store(props);
  }

  /**
   * A volume that exists, for a cluster without object storage.
   *
   * @param props which claim
   */
  public static volume(props: VolumeStoreProps): IArtifactStore {
    checkInputs('ArtifactStore.volume', { props });
    return new VolumeStore(props);
  }

  private constructor() {}
}
