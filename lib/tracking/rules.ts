import { Authentication } from './authentication';
import { extraArgumentRules } from './extra-arguments';
import { permissionRules } from './oidc-rules';
import { SERVER_SECRETS, SERVER_VARIABLES, reservedRules } from './reserved-variables';
import { serverCheckRules } from './server-check';
import { MOST_DATABASE_REQUESTS, ServerPlan } from './server-plan';
import { SERVER_FOLDERS, TAKEN_IN_SERVER } from './server-pod';
import { publicHost } from './sign-on-pod';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { userLimitRules } from './user-limits';
import { workspaceListRules } from './workspace';
import { scalingRules } from '../component/autoscaler';
import { extraContainerRules } from '../component/extra-container-rules';
import { volumePaths } from '../component/extra-volume';
import { PlacementOptions } from '../component/pod-options';
import { serverServiceRules } from '../component/service-options';
import { configEnvironmentRules } from '../kubernetes/config-value';
import { Connection, SecretVariable } from '../kubernetes/connection';
import { durationRule } from '../kubernetes/durations';
import { environmentRules } from '../kubernetes/environment-rules';
import { connectedFolders, mountedFilesRules } from '../kubernetes/mounted-files';
import { egressRules, peerRules } from '../kubernetes/network-peer';
import { resourceRules, sizeRule } from '../kubernetes/resources';
import { Rule, imageRule, objectNameRule, wholeRule } from '../kubernetes/rules';
import { connectedVariableRules, secretEnvironmentRules } from '../kubernetes/secret-value';

/** Everything that is wrong with the props of a tracking server. */
export function serverRules(props: TrackingServerProps, plan: ServerPlan, placement: PlacementOptions): Rule[] {
  return [
    imageRule(plan.image),
    imageRule(plan.proxyImage, 'proxyImage'),
    ...resourceRules(plan.resources),
    ...resourceRules(plan.proxyResources, 'proxyResources'),
    sizeRule('spool', plan.spool),
    sizeRule('dumpSpace', plan.dumpSpace),
    wholeRule('dumpsKept', props.dumpsKept, 1),
    ...scalingRules(props),
    wholeRule('workers', plan.workers, 1),
    {
      wrong:
        !Number.isInteger(plan.maxDatabaseRequests) ||
        plan.maxDatabaseRequests < 1 ||
        plan.maxDatabaseRequests > MOST_DATABASE_REQUESTS,
      given: `maxDatabaseRequests is ${plan.maxDatabaseRequests}`,
      want: `expected a whole number from 1 to ${MOST_DATABASE_REQUESTS}, as many as MLflow runs at once; e.g. 6`,
    },
    durationRule('drainTimeout', props.drainTimeout, 10),
    durationRule('startTimeout', props.startTimeout, 60),
    durationRule('livenessTimeout', props.livenessTimeout, 60),
    durationRule('readinessTimeout', props.readinessTimeout, 6),
    ...[
      {
        what: 'the database',
        shared: props.database.sharedByReplicas,
        instead: 'a database that servers can share, e.g. new PostgresStatefulSet(…)',
      },
      {
        what: 'the artifact store',
        shared: props.artifacts.sharedByReplicas,
        instead: 'a store that servers can share, e.g. ArtifactStore.fromBucket(…) or a ReadWriteMany volume',
      },
    ].map(({ what, shared, instead }) => ({
      wrong: !shared && plan.maxPods > 1,
      given: `there can be ${plan.maxPods} servers, and ${what} supports a single replica`,
      want: `expected replicas: 1, or ${instead}`,
    })),
    {
      wrong:
        props.authentication?._databaseName !== undefined &&
        props.authentication._databaseName === props.database.databaseName,
      given: `the name of the users' database is '${props.database.databaseName}'`,
      want: 'expected a database of its own: MLflow cannot make its schema in one that has other tables',
    },
    {
      wrong: props.authentication?._kind === 'mlflow' && props.database.engine._isMysql,
      given: "authentication is Authentication.mlflow(…), and the server's database is Database.mysql(…)",
      want: "expected Authentication.basic(), or a PostgreSQL: MLflow gives two constraints of its users' tables one name, which MySQL and MariaDB refuse",
    },
    ...permissionRules(
      props.authentication?._oidc?.permissions,
      props.database.engine._isMysql,
      props.workspaces !== undefined,
    ),
    {
      wrong: plan.artifactAccess !== ArtifactAccess.PROXIED && !props.artifacts.reachableByClients,
      given: `artifactAccess is ${plan.artifactAccess}, and clients have no way into ${props.artifacts.uri}`,
      want: 'expected ArtifactAccess.PROXIED, or a store that clients can reach and log in to, e.g. ArtifactStore.fromBucket(…)',
    },
    {
      wrong: props.pauseArtifactWrites === true && plan.artifactAccess === ArtifactAccess.DIRECT,
      given: "pauseArtifactWrites is true, and artifactAccess is 'direct'",
      want: 'expected ArtifactAccess.PROXIED or PRESIGNED: with DIRECT, clients write to the store without the server, so stop them',
    },
    ...serverCheckRules(props),
    ...peerRules('clients', props.clients),
    ...peerRules('metricsClients', props.metricsClients),
    ...egressRules('egress', props.egress),
    ...(props.allowedHosts ?? []).map((host) => ({
      wrong: !/^[a-z0-9*.:[\]-]+$/.test(host),
      given: `allowedHosts has '${host}'`,
      want: "expected lower-case host names without scheme or path, e.g. 'mlflow.example.com' or '*.example.com'",
    })),
    ...(props.allowedOrigins ?? []).map((origin) => ({
      wrong: !/^https?:\/\/[^/,\sA-Z]+$/.test(origin),
      given: `allowedOrigins has '${origin}'`,
      want: "expected a scheme and a lower-case host, without a path, e.g. 'https://notebooks.example.com'",
    })),
    ...(props.authentication ?? Authentication.basic())._rules,
    {
      wrong: props.authentication?._oidc !== undefined && !publicHost(props.authentication._oidc, props.exposure),
      given: 'authentication is Authentication.oidc(…), without an exposure and without publicUrl',
      want: "expected exposure: Exposure.ingress({ host: 'mlflow.example.com', … }), or publicUrl: 'https://mlflow.example.com' in Authentication.oidc: the provider sends browsers back there",
    },
    {
      wrong: props.authentication?._oidc !== undefined && (props.exposure?._hosts.length ?? 0) > 1,
      given: `authentication is Authentication.oidc(…), and otherHosts of the exposure are '${props.exposure?._hosts.slice(1).join("', '")}'`,
      want: 'expected no otherHosts: the provider leads browsers back to one host. Redirect the others to it',
    },
    ...(props.exposure?._rules({ https: props.tlsSecretName !== undefined, authority: placement.authority }) ?? []),
    ...(props.tlsSecretName === undefined
      ? []
      : [objectNameRule('tlsSecretName', props.tlsSecretName, 'mlflow-server-tls')]),
    ...userLimitRules(props.userLimits, props.authentication ?? Authentication.basic()),
    ...workspaceListRules(props.workspaces, props.authentication ?? Authentication.basic(), props.database.engine),
    {
      wrong: props.workspaces !== undefined && props.environment?.MLFLOW_ENABLE_WORKSPACES !== undefined,
      given: `environment has MLFLOW_ENABLE_WORKSPACES '${props.environment?.MLFLOW_ENABLE_WORKSPACES}', and workspaces are given`,
      want: 'expected without it: the prop workspaces sets it',
    },
    ...serverServiceRules(props.service),
    ...environmentRules(props.environment, 'the prop secretEnvironment or keys'),
    ...reservedRules(props.environment, SERVER_VARIABLES),
    ...secretEnvironmentRules(props.secretEnvironment, props.environment),
    ...reservedRules(props.secretEnvironment, SERVER_SECRETS, 'secretEnvironment'),
    ...configEnvironmentRules(props.configEnvironment, {
      environment: props.environment,
      secretEnvironment: props.secretEnvironment,
    }),
    ...reservedRules(props.configEnvironment, SERVER_SECRETS, 'configEnvironment'),
    ...mountedFilesRules(props.files, SERVER_FOLDERS, volumePaths(props.volumes)),
    ...extraContainerRules(props, TAKEN_IN_SERVER),
    ...extraArgumentRules(props.extraArguments),
  ];
}

/** What is wrong with them beside the server's connections. */
export function connectedRules(
  { secretEnvironment, configEnvironment, files, volumes }: TrackingServerProps,
  connections: Connection[],
  login: SecretVariable[],
): Rule[] {
  return [
    ...connectedVariableRules(secretEnvironment, connections, login),
    ...connectedVariableRules(configEnvironment, connections, login, 'configEnvironment'),
    ...mountedFilesRules(files, [...SERVER_FOLDERS, ...connectedFolders(connections)], volumePaths(volumes)),
  ];
}
