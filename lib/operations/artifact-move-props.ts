import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { IArtifactStore } from '../artifacts/artifact-store';
import { TrackingServer } from '../tracking/tracking-server';

/** Options of a move of artifacts to another store. */
export interface ArtifactMoveProps {
  /** The server whose store is the source. After `artifacts` of the server has changed, that new store is the source. */
  readonly server: TrackingServer;
  /** The store to copy to, e.g. a `SeaweedStore` or `ArtifactStore.fromBucket(…)`. Its bucket or claim must exist. */
  readonly to: IArtifactStore;
  /**
   * The most that is read or written in a second, in each direction, so that the server keeps a part of the network:
   * `RCLONE_BWLIMIT`.
   * @default - no limit
   * @see https://rclone.org/docs/#bwlimit-bwtimetable
   */
  readonly bytesPerSecond?: Size;
  /**
   * `resources` of the container that copies files, `rclone`. What is left out keeps the default. `jobResources` are those
   * of the other container.
   * @default - requests 100m and 128Mi, limits 1 and 1Gi
   */
  readonly resources?: ContainerResources;
  /**
   * Image of rclone, with a tag other than `latest` or a digest: `image`.
   * @default Images.RCLONE
   */
  readonly image?: string;
}
