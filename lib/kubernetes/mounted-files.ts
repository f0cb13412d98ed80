import { Connection } from './connection';
import { Volume, VolumeMount } from './manifest';
import { SECRETS_DIRECTORY } from './pod';
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
export function mountFiles(files: MountedFiles[] = []): { volumes: Volume[]; mounts: VolumeMount[] } {
  const nameOf = (index: number) => `mounted-files-${index}`;
  return {
    volumes: files.map((each, index) => each._volume(nameOf(index))),
    mounts: files.map(({ _mountPath }, index) => ({ name: nameOf(index), mountPath: _mountPath, readOnly: true })),
  };
}

/** Folders whose content every image needs: a mount at one of them, or above it, would hide it. */
const OF_IMAGES = ['/bin', '/etc', '/home', '/lib', '/lib64', '/opt', '/root', '/run', '/sbin', '/usr', '/var'];
const BELOW_USR = ['bin', 'lib', 'lib64', 'local', 'local/bin', 'local/lib', 'sbin', 'share'].map((it) => `/usr/${it}`);
/** Folders of the kernel, and of the Secrets that Kubernetes and clouds mount. */
const OF_SYSTEM = ['/dev', '/proc', '/sys', '/run/secrets'];

/**
 * What is wrong with them.
 *
 * @param taken paths at which the library mounts something
 */
export function mountedFilesRules(files: MountedFiles[] = [], taken: string[] = []): Rule[] {
  const shut = [...new Set([...OF_SYSTEM, ...taken])].filter((path) => path !== SECRETS_DIRECTORY).sort();
  return files.flatMap(({ _kind, _name, _mountPath: given }, index) => {
    const path = plain(given);
    const plainPath = isPlain(given);
    const clash = shut.find((each) => isWithin(path, each) || isWithin(each, path));
    const hidden = [...OF_IMAGES, ...BELOW_USR].includes(path);
    const before = files.slice(0, index).find((each) => overlaps(plain(each._mountPath), path));
    const what = `the mountPath of files[${index}] is '${given}'`;
    return [
      objectNameRule(`the name of the ${_kind} of files[${index}]`, _name, 'prompts'),
      {
        wrong: !plainPath,
        given: what,
        want: "expected an absolute path without '.', '..' and a '/' at its end, of letters, digits, '-', '_' and '.', at most 255, e.g. '/etc/prompts'",
      },
      {
        wrong: plainPath && clash !== undefined,
        given: `${what}, and ${clash} is taken`,
        want: `expected a folder that is not, contains or is in one of ${shut.join(', ')}; e.g. '/etc/prompts'`,
      },
      {
        wrong: plainPath && clash === undefined && hidden,
        given: what,
        want: `expected a folder below it, e.g. '${path}/prompts': the mount would hide the image's own files there`,
      },
      {
        wrong: plainPath && before !== undefined,
        given: `${what}, and another one is '${before?._mountPath}'`,
        want: 'expected folders of which none is, contains or is in another one',
      },
    ];
  });
}

/** Folders at which connections mount their files and volumes. */
export function connectedFolders(connections: Connection[]): string[] {
  return connections
    .flatMap(({ secretFiles = [], claims = [] }) => [...secretFiles, ...claims])
    .map(({ directory }) => directory);
}

function isPlain(path: string): boolean {
  return path.length <= 255 && /^(\/(?!\.{1,2}(\/|$))[-._A-Za-z0-9]+)+$/.test(path);
}

/** /var/run is a link to /run in the usual images. */
function plain(path: string): string {
  return path.replace(/^\/var\/run(?=\/|$)/, '/run');
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function overlaps(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}
