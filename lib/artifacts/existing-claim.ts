import { IArtifactStore } from './artifact-store';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { check, objectNameRule } from '../kubernetes/rules';

const DIRECTORY = '/mlartifacts';

/** An existing PersistentVolumeClaim. */
export interface ExistingClaimProps {
  /** Name of a PersistentVolumeClaim in the same namespace. */
  readonly claimName: string;
  /**
   * True if pods on several nodes can mount it at once (access mode ReadWriteMany). If false, the platform supports one
   * server, which is stopped before the next one starts (`strategy: Recreate`).
   * @default false
   */
  readonly readWriteMany?: boolean;
}

/** @internal */
export class ExistingClaim implements IArtifactStore {
  public readonly sharedByReplicas: boolean;
  public readonly reachableByClients = false;
  public readonly uri = `file://${DIRECTORY}`;

  constructor(private readonly props: ExistingClaimProps) {
    this.sharedByReplicas = props.readWriteMany ?? false;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('ArtifactStore.fromClaim', clientRules(client));
    check(client.name, [objectNameRule('claimName', this.props.claimName)]);
    return { environment: {}, claims: [{ claimName: this.props.claimName, directory: DIRECTORY }], egress: [] };
  }
}
