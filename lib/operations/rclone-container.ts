import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { BackupProps } from './backup-props';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { Images } from '../images';
import { LOG_SPACE, mergeResources } from '../kubernetes/resources';

/** Variables of a store's connection that only MLflow's client reads. */
export const NOT_OF_RCLONE = [
  'AWS_REQUEST_CHECKSUM_CALCULATION',
  'AWS_RESPONSE_CHECKSUM_VALIDATION',
  'MLFLOW_S3_UPLOAD_EXTRA_ARGS',
];

export function rcloneImage({ image }: BackupProps, placement: PlacementOptions): string {
  return image ?? mirrored(Images.RCLONE, placement);
}

export function rcloneResources({ resources }: BackupProps): ContainerResources {
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
