import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { Images } from '../images';
import { LOG_SPACE, mergeResources } from '../kubernetes/resources';
import { OperatedServer } from '../tracking/operated-server';

/** The props of a backup or a move that its container `rclone` gets. */
interface RcloneProps {
  readonly image?: string;
  readonly resources?: ContainerResources;
}

/** Variables of a store's connection that only MLflow's client reads. */
const NOT_OF_RCLONE =
  /^(DESTINATION_)?(AWS_(REQUEST|RESPONSE)_CHECKSUM_(CALCULATION|VALIDATION)|MLFLOW_S3_UPLOAD_EXTRA_ARGS)$/;

export function rcloneImage({ image }: RcloneProps, placement: PlacementOptions): string {
  return image ?? mirrored(Images.RCLONE, placement);
}

export function rcloneResources({ resources }: RcloneProps): ContainerResources {
  return mergeResources(
    {
      cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
      memory: { request: Size.mebibytes(128), limit: Size.gibibytes(1) },
      // Kubernetes adds the volume of the dumps to the pod's usage, not to the container's.
      ephemeralStorage: LOG_SPACE,
    },
    resources,
  );
}

/** What rclone reads of the environment of connections. */
export function rcloneEnvironment(connected: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(connected).filter(([name]) => !NOT_OF_RCLONE.test(name)));
}

/** The settings of the server by which rclone too connects through a company's proxy. */
export function proxyEnvironment({ environment = {} }: OperatedServer): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => /^(https?|no)_proxy$/i.test(name)));
}
