/** A field that differs. */
export interface Change {
  /** e.g. `spec.template.spec.containers[nginx].image` */
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The fields in which two values differ. Items of lists are compared by name, if all have one. */
export function changesOf(from: unknown, to: unknown, path = ''): Change[] {
  if (isList(from) && isList(to) && isNamed(from) && isNamed(to)) {
    const [one, other] = [byName(from), byName(to)];
    const changes = namesOf(one, other).flatMap((name) => changesOf(one[name], other[name], `${path}[${name}]`));
    // The order of init containers and of environment variables counts.
    return changes.length > 0 || same(from, to) ? changes : [{ path, from: 'its order', to: 'another order' }];
  }
  if (isObject(from) && isObject(to)) {
    const prefix = path === '' ? '' : `${path}.`;
    return namesOf(from, to).flatMap((key) => changesOf(from[key], to[key], `${prefix}${key}`));
  }
  return same(from, to) ? [] : [{ path, from, to }];
}

export const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));

/** Without the order of keys, which has no meaning. */
function sorted(value: unknown): unknown {
  if (isList(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function namesOf(one: object, other: object): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

const isList = (value: unknown): value is any[] => Array.isArray(value);
const isObject = (value: unknown): value is Record<string, any> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNamed = (list: any[]) =>
  list.every((item) => typeof item?.name === 'string') && new Set(list.map(({ name }) => name)).size === list.length;
const byName = (list: any[]): Record<string, any> => Object.fromEntries(list.map((item) => [item.name, item]));
