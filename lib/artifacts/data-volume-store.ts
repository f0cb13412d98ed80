import { IArtifactStore } from './artifact-store';
import { IDataVolume } from '../component/data-volume';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { check } from '../kubernetes/rules';

/** Artifacts on a volume. */
export interface VolumeStoreProps {
  /** The volume: artifacts are in its folder `artifacts`. `Database.sqlite(…)` can use the same one. */
  readonly volume: IDataVolume;
}

/** @internal */
export class DataVolumeStore implements IArtifactStore {
  public readonly sharedByReplicas = false;
  public readonly reachableByClients = false;
  public readonly uri: string;

  constructor(private readonly props: VolumeStoreProps) {
    this.uri = `file://${props.volume.directory}`;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('ArtifactStore.volume', clientRules(client));
    return { environment: {}, claims: [this.props.volume.mountFrom(client)], egress: [] };
  }
}
