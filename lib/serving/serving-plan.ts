import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { ModelServingOptions } from './model-serving-props';
import { SERVING_FOLDERS } from './serving-folders';
import { LOGIN_PORT, TAKEN_IN_SERVING } from './serving-ports';
import { ServingRuntime } from './serving-runtime';
import { WarmUp } from './warm-up';
import { AutoscalerPlan, autoscalerPlan, scalingRules } from '../component/autoscaler';
import { extraContainerRules } from '../component/extra-container-rules';
import { volumeDisk, volumePaths } from '../component/extra-volume';
import { HardwareOptions, hardwareRules } from '../component/hardware-options';
import { PlacementOptions, defaultSpace, mirrored } from '../component/pod-options';
import { serviceRules } from '../component/service-options';
import { Exposure } from '../exposure/exposure';
import { Images } from '../images';
import { configEnvironmentRules } from '../kubernetes/config-value';
import { durationRule, seconds } from '../kubernetes/durations';
import { environmentRules } from '../kubernetes/environment-rules';
import { mountedFilesRules } from '../kubernetes/mounted-files';
import { egressRules, peerRules } from '../kubernetes/network-peer';
import { LOG_SPACE, mebibytes, mergeResources, resourceRules, sizeRule } from '../kubernetes/resources';
import { Rule, imageRule, objectNameRule, wholeRule } from '../kubernetes/rules';
import { secretEnvironmentRules } from '../kubernetes/secret-value';
import { PublicAddress } from '../nginx/nginx-options';
import { SERVING_SECRETS, SERVING_VARIABLES, reservedRules } from '../tracking/reserved-variables';

/** The props with every default filled in. */
export interface ServingPlan {
  readonly image: string;
  readonly proxyImage: string;
  readonly resources: ContainerResources;
  readonly hardware: HardwareOptions;
  readonly proxyResources: ContainerResources;
  readonly runtime: ServingRuntime;
  readonly warmUp: WarmUp;
  readonly autoscaling?: AutoscalerPlan;
  readonly maxPods: number;
  readonly modelSpace: Size;
  readonly modelSpaceBytes: number;
  readonly maxRequestBytes: number;
  readonly maxConcurrentRequests: number;
  readonly maxConcurrentBytes: number;
  readonly requestTimeoutSeconds: number;
  readonly startSeconds: number;
  readonly drainSeconds: number;
  readonly acceptAnyPython: boolean;
  /** True if the pod has nginx, with the platform's login. */
  readonly exposed: boolean;
  /** Secret with the certificate of the port of the exposure. */
  readonly tlsSecretName?: string;
  /** Address of the exposure. */
  readonly address?: PublicAddress;
}

/** Space of `/tmp`. */
export const TMP_SPACE = Size.gibibytes(1);

export function servingPlan(props: ModelServingOptions, placement: PlacementOptions): ServingPlan {
  const runtime = props.runtime ?? ServingRuntime.offline();
  const modelSpace = props.modelSpace ?? defaultSpace(10, placement);
  const autoscaling = autoscalerPlan(props);
  const requestTimeoutSeconds = props.requestTimeout === undefined ? 60 : seconds(props.requestTimeout);
  const packages = runtime._requirements && !runtime._requirements.cacheClaimName ? mebibytes(runtime._space) : 0;
  const others = packages + mebibytes(TMP_SPACE) + volumeDisk(props.volumes);
  const disk = Math.ceil(mebibytes(modelSpace) + others);
  const maxRequestBytes = Math.round(mebibytes(props.maxRequestSize ?? Size.mebibytes(16)) * 1024 * 1024);
  const resources = mergeResources(
    {
      cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
      memory: { request: Size.gibibytes(1), limit: Size.gibibytes(4) },
      ephemeralStorage: { request: Size.mebibytes(Math.min(disk, 1024)), limit: Size.mebibytes(disk) },
    },
    props.resources,
  );
  const space = Math.min(mebibytes(modelSpace), mebibytes(resources.ephemeralStorage!.limit!) - others);
  const shared = props.sharedMemory ? mebibytes(props.sharedMemory) : 0;
  const memoryBytes = (mebibytes(resources.memory!.limit!) - shared) * 1024 * 1024;
  return {
    image: runtime._image ?? mirrored(Images.MLFLOW, placement),
    proxyImage: props.proxyImage ?? mirrored(Images.NGINX, placement),
    resources,
    hardware: props,
    proxyResources: mergeResources(
      {
        cpu: { request: Cpu.millis(50), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
        ephemeralStorage: LOG_SPACE,
      },
      props.proxyResources,
    ),
    runtime,
    warmUp: props.warmUp ?? WarmUp.modelExample(),
    autoscaling,
    maxPods: autoscaling?.maxReplicas ?? props.replicas ?? 1,
    modelSpace,
    // A little below what the volume and the limit hold: the kubelet measures with a lag, and evicts a pod that has more.
    modelSpaceBytes: Math.max(1, Math.floor(space * 0.95)) * 1024 * 1024,
    maxRequestBytes,
    maxConcurrentRequests: props.maxConcurrentRequests ?? 100,
    // A body needs several times its size in memory while it is read and predicted.
    maxConcurrentBytes: Math.max(maxRequestBytes, Math.floor(memoryBytes / 16)),
    requestTimeoutSeconds,
    startSeconds: props.startTimeout === undefined ? 600 : seconds(props.startTimeout),
    drainSeconds: props.drainTimeout === undefined ? requestTimeoutSeconds : seconds(props.drainTimeout),
    acceptAnyPython: props.acceptAnyPython ?? false,
    exposed: (props.exposure ?? Exposure.none())._hosts.length > 0,
    tlsSecretName: props.tlsSecretName,
    address: props.exposure?._address,
  };
}

/** Everything that is wrong with the props of a serving. */
export function servingRules(props: ModelServingOptions, plan: ServingPlan, placement: PlacementOptions): Rule[] {
  const { tlsSecretName } = props;
  return [
    ...props.model._rules,
    ...plan.runtime._rules,
    ...plan.warmUp._rules,
    ...scalingRules(props, true),
    imageRule(plan.proxyImage, 'proxyImage'),
    ...resourceRules(plan.resources),
    ...hardwareRules(props, plan.resources),
    ...resourceRules(plan.proxyResources, 'proxyResources'),
    sizeRule('modelSpace', plan.modelSpace),
    sizeRule('maxRequestSize', props.maxRequestSize ?? Size.mebibytes(16)),
    wholeRule('maxConcurrentRequests', plan.maxConcurrentRequests, 1),
    durationRule('requestTimeout', props.requestTimeout, 1),
    durationRule('startTimeout', props.startTimeout, 10),
    durationRule('drainTimeout', props.drainTimeout, 1),
    ...peerRules('clients', props.clients),
    ...peerRules('metricsClients', props.metricsClients),
    ...egressRules('egress', props.egress),
    ...(props.exposure?._rules({ https: tlsSecretName !== undefined, authority: placement.authority }) ?? []),
    ...(tlsSecretName === undefined ? [] : [objectNameRule('tlsSecretName', tlsSecretName, 'churn-serving-tls')]),
    {
      wrong: tlsSecretName !== undefined && !plan.exposed,
      given: 'tlsSecretName is given, and no exposure',
      want: "expected an exposure, e.g. Exposure.ingress({ host: 'churn.example.com' }): the certificate is for its port",
    },
    ...serviceRules(props.service),
    {
      wrong: plan.exposed && props.service?.port === LOGIN_PORT,
      given: `service.port is ${LOGIN_PORT}`,
      want: 'expected another port: this one is that of the login',
    },
    ...environmentRules(props.environment),
    ...reservedRules(props.environment, SERVING_VARIABLES),
    ...secretEnvironmentRules(props.secretEnvironment, props.environment),
    ...reservedRules(props.secretEnvironment, SERVING_SECRETS, 'secretEnvironment'),
    ...configEnvironmentRules(props.configEnvironment, {
      environment: props.environment,
      secretEnvironment: props.secretEnvironment,
    }),
    ...reservedRules(props.configEnvironment, SERVING_SECRETS, 'configEnvironment'),
    ...mountedFilesRules(props.files, SERVING_FOLDERS, volumePaths(props.volumes)),
    ...extraContainerRules(props, TAKEN_IN_SERVING),
  ];
}
