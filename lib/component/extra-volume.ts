import { Size } from 'cdk8s';
import { checkInputs } from '../inputs/inputs';
import { Volume, VolumeMount } from '../kubernetes/manifest';
import { MountPath } from '../kubernetes/mount-paths';
import { scratch } from '../kubernetes/pod';
import { mebibytes, sizeRule } from '../kubernetes/resources';
import { Rule, objectNameRule } from '../kubernetes/rules';

/** A volume of your own in a pod, at the same folder of each container that has it. */
export class ExtraVolume {
  /**
   * An empty folder of the node that is deleted with the pod: an emptyDir. Its size is added to the limit of ephemeral storage.
   *
   * @param mountPath folder in the containers, e.g. `/cache`
   * @param size `sizeLimit`: with more in it the pod is evicted
   */
  public static scratch(mountPath: string, size: Size): ExtraVolume {
    checkInputs('ExtraVolume.scratch', { mountPath, size });
    return new ExtraVolume(mountPath, size);
  }

  /**
   * An existing PersistentVolumeClaim in the namespace of the pods. More than one pod, and each rollout, needs one with the
   * access mode ReadWriteMany or ReadOnlyMany.
   *
   * @param claimName name of the claim
   * @param mountPath folder in the containers, e.g. `/datasets`
   * @param readOnly whether the containers can only read it. True by default
   */
  public static fromClaim(claimName: string, mountPath: string, readOnly: boolean = true): ExtraVolume {
    checkInputs('ExtraVolume.fromClaim', { claimName, mountPath, readOnly });
    return new ExtraVolume(mountPath, undefined, claimName, readOnly);
  }

  private constructor(
    private readonly mountPath: string,
    private readonly size?: Size,
    private readonly claimName?: string,
    private readonly readOnly?: boolean,
  ) {}

  /** @internal */
  public _rules(what: string): Rule[] {
    return [
      ...(this.size ? [sizeRule(`the size of ${what}`, this.size)] : []),
      ...(this.claimName === undefined ? [] : [objectNameRule(`the claimName of ${what}`, this.claimName, 'datasets')]),
    ];
  }

  /** @internal */
  public _path(what: string): MountPath {
    return { what, path: this.mountPath };
  }

  /** Mebibytes of the node's disk. @internal */
  public get _disk(): number {
    return this.size ? mebibytes(this.size) : 0;
  }

  /** @internal */
  public _volume(name: string): Volume {
    return this.size ? scratch(name, this.size) : { name, persistentVolumeClaim: { claimName: this.claimName! } };
  }

  /** @internal */
  public _mount(name: string): VolumeMount {
    return { name, mountPath: this.mountPath, readOnly: this.readOnly || undefined };
  }
}

/** The volumes of a pod or of a container, and their mounts. */
export function mountVolumes(given: ExtraVolume[] = [], prefix = 'extra-volume') {
  const nameOf = (index: number) => `${prefix}-${index}`;
  return {
    volumes: given.map((each, index) => each._volume(nameOf(index))),
    mounts: given.map((each, index) => each._mount(nameOf(index))),
  };
}

/** What is wrong with them, apart from their folders. */
export function volumeRules(given: ExtraVolume[] = [], what = 'volumes'): Rule[] {
  return given.flatMap((each, index) => each._rules(`${what}[${index}]`));
}

/** Their folders. */
export function volumePaths(given: ExtraVolume[] = [], what = 'volumes'): MountPath[] {
  return given.map((each, index) => each._path(`${what}[${index}]`));
}

/** Mebibytes of the node's disk that they take together. */
export function volumeDisk(given: ExtraVolume[] = []): number {
  return Math.ceil(given.reduce((sum, { _disk }) => sum + _disk, 0));
}
