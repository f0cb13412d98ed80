import { allowedHosts, allowedOrigins } from './hosts';
import { ServerLogin } from './server-login';
import { ServerPlan, poolConnections } from './server-plan';
import { serverAddress } from './server-service';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { PROGRAMS } from '../component/program';
import { readReplicaUri } from '../database/database-client';

/**
 * Sources that a model version may have: artifacts, and the two placeholders of a prompt, whose text is in a tag.
 * MLflow uses `re.search`, so the pattern anchors the beginning, and the end of the placeholders.
 */
const SOURCES = '^((mlflow-artifacts|models|runs):|(dummy-source|prompt-template)\\Z)';

/** What the environment of MLflow's container follows from. */
export interface ServerEnvironment {
  /** Name of the server and of its Service. */
  readonly name: string;
  readonly namespace?: string;
  readonly plan: ServerPlan;
  readonly props: TrackingServerProps;
  readonly login: Pick<ServerLogin, 'authDatabase' | 'permissions'>;
}

/** The variables that are no Secret. The prop `environment` overrides them. */
export function serverEnvironment({
  name,
  namespace,
  plan,
  props,
  login: { authDatabase, permissions },
}: ServerEnvironment): Record<string, string> {
  const { exposure } = props;
  return {
    HOME: '/tmp',
    SPOOL_DIRECTORY: '/tmp/spool',
    SPOOL_LIMIT_BYTES: String(plan.spoolMebibytes * 2 ** 20),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    MLFLOW_DISABLE_TELEMETRY: 'true',
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
    MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS: 'false',
    // All except one stay open. MLflow ignores an overflow of 0 and uses its own default.
    MLFLOW_SQLALCHEMYSTORE_POOL_SIZE: String(poolConnections(plan.maxDatabaseRequests) - 1),
    MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW: '1',
    MLFLOW_SERVER_ALLOWED_HOSTS: allowedHosts(name, namespace, [
      ...(exposure?._hosts ?? []),
      ...(props.allowedHosts ?? []),
    ]),
    MLFLOW_SERVER_CORS_ALLOWED_ORIGINS: allowedOrigins(name, namespace, serverAddress(props), [
      ...(exposure?._origins ?? []),
      ...(props.allowedOrigins ?? []),
    ]),
    // A version must not refer to files that are not artifacts, e.g. the dumps in the same bucket.
    ...(plan.artifactAccess === ArtifactAccess.PROXIED && {
      MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX: SOURCES,
    }),
    ...(props.database.readReplicaHost !== undefined && {
      MLFLOW_READ_REPLICA_BACKEND_STORE_URI: readReplicaUri(props.database.readReplicaHost),
    }),
    ...(props.workspaces && { MLFLOW_ENABLE_WORKSPACES: 'true' }),
    ...(props.auditLog && { AUDIT_LOG: 'yes' }),
    ...(authDatabase && { AUTH_DATABASE: authDatabase, MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini` }),
    ...(permissions && { LOGIN_BY_PROXY: 'true' }),
    ...props.environment,
  };
}
