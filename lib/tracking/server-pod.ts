import { Size } from 'cdk8s';
import { ACCOUNT_POD_PORTS, ACCOUNT_PROGRAM, AccountPod } from './account-pod';
import { OWN_DATABASE_PROGRAMS, migrationInPod } from './migration-in-pod';
import { MLFLOW_PORT } from './mlflow-port';
import { CHECK_PROGRAM, serverCheck } from './server-check';
import { ServerLogin } from './server-login';
import { ServerPlan } from './server-plan';
import { OIDC_METRICS_PORT, OIDC_PORT, SignOn } from './sign-on-pod';
import { VERIFIER_CONTAINERS, VERIFIER_PORTS, VERIFIER_PORT_NAMES } from './token-verifier-pod';
import { TrackingServerProps } from './tracking-server-props';
import { TakenInPod } from '../component/extra-container-rules';
import { extraParts } from '../component/extra-containers';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { PROGRAMS } from '../component/program';
import { DatabaseEngine } from '../database/database-engine';
import { AUTHORITY_FOLDER, withAuthority } from '../kubernetes/certificate-authority';
import { withConfigValues } from '../kubernetes/config-value';
import { Connection, SecretVariable } from '../kubernetes/connection';
import { Container, VolumeMount } from '../kubernetes/manifest';
import { mountFiles } from '../kubernetes/mounted-files';
import { mountConnections, scratch } from '../kubernetes/pod';
import { renderResources, smallResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';
import { REQUEST_LINES_PORT } from '../nginx/request-lines';
import { HTTP_PORT, METRICS_PORT, ReverseProxy } from '../nginx/reverse-proxy';
import { stopSeconds } from '../nginx/sidecar';

const SERVER_PROGRAMS = [
  'secret_files.py',
  'schema.py',
  'wait_for_schema.py',
  'serve.py',
  'server_app.py',
  'database_pool.py',
  'request_limits.py',
  'json_answer.py',
  'artifact_locations.py',
  'required.py',
  'open_metrics.py',
  'proxy_metrics.py',
  'spool_metrics.py',
  'own_login.py',
  'run_owner.py',
  'audit_log.py',
  'audit_actions.py',
];

/** Programs of ours that the pods run. */
export function serverPrograms(
  { database: { engine }, checkBeforeServing }: TrackingServerProps,
  login: Pick<ServerLogin, 'accounts' | 'permissions'>,
): string[] {
  return [
    ...SERVER_PROGRAMS,
    ...(engine._isInPod ? OWN_DATABASE_PROGRAMS : []),
    ...(login.permissions ? ['proxy_login.py'] : []),
    ...(engine._isMysql ? ['mysql_database.py'] : []),
    ...(checkBeforeServing ? [CHECK_PROGRAM] : []),
    ...(login.accounts.areUsed ? [ACCOUNT_PROGRAM] : []),
  ];
}

const METRICS_DIRECTORY = '/run/mlflow-metrics';
/** Where the library mounts something in every server. */
export const SERVER_FOLDERS = [PROGRAMS, '/tmp', METRICS_DIRECTORY, AUTHORITY_FOLDER];
/** What containers of the user may not be called, and where they may not listen, whatever the login. */
export const TAKEN_IN_SERVER: TakenInPod = {
  containers: [
    ...['account-keys', 'account-tokens', 'check-before-serving', 'migrate', 'mlflow', 'nginx', 'oauth2-proxy'],
    'wait-for-schema',
    ...VERIFIER_CONTAINERS,
  ],
  portNames: ['http', 'metrics', 'oidc-metrics', 'token-metrics', ...VERIFIER_PORT_NAMES],
  ports: [
    ...[OIDC_PORT, MLFLOW_PORT, REQUEST_LINES_PORT, HTTP_PORT, METRICS_PORT, OIDC_METRICS_PORT],
    ...ACCOUNT_POD_PORTS,
    ...VERIFIER_PORTS,
  ],
};
/**
 * Checks that MLflow's event loop answers. It answers a preflight request (OPTIONS) without a thread. Other requests may
 * need a thread, which may all be busy, and a restart would abort their work.
 */
const ANSWERS = `import socket
s = socket.create_connection(('127.0.0.1', ${MLFLOW_PORT}), 10)
s.sendall(b'OPTIONS /health HTTP/1.1\\r\\nHost: localhost\\r\\nOrigin: http://localhost\\r\\n'
  b'Access-Control-Request-Method: GET\\r\\nConnection: close\\r\\n\\r\\n')
assert s.recv(1)`;
const LIVENESS_PERIOD_SECONDS = 20;
/** uvicorn's own limit, after nginx has finished all requests. */
const UVICORN_GRACE_SECONDS = 10;

export interface ServerPodProps {
  readonly plan: ServerPlan;
  readonly placement: PlacementOptions;
  readonly proxy: ReverseProxy;
  readonly signOn?: SignOn;
  /** The checks of tokens of programs. */
  readonly accounts: AccountPod[];
  readonly engine: DatabaseEngine;
  readonly connections: Connection[];
  readonly secretVariables: SecretVariable[];
  /** Files, containers, volumes and arguments of the user. */
  readonly options: TrackingServerProps;
  readonly environment: Record<string, string>;
  readonly artifactArguments: string[];
  /** Name of MLflow's database of users, for its own login. */
  readonly authDatabase?: string;
  readonly programsConfigMap: string;
  /** Changes with the content of the ConfigMaps, so that a change is a rollout. */
  readonly configHash: string;
}

export function serverPod(props: ServerPodProps): PodProps {
  const { plan } = props;
  const proxy = props.proxy.sidecar();
  const connected = mountConnections(props.connections, props.secretVariables);
  const mounted = withAuthority(connected, props.placement.authority);
  const files = mountFiles(props.options.files);
  const extra = extraParts(props.options);
  const mounts: VolumeMount[] = [
    { name: 'programs', mountPath: PROGRAMS, readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
    { name: 'metrics', mountPath: METRICS_DIRECTORY },
    ...mounted.mounts,
    ...files.mounts,
    ...extra.mounts,
  ];
  const env = withConfigValues({ ...mounted.environment, ...props.environment }, props.options.configEnvironment);
  const base = { image: plan.image, env, volumeMounts: mounts, securityContext: containerSecurity(ANY_USER) };
  const waitForSchema: Container = {
    ...base,
    name: 'wait-for-schema',
    command: ['python', `${PROGRAMS}/wait_for_schema.py`],
    resources: renderResources(smallResources),
  };
  const mlflow: Container = {
    ...base,
    name: 'mlflow',
    // A sidecar: ready before nginx starts, and stopped only when nginx has answered its last request.
    restartPolicy: 'Always',
    command: ['python', `${PROGRAMS}/serve.py`],
    args: serverArguments(props),
    startupProbe: {
      exec: { command: ['python', '-S', '-E', '-c', ANSWERS] },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: plan.startSeconds,
    },
    livenessProbe: {
      exec: { command: ['python', '-S', '-E', '-c', ANSWERS] },
      periodSeconds: LIVENESS_PERIOD_SECONDS,
      timeoutSeconds: 15,
      failureThreshold: Math.ceil(plan.livenessSeconds / LIVENESS_PERIOD_SECONDS),
      // The event loop does not answer, so no request can complete.
      terminationGracePeriodSeconds: 15,
    },
    resources: renderResources(plan.resources),
  };
  return {
    annotations: {
      'kubectl.kubernetes.io/default-container': 'mlflow',
      'cdk8s-mlflow/config-hash': props.configHash,
    },
    user: ANY_USER,
    placement: props.placement,
    spread: 'zones',
    metrics: { port: METRICS_PORT },
    terminationGracePeriodSeconds: stopSeconds(plan.drainSeconds) + UVICORN_GRACE_SECONDS + 5,
    initContainers: [
      ...extra.initContainers,
      props.engine._isInPod ? migrationInPod(base) : waitForSchema,
      mlflow,
      ...(props.options.checkBeforeServing ? [serverCheck(plan.image, props.options)] : []),
      ...(props.signOn ? [props.signOn.container] : []),
      ...props.accounts.flatMap(({ containers }) => containers),
    ],
    containers: [proxy.container],
    volumes: [
      { name: 'programs', configMap: { name: props.programsConfigMap } },
      scratch('tmp', plan.spool),
      scratch('metrics', Size.mebibytes(64)),
      ...mounted.volumes,
      ...files.volumes,
      ...extra.volumes,
      ...proxy.volumes,
      ...(props.signOn ? [props.signOn.volume] : []),
      ...props.accounts.flatMap(({ volumes }) => volumes),
    ],
  };
}

function serverArguments(props: ServerPodProps): string[] {
  const pairs: [string, string][] = [
    ['--host', '127.0.0.1'],
    ['--port', String(MLFLOW_PORT)],
    ['--workers', String(props.plan.workers)],
    ['--backend-store-uri', props.engine._uriOf()],
    ['--expose-prometheus', METRICS_DIRECTORY],
    // nginx keeps its connections to MLflow shorter than this, so that none is closed under a request.
    ['--uvicorn-opts', `--no-access-log --timeout-keep-alive 120 --timeout-graceful-shutdown ${UVICORN_GRACE_SECONDS}`],
  ];
  if (props.authDatabase) pairs.push(['--app-name', 'basic-auth']);
  return [...pairs.flat(), ...props.artifactArguments, ...(props.options.extraArguments ?? [])];
}
