import { ModelServingOptions } from './model-serving-props';
import { RegisteredModel } from './registered-model';
import { MODEL, PACKAGES, WARM_UP } from './serving-folders';
import { ServingPlan, TMP_SPACE } from './serving-plan';
import { MODEL_METRICS_PORT, MODEL_PORT } from './serving-ports';
import { LINGER_BEHIND_NGINX, servingProxy } from './serving-proxy';
import { extraParts } from '../component/extra-containers';
import { sharedMemoryVolume, withGpus } from '../component/hardware-options';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS } from '../component/program';
import { withAuthority } from '../kubernetes/certificate-authority';
import { withConfigValues } from '../kubernetes/config-value';
import { Connection, SecretVariable } from '../kubernetes/connection';
import { Container, Volume, VolumeMount } from '../kubernetes/manifest';
import { mountFiles } from '../kubernetes/mounted-files';
import { fromField, mountConnections, scratch } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

/** Programs of ours that the pods run. */
export const SERVING_PROGRAMS = [
  'secret_files.py',
  'serving_settings.py',
  'required.py',
  'may_pass.py',
  'model_download.py',
  'model_requirements.py',
  'download_model.py',
  'serving_app.py',
  'serving_protocol.py',
  'serve_model.py',
];

/** Threads of the libraries below NumPy, scikit-learn and PyTorch: by themselves they take one for each core of the node. */
const MATHS_THREADS = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'];
/** The limit of the pod's own container, in whole CPUs rounded up. */
const fromCpuLimit = (name: string) => ({
  name,
  valueFrom: { resourceFieldRef: { containerName: 'model-server', resource: 'limits.cpu', divisor: '1' } },
});

/** Until every kube-proxy has heard that the pod is going. */
const LINGER_SECONDS = 8;

export interface ServingPodProps {
  readonly name: string;
  readonly model: RegisteredModel;
  readonly plan: ServingPlan;
  readonly placement: PlacementOptions;
  readonly tracking: Connection;
  readonly trackingUrl: string;
  readonly environment: Record<string, string>;
  readonly secretVariables: SecretVariable[];
  /** Files, containers and volumes of the user. */
  readonly options: ModelServingOptions;
  readonly warmUp?: { readonly name: string; readonly key: string };
  /** Changes with the content of the ConfigMaps, so that a change is a rollout. */
  readonly configHash: string;
}

export function servingPod(props: ServingPodProps): PodProps {
  const { plan, name } = props;
  const { warmUp } = props;
  const { authority } = props.placement;
  const mounted = withAuthority(mountConnections([props.tracking], props.secretVariables), authority);
  const files = mountFiles(props.options.files);
  const extra = extraParts(props.options);
  const shared = sharedMemoryVolume(plan.hardware);
  const requirements = plan.runtime._requirements;
  const proxy = plan.exposed ? servingProxy(plan, props.trackingUrl, `${name}-proxy`, authority) : undefined;
  const linger = plan.exposed ? LINGER_BEHIND_NGINX : LINGER_SECONDS;
  const mounts: VolumeMount[] = [
    { name: 'programs', mountPath: PROGRAMS, readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
    ...(requirements ? [{ name: 'packages', mountPath: PACKAGES }] : []),
    ...mounted.mounts,
    ...files.mounts,
    ...extra.mounts,
  ];
  const env = {
    ...MLFLOW_PROGRAM,
    MODEL_DIRECTORY: MODEL,
    SERVING_NAME: name,
    ...modelVariables(props.model),
    ...mounted.environment,
    ...props.environment,
  };
  const base = {
    image: plan.image,
    securityContext: containerSecurity(ANY_USER),
    resources: renderResources(plan.resources),
  };
  const { configEnvironment } = props.options;
  const namespace = fromField('POD_NAMESPACE', 'metadata.namespace');
  const given = { ...props.environment, ...configEnvironment };
  const download: Container = {
    ...base,
    name: 'download-model',
    command: ['python', `${PROGRAMS}/download_model.py`],
    env: [
      ...withConfigValues(
        {
          ...env,
          MODEL_SPACE_BYTES: String(plan.modelSpaceBytes),
          ...(plan.acceptAnyPython && { ACCEPT_ANY_PYTHON: 'true' }),
          ...(requirements && { PACKAGES_DIRECTORY: PACKAGES, REQUIREMENTS_INDEX_URL: requirements.indexUrl }),
        },
        configEnvironment,
      ),
      namespace,
    ],
    volumeMounts: [...mounts, { name: 'model', mountPath: MODEL }],
  };
  const server: Container = {
    ...base,
    name: 'model-server',
    resources: withGpus(base.resources, plan.hardware),
    command: ['python', `${PROGRAMS}/serve_model.py`],
    env: [
      ...withConfigValues(
        {
          ...env,
          MAX_REQUEST_BYTES: String(plan.maxRequestBytes),
          MAX_REQUESTS: String(plan.maxConcurrentRequests),
          MAX_REQUESTS_BYTES: String(plan.maxConcurrentBytes),
          START_SECONDS: String(plan.startSeconds),
          MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT: String(plan.requestTimeoutSeconds),
          LINGER_SECONDS: String(linger),
          DRAIN_SECONDS: String(plan.drainSeconds),
          ...plan.warmUp._environment(`${WARM_UP}/request`),
        },
        configEnvironment,
      ),
      namespace,
      ...MATHS_THREADS.filter((variable) => !(variable in given)).map(fromCpuLimit),
    ],
    ports: [
      { name: 'http', containerPort: MODEL_PORT },
      { name: 'metrics', containerPort: MODEL_METRICS_PORT },
    ],
    // Nothing listens before the model is loaded and has answered its warm-up request.
    startupProbe: {
      httpGet: { path: '/ping', port: 'http' },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: plan.startSeconds,
    },
    readinessProbe: {
      httpGet: { path: '/health', port: 'http' },
      periodSeconds: 2,
      timeoutSeconds: 10,
      failureThreshold: 15,
    },
    livenessProbe: {
      httpGet: { path: '/ping', port: 'http' },
      periodSeconds: 20,
      timeoutSeconds: 15,
      failureThreshold: 6,
    },
    volumeMounts: [
      ...mounts,
      { name: 'model', mountPath: MODEL, readOnly: true },
      ...shared.mounts,
      ...(warmUp ? [{ name: 'warm-up', mountPath: WARM_UP, readOnly: true }] : []),
    ],
  };
  const version = props.model.version;
  return {
    labels: version === undefined ? undefined : { 'model-version': version },
    annotations: {
      'kubectl.kubernetes.io/default-container': 'model-server',
      'cdk8s-mlflow/config-hash': props.configHash,
    },
    user: ANY_USER,
    placement: props.placement,
    spread: 'zones',
    metrics: { port: MODEL_METRICS_PORT },
    terminationGracePeriodSeconds: linger + plan.drainSeconds + 5,
    initContainers: [...extra.initContainers, download],
    containers: [server, ...(proxy ? [proxy.container] : [])],
    volumes: [
      { name: 'programs', configMap: { name: `${name}-programs` } },
      scratch('model', plan.modelSpace),
      scratch('tmp', TMP_SPACE),
      ...(requirements ? [packages(plan)] : []),
      ...(warmUp
        ? [{ name: 'warm-up', configMap: { name: warmUp.name, items: [{ key: warmUp.key, path: 'request' }] } }]
        : []),
      ...mounted.volumes,
      ...files.volumes,
      ...shared.volumes,
      ...extra.volumes,
      ...(proxy?.volumes ?? []),
    ],
  };
}

function packages({ runtime }: ServingPlan): Volume {
  const claimName = runtime._requirements?.cacheClaimName;
  return claimName ? { name: 'packages', persistentVolumeClaim: { claimName } } : scratch('packages', runtime._space);
}

/** What the programs read of the model; the deployer sets the version of a model that follows an alias or a stage. */
function modelVariables({ name, alias, stage, version, workspace }: RegisteredModel): Record<string, string> {
  return {
    MODEL_NAME: name,
    ...(alias !== undefined && { MODEL_ALIAS: alias }),
    ...(stage !== undefined && { MODEL_STAGE: stage }),
    ...(version !== undefined && { MODEL_VERSION: String(version) }),
    ...(workspace !== undefined && { MLFLOW_WORKSPACE: workspace }),
  };
}
