import { stringify } from 'yaml';
import { Manifest, title } from '../manifests';

const OPT_OUT = 'kustomize.toolkit.fluxcd.io/substitute';

/**
 * Applies Flux's `postBuild` to the YAML of an object. A label or annotation can disable it. Otherwise `$$` becomes `$`,
 * `${name}` becomes the variable or an empty text, and another expression in `${…}` is a default, a function or an error.
 * @see https://github.com/fluxcd/pkg/blob/main/kustomize/kustomize_varsub.go
 */
export function fluxSubstitute(object: Manifest, variables: Record<string, string> = {}): string {
  const text = stringify(object);
  const { labels, annotations } = object.metadata ?? {};
  if (labels?.[OPT_OUT] === 'disabled' || annotations?.[OPT_OUT] === 'disabled') return text;
  return text.replace(/\$\$|\$\{([^}]*)\}?/g, (found, expression?: string) => {
    if (expression === undefined) return '$';
    const [, name, rest] = /^([A-Za-z_]\w*)(.*)$/s.exec(expression) ?? [];
    if (name === undefined || !found.endsWith('}')) throw new Error(`bad substitution: ${found}`);
    return variables[name] ?? /^:?[-=](.*)$/s.exec(rest)?.[1] ?? '';
  });
}

/** Flux with `postBuild` variables applies the same YAML as kubectl. */
export function substitution(objects: Manifest[]): string[] {
  return objects.flatMap((object) => {
    const same = () => fluxSubstitute(object, { cluster: 'production' }) === stringify(object);
    return attempt(same) ? [] : [`${title(object)}: Flux's postBuild changes it, must have ${OPT_OUT}: disabled`];
  });
}

function attempt(holds: () => boolean): boolean {
  try {
    return holds();
  } catch {
    return false;
  }
}
