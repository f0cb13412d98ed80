import { Size } from 'cdk8s';
import { ContainerResources, k8s } from 'cdk8s-plus-27';
import { Json, Volume, VolumeMount } from '../kubernetes/manifest';
import { isQualifiedName } from '../kubernetes/metadata-rules';
import { scratch } from '../kubernetes/pod';
import { mebibytes, sizeRule } from '../kubernetes/resources';
import { Rule, shownRule, wholeRule } from '../kubernetes/rules';

/** Hardware of the container that loads the model. */
export interface HardwareOptions {
  /**
   * GPUs of each pod, from 1 to 16: `limits` of the container `model-server`, with the name of `gpuResource`. A device
   * plugin in the cluster must offer them. A rollout starts a new pod before it stops an old one, so it needs as many free
   * GPUs; a pod waits for them no longer than `startTimeout`.
   * @default - none
   * @see https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
   */
  readonly gpus?: number;
  /**
   * The resource that the device plugin offers, e.g. `amd.com/gpu`, `gpu.intel.com/i915` or `nvidia.com/mig-1g.10gb`. Only
   * with `gpus`.
   * @default nvidia.com/gpu
   */
  readonly gpuResource?: string;
  /**
   * Size of `/dev/shm`, over which the processes of a model share tensors: an emptyDir in memory. What is in it counts
   * against the memory limit, so it must be smaller than `resources.memory.limit`. A container without it has 64Mi.
   * @default - that of the container runtime, 64Mi
   */
  readonly sharedMemory?: Size;
}

const GPU = 'nvidia.com/gpu';
/** No usual node has more. */
const MOST_GPUS = 16;
const SHARED_MEMORY = '/dev/shm';

/** What is wrong with them, in a container with these resources. */
export function hardwareRules(
  { gpus, gpuResource, sharedMemory }: HardwareOptions,
  resources: ContainerResources,
): Rule[] {
  const limit = resources.memory?.limit;
  return [
    wholeRule('gpus', gpus, 1, MOST_GPUS),
    shownRule(
      gpuResource !== undefined && !isExtended(gpuResource),
      'gpuResource',
      gpuResource,
      "the name of a device plugin's resource, e.g. 'amd.com/gpu'",
    ),
    {
      wrong: gpuResource !== undefined && gpus === undefined,
      given: `gpuResource is '${gpuResource}' without gpus`,
      want: 'expected gpus: 1, or no gpuResource',
    },
    ...(sharedMemory ? [sizeRule('sharedMemory', sharedMemory)] : []),
    {
      wrong: sharedMemory !== undefined && limit !== undefined && mebibytes(sharedMemory) >= mebibytes(limit),
      given: `sharedMemory is ${sharedMemory?.asString()}, and resources.memory.limit is ${limit?.asString()}`,
      want: 'expected less than the limit, against which it counts, e.g. Size.gibibytes(1)',
    },
  ];
}

/** The resources of the container, with its GPUs. Kubernetes requests what is in the limit. */
export function withGpus(resources: Json<k8s.ResourceRequirements>, { gpus, gpuResource = GPU }: HardwareOptions) {
  return gpus === undefined
    ? resources
    : { ...resources, limits: { ...resources.limits, [gpuResource]: String(gpus) } };
}

/** The volume of `/dev/shm`, if it has a size of its own. */
export function sharedMemoryVolume({ sharedMemory: size }: HardwareOptions): {
  volumes: Volume[];
  mounts: VolumeMount[];
} {
  if (size === undefined) return { volumes: [], mounts: [] };
  const name = 'shared-memory';
  return { volumes: [scratch(name, size, 'Memory')], mounts: [{ name, mountPath: SHARED_MEMORY }] };
}

/** A name with a domain that is not one of Kubernetes' own. A quota puts `requests.` before it. */
function isExtended(name: string): boolean {
  const [domain] = name.split('/');
  return (
    isQualifiedName(name) &&
    name.includes('/') &&
    isQualifiedName(`requests.${name}`) &&
    !/^requests\.|kubernetes\.io$/.test(domain)
  );
}
