import { IArtifactStore } from './artifact-store';
import { ExistingBucket, ExistingBucketProps } from './existing-bucket';
import { ExistingClaim, ExistingClaimProps } from './existing-claim';
import { checkInputs } from '../inputs/inputs';

/** Artifact stores that exist already. */
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

  private constructor() {}
}
