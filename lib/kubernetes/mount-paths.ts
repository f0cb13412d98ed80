import { Rule } from './rules';

/** A folder of a container at which something is mounted. */
export interface MountPath {
  /** The prop, as messages name it, e.g. `files[0]`. */
  readonly what: string;
  readonly path: string;
}

/** Folders whose content every image needs: a mount at one of them, or above it, would hide it. */
const OF_IMAGES = ['/bin', '/etc', '/home', '/lib', '/lib64', '/opt', '/root', '/run', '/sbin', '/usr', '/var'];
const BELOW_USR = ['bin', 'lib', 'lib64', 'local', 'local/bin', 'local/lib', 'sbin', 'share'].map((it) => `/usr/${it}`);
/** Folders of the kernel, and of the Secrets that Kubernetes and clouds mount. */
const OF_SYSTEM = ['/dev', '/proc', '/sys', '/run/secrets'];

/**
 * What is wrong with folders of one container.
 *
 * @param taken paths at which the library mounts something
 */
export function mountPathRules(paths: MountPath[], taken: string[] = []): Rule[] {
  const shut = [...new Set([...OF_SYSTEM, ...taken])].sort();
  return paths.flatMap(({ what: prop, path: given }, index) => {
    const path = plain(given);
    const plainPath = isPlain(given);
    const clash = shut.find((each) => overlaps(path, each));
    const hidden = [...OF_IMAGES, ...BELOW_USR].includes(path);
    const before = paths.slice(0, index).find((each) => overlaps(plain(each.path), path));
    const what = `the mountPath of ${prop} is '${given}'`;
    return [
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
        given: `${what}, and another one is '${before?.path}'`,
        want: 'expected folders of which none is, contains or is in another one',
      },
    ];
  });
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
