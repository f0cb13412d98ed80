import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { ModelServingOptions } from './model-serving-props';
import { ServingRuntime } from './serving-runtime';
import { WarmUp } from './warm-up';
import { Exposure } from '../access/exposure';
import { Images } from '../images';
import { AutoscalerBounds, autoscalerBounds, scalingRules } from '../kubernetes/autoscaler';
import { egressRules, peerRules } from '../kubernetes/network-boundary';
import { PlacementOptions, defaultSpace, mirrored } from '../kubernetes/pod-options';
import { LOG_SPACE, mebibytes, mergeResources, resourceRules, sizeRule } from '../kubernetes/resources';
import { Rule, imageRule, wholeRule } from '../kubernetes/rules';
import { SERVING_VARIABLES, reservedRules } from '../tracking/reserved-variables';
import { environmentRules } from '../tracking/rules';

/** The props with every default filled in. */
export interface ServingPlan {
  readonly image: string;
  readonly proxyImage: string;
  readonly resources: ContainerResources;
  readonly proxyResources: ContainerResources;
  readonly runtime: ServingRuntime;
  readonly warmUp: WarmUp;
  readonly autoscaling?: AutoscalerBounds;
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
  /** True where nginx stands beside the model, with the platform's login. */
  readonly exposed: boolean;
  /** Host that people reach by TLS alone. */
  readonly httpsHost?: string;
}

/** Space of `/tmp`. */
export const TMP_SPACE = Size.gibibytes(1);

export function servingPlan(props: ModelServingOptions, placement: PlacementOptions): ServingPlan {
  const runtime = props.runtime ?? ServingRuntime.offline();
  const modelSpace = props.modelSpace ?? defaultSpace(10, placement);
  const autoscaling = autoscalerBounds(props);
  const requestTimeoutSeconds = props.requestTimeoutSeconds ?? 60;
  const packages = runtime._requirements && !runtime._requirements.cacheClaimName ? mebibytes(runtime._space) : 0;
  const disk = Math.ceil(mebibytes(modelSpace) + packages) + mebibytes(TMP_SPACE);
  const maxRequestBytes = Math.round(mebibytes(props.maxRequestSize ?? Size.mebibytes(16)) * 1024 * 1024);
  const resources = mergeResources(
    {
      cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
      memory: { request: Size.gibibytes(1), limit: Size.gibibytes(4) },
      ephemeralStorage: { request: Size.mebibytes(Math.min(disk, 1024)), limit: Size.mebibytes(disk) },
    },
    props.resources,
  );
  const others = packages + mebibytes(TMP_SPACE);
  const space = Math.min(mebibytes(modelSpace), mebibytes(resources.ephemeralStorage!.limit!) - others);
  const memoryBytes = mebibytes(resources.memory!.limit!) * 1024 * 1024;
  return {
    image: runtime._image ?? mirrored(Images.MLFLOW, placement),
    proxyImage: props.proxyImage ?? mirrored(Images.NGINX, placement),
    resources,
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
    // A body takes several times its size while it is read and predicted.
    maxConcurrentBytes: Math.max(maxRequestBytes, Math.floor(memoryBytes / 16)),
    requestTimeoutSeconds,
    startSeconds: props.startSeconds ?? 600,
    drainSeconds: props.drainSeconds ?? requestTimeoutSeconds,
    acceptAnyPython: props.acceptAnyPython ?? false,
    exposed: (props.exposure ?? Exposure.none())._hosts.length > 0,
    httpsHost: props.exposure?._httpsHost,
  };
}

/** Everything that is wrong with the props of a serving. */
export function servingRules(props: ModelServingOptions, plan: ServingPlan): Rule[] {
  return [
    ...props.model._rules,
    ...plan.runtime._rules,
    ...plan.warmUp._rules,
    ...scalingRules(props),
    imageRule(plan.proxyImage, 'proxyImage'),
    ...resourceRules(plan.resources),
    ...resourceRules(plan.proxyResources, 'proxyResources'),
    sizeRule('modelSpace', plan.modelSpace),
    sizeRule('maxRequestSize', props.maxRequestSize ?? Size.mebibytes(16)),
    wholeRule('maxConcurrentRequests', plan.maxConcurrentRequests, 1),
    wholeRule('requestTimeoutSeconds', plan.requestTimeoutSeconds, 1),
    wholeRule('startSeconds', plan.startSeconds, 10),
    wholeRule('drainSeconds', plan.drainSeconds, 1),
    ...peerRules('clients', props.clients),
    ...peerRules('metricsClients', props.metricsClients),
    ...egressRules('egress', props.egress),
    ...environmentRules(props.environment, "a Secret by a JSON patch of apiObject('deployment')"),
    ...reservedRules(props.environment, SERVING_VARIABLES),
  ];
}
