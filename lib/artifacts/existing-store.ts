import { IArtifactStore } from './artifact-store';
import { AzureContainer, AzureContainerProps } from './azure-container';
import { DataVolumeStore, VolumeStoreProps } from './data-volume-store';
import { ExistingBucket, ExistingBucketProps } from './existing-bucket';
import { ExistingClaim, ExistingClaimProps } from './existing-claim';
import { GoogleBucket, GoogleBucketProps } from './google-bucket';
import { checkInputs } from '../inputs/inputs';

/** Artifact stores without a server of the library's own. */
export class ArtifactStore {
  /**
   * An existing bucket, of Amazon S3 or of another store with the S3 API.
   *
   * @param props the bucket, and how clients reach it
   */
  public static fromBucket(props: ExistingBucketProps): IArtifactStore {
    checkInputs('ArtifactStore.fromBucket', { props });
    return new ExistingBucket(props);
  }

  /**
   * An existing PersistentVolumeClaim, for a cluster without object storage.
   *
   * @param props the claim
   */
  public static fromClaim(props: ExistingClaimProps): IArtifactStore {
    checkInputs('ArtifactStore.fromClaim', { props });
    return new ExistingClaim(props);
  }

  /**
   * A volume of the server's own, which it can share with `Database.sqlite(…)`. The platform has one server.
   *
   * @param props the volume
   */
  public static volume(props: VolumeStoreProps): IArtifactStore {
    checkInputs('ArtifactStore.volume', { props });
    return new DataVolumeStore(props);
  }

  /**
   * An existing bucket of Google Cloud Storage.
   *
   * @param props the bucket, and how clients reach it
   */
  public static fromGoogleBucket(props: GoogleBucketProps): IArtifactStore {
    checkInputs('ArtifactStore.fromGoogleBucket', { props });
    return new GoogleBucket(props);
  }

  /**
   * An existing container of Azure Blob Storage.
   *
   * @param props the container, and how clients reach it
   */
  public static fromAzureContainer(props: AzureContainerProps): IArtifactStore {
    checkInputs('ArtifactStore.fromAzureContainer', { props });
    return new AzureContainer(props);
  }

  private constructor() {}
}
