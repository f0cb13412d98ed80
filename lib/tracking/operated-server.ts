import { Size } from 'cdk8s';
import { authSettings } from './auth-settings';
import { ServerLogin } from './server-login';
import { ServerPlan } from './server-plan';
import { TrackingServerProps } from './tracking-server-props';
import { WorkspaceProps } from './workspace';
import { PlacementOptions, mirroredDefault } from '../component/pod-options';
import { Connection, ConnectionClient, SecretVariable } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';

/** What operations on a server's data, the migration and backups, have to know of it. */
export interface OperatedServer {
  readonly placement: PlacementOptions;
  /** MLflow's image. */
  readonly image: string;
  /** Image with a `pg_dump` for the database. */
  readonly clientImage: string;
  readonly dumpSpace: Size;
  /** The least number of pods that serve. */
  readonly leastPods: number;
  /** True if only the server's own pod can open the database. */
  readonly databaseIsInPod: boolean;
  readonly artifactsUri: string;
  /** Workspaces that a Job creates. */
  readonly workspaces?: WorkspaceProps[];
  /** Labels of pods on whose node the volume of the store is, if only one node can have it. */
  readonly sameNodeAs?: Record<string, string>;
  /** Destinations besides its connections. */
  readonly egress?: EgressRule[];
  /** Further settings of MLflow, e.g. a proxy on the way to the store. */
  readonly environment?: Record<string, string>;
  /** MLflow's own users: their database, and what its programs need. */
  readonly auth?: {
    readonly databaseName: string;
    /** Text of `basic_auth.ini`. */
    readonly settings: string;
    readonly secretVariables: SecretVariable[];
    /** Names of all service users, asked at synth. */
    readonly serviceUsers: () => string[];
  };
  readonly connect: (client: ConnectionClient) => { database: Connection; artifacts: Connection };
}

interface ServerParts {
  readonly plan: ServerPlan;
  readonly placement: PlacementOptions;
  readonly props: TrackingServerProps;
  readonly login: ServerLogin;
  readonly podSelector: Record<string, string>;
  readonly connect: OperatedServer['connect'];
}

export function operatedServer({ plan, placement, props, login, podSelector, connect }: ServerParts): OperatedServer {
  const { authDatabase, secretVariables } = login;
  return {
    placement,
    image: plan.image,
    dumpSpace: plan.dumpSpace,
    leastPods: plan.autoscaling?.minReplicas ?? plan.maxPods,
    clientImage: mirroredDefault(props.database.clientImage, placement),
    artifactsUri: props.artifacts.uri,
    databaseIsInPod: props.database.engine._isInPod,
    sameNodeAs: props.artifacts.sharedByReplicas ? undefined : podSelector,
    workspaces: props.workspaces,
    egress: props.egress,
    environment: { ...(props.workspaces && { MLFLOW_ENABLE_WORKSPACES: 'true' }), ...props.environment },
    auth: authDatabase
      ? {
          databaseName: authDatabase,
          settings: authSettings(props.database.engine._uriOf(authDatabase)),
          secretVariables,
          serviceUsers: () => login.serviceUsers,
        }
      : undefined,
    connect,
  };
}
