import { Connection } from './connection';
import { Volume, VolumeMount } from './manifest';
import { MountPath, mountPathRules } from './mount-paths';
import { Rule, objectNameRule } from './rules';
import { checkInputs } from '../inputs/inputs';

/** A ConfigMap or a Secret as a folder of a container, read-only: each of its keys is a file of that name. */
export class MountedFiles {
  /**
   * All keys of an existing ConfigMap in the namespace of the pods, readable by every user. Without the ConfigMap the pods
   * do not start: they wait, and `kubectl describe pod` names it.
   *
   * @param name name of the ConfigMap, e.g. `prompts`
   * @param mountPath folder in the container, e.g. `/etc/prompts`. The image's own files below it are hidden
   */
  public static fromConfigMap(name: string, mountPath: string): MountedFiles {
    checkInputs('MountedFiles.fromConfigMap', { name, mountPath });
    return new MountedFiles('ConfigMap', name, mountPath);
  }

  /**
   * All keys of an existing Secret in the namespace of the pods, readable by the pod's user and group (mode 0440). Without
   * the Secret the pods do not start: they wait, and `kubectl describe pod` names it.
   *
   * @param name name of the Secret, e.g. `llm-certificate`
   * @param mountPath folder in the container, e.g. `/etc/llm`. The image's own files below it are hidden
   */
  public static fromSecret(name: string, mountPath: string): MountedFiles {
    checkInputs('MountedFiles.fromSecret', { name, mountPath });
    return new MountedFiles('Secret', name, mountPath);
  }

  private constructor(
    /** @internal */ public readonly _kind: 'ConfigMap' | 'Secret',
    /** @internal */ public readonly _name: string,
    /** @internal */ public readonly _mountPath: string,
  ) {}

  /** The volume, which kubelet updates after a change. @internal */
  public _volume(name: string): Volume {
    return this._kind === 'ConfigMap'
      ? { name, configMap: { name: this._name } }
      : { name, secret: { secretName: this._name, defaultMode: 0o440 } };
  }
}

/** Their volumes and mounts. */
export function mountFiles(
  files: MountedFiles[] = [],
  prefix = 'mounted-files',
): { volumes: Volume[]; mounts: VolumeMount[] } {
  const nameOf = (index: number) => `${prefix}-${index}`;
  return {
    volumes: files.map((each, index) => each._volume(nameOf(index))),
    mounts: files.map(({ _mountPath }, index) => ({ name: nameOf(index), mountPath: _mountPath, readOnly: true })),
  };
}

/** What is wrong with the names of their objects. */
export function fileNameRules(files: MountedFiles[] = [], what = 'files'): Rule[] {
  return files.map(({ _kind, _name }, index) =>
    objectNameRule(`the name of the ${_kind} of ${what}[${index}]`, _name, 'prompts'),
  );
}

/**
 * What is wrong with files in containers of the library.
 *
 * @param taken paths at which the library mounts something
 * @param more folders of other props
 */
export function mountedFilesRules(files: MountedFiles[] = [], taken: string[] = [], more: MountPath[] = []): Rule[] {
  return [...fileNameRules(files), ...mountPathRules([...filePaths(files), ...more], taken)];
}

/** Their folders. */
export function filePaths(files: MountedFiles[] = [], what = 'files'): MountPath[] {
  return files.map(({ _mountPath }, index) => ({ what: `${what}[${index}]`, path: _mountPath }));
}

/** Folders at which connections mount their files and volumes. */
export function connectedFolders(connections: Connection[]): string[] {
  return connections
    .flatMap(({ secretFiles = [], claims = [] }) => [...secretFiles, ...claims])
    .map(({ directory }) => directory);
}
