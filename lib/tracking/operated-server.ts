import { Size } from 'cdk8s';
import { ServerLogin } from './server-login';
import { ServerPlan } from './server-plan';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { WorkspaceProps } from './workspace';
import { IArtifactStore } from '../artifacts/artifact-store';
import { PlacementOptions, mirroredDefault } from '../component/pod-options';
import { Connection, ConnectionClient, SecretVariable } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';

/** What operations on a server's data, the migration and backups, have to know of it. */
export interface OperatedServer {
  readonly placement: PlacementOptions;
  /** MLflow's image. */
  readonly image: string;
  /** Image with the program that dumps the database. */
  readonly clientImage: string;
  readonly dumpSpace: Size;
  /** Upgrades of which dumps are kept. */
  readonly dumpsKept: number;
  /** The least number of pods that serve. */
  readonly leastPods: number;
  /** True if only the server's own pod can open the database. */
  readonly databaseIsInPod: boolean;
  /** True if the database is on a MySQL or MariaDB server. */
  readonly databaseIsMysql: boolean;
  readonly artifactsUri: string;
  /** Workspaces that a Job creates. */
  readonly workspaces?: WorkspaceProps[];
  readonly store: IArtifactStore;
  readonly artifactAccess: ArtifactAccess;
  /** True if its proxies refuse uploads. */
  readonly artifactWritesPaused: boolean;
  /** Labels of pods on whose node the volume of the store or of the database is, if only one node can have it. */
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
    /** True if the proxy checks all logins: MLflow has no passwords. */
    readonly usersByProxy: boolean;
    readonly secretVariables: SecretVariable[];
    /** MLflow's names of all programs, asked at synth. */
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
    dumpsKept: props.dumpsKept ?? 3,
    leastPods: plan.autoscaling?.minReplicas ?? plan.maxPods,
    clientImage: mirroredDefault(props.database.clientImage, placement),
    artifactsUri: props.artifacts.uri,
    store: props.artifacts,
    artifactAccess: plan.artifactAccess,
    artifactWritesPaused: props.pauseArtifactWrites ?? false,
    databaseIsInPod: props.database.engine._isInPod,
    databaseIsMysql: props.database.engine._isMysql,
    sameNodeAs: props.artifacts.sharedByReplicas && props.database.sharedByReplicas ? undefined : podSelector,
    workspaces: props.workspaces,
    egress: props.egress,
    environment: { ...(props.workspaces && { MLFLOW_ENABLE_WORKSPACES: 'true' }), ...props.environment },
    auth: authDatabase
      ? {
          databaseName: authDatabase,
          settings: login.authSettings(props.database.engine)!,
          usersByProxy: login.permissions !== undefined,
          secretVariables,
          serviceUsers: () => login.programUsers,
        }
      : undefined,
    connect,
  };
}
