import { IArtifactStore } from './artifact-store';
import { Connection, ConnectionClient } from '../kubernetes/connection';
import { check, objectNameRule } from '../kubernetes/rules';

const DIRECTORY = '/mlartifacts';

/** A volume that exists. */
export interface VolumeStoreProps {
  /** Name of a PersistentVolumeClaim in the same namespace. */
  readonly claimName: string;
  /**
   * True where pods on several nodes can mount it at once (access mode ReadWriteMany). Without that there can be only
   * one server, which is stopped before the next one starts (`strategy: Recreate`).
   * @default false
   */
  readonly readWriteMany?: boolean;
}

/** @internal */
export class VolumeStore implements IArtifactStore {
  public readonly sharedByReplicas: boolean;
  public readonly reachableByClients = false;
  public readonly uri = `file://${DIRECTORY}`;

  constructor(private readonly props: VolumeStoreProps) {
    this.sharedByReplicas = props.readWriteMany ?? false;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check(client.name, [objectNameRule('claimName', this.props.claimName)]);
    return { environment: {}, claims: [{ claimName: this.props.claimName, directory: DIRECTORY }], egress: [] };
  }
}
