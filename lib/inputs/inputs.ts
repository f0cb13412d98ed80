import { Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { EXPECTED } from './expected';
import { oneLine } from './one-line';
import { CALLS, CLASSES, ENUMS, STRUCTS } from './table';

/** One thing that a caller gave. */
interface Given {
  /** As messages name it, e.g. `server.image`. */
  readonly name: string;
  /** Name of the prop, if lib/inputs/expected.ts may have a text for it. */
  readonly prop?: string;
  readonly value: unknown;
  /** True if the caller named it: a prop that is left out is not `undefined`. */
  readonly named: boolean;
}

/**
 * Refuses invalid input before any rule checks it: a required value that is `undefined`, a text that is
 * `undefined` although the caller gave it (an environment variable that is not set), a value of another type, and the
 * name of a prop that does not exist. The types are those of `lib/inputs/table.ts`.
 *
 * @param call as in the table, e.g. `new MinioStore` or `Credentials.fromSecret`
 * @param given the arguments, by the names of the parameters
 * @param where the construct, if it exists already
 */
export function checkInputs(call: string, given: Record<string, unknown>, where?: Construct): void {
  const faults = Object.entries(CALLS[call]).flatMap(([name, type]) =>
    // JavaScript cannot distinguish a parameter that is `undefined` from an omitted one.
    faultsOf({ name, prop: name, value: given[name], named: false }, type, true),
  );
  refuse(where?.node.path ?? call, faults);
}

/**
 * As `checkInputs`, for the scope and the id of a construct, which has to exist before it can be asked for its path. It also
 * refuses what constructs and cdk8s would refuse without a path: an empty id, one that is taken, a scope outside any chart.
 */
export function checkedScope(name: string, scope: Construct, id: string): Construct {
  const faults = [
    ...faultsOf({ name: 'scope', value: scope, named: true }, 'Construct'),
    ...faultsOf({ name: 'id', value: id, named: true }, 'string'),
  ];
  refuse(`new ${name}`, faults);
  const { path } = scope.node;
  refuse(path === '' ? `new ${name}` : `new ${name} in ${path}`, [
    ...(id === '' ? [`id is ${shown(id)}; expected a DNS label, e.g. 'mlflow'`] : []),
    ...(id !== '' && scope.node.tryFindChild(id)
      ? [`id is ${shown(id)}, which exists already; expected another id`]
      : []),
    ...(scope.node.scopes.some((each) => Chart.isChart(each))
      ? []
      : ["scope is in no chart; expected a chart or a construct in one, e.g. new Chart(app, 'mlflow')"]),
  ]);
  return scope;
}

function refuse(path: string, faults: string[]): void {
  if (faults.length > 0) throw new Error(faults.map((fault) => oneLine(`${path}: ${fault}`)).join('\n'));
}

/** The props without those that are `undefined`, to be handed on to a construct of ours. */
export function defined<T extends object>(props: T): T {
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined)) as T;
}

/** A value as messages show it: '3' and 3 differ. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `${JSON.stringify(value.slice(0, 60))} (a string)`;
  if (typeof value === 'number' || typeof value === 'boolean') return `${value} (a ${typeof value})`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function faultsOf(given: Given, written: string, parameter = false): string[] {
  const { name, prop, value, named } = given;
  const optional = written.endsWith('?');
  const type = optional ? written.slice(0, -1) : written;
  if (value === undefined || value === null) {
    // The environment gives texts: another value that is `undefined` is one that the caller decided to leave out.
    if (optional && value === undefined && (!named || type !== 'string')) return [];
    const orElse = optional ? ', or the prop left out' : '';
    const hint = type === 'string' ? '. Is the environment variable behind it set?' : '';
    return [`${name} is ${value}; expected ${expectedOf(prop, type)}${orElse}${hint}`];
  }
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) return mistyped(given, type);
    return value.flatMap((each, index) =>
      faultsOf({ name: `${name}[${index}]`, value: each, named: true }, type.slice(0, -2)),
    );
  }
  if (type.startsWith('{')) {
    if (!isRecord(value)) return mistyped(given, type);
    return Object.entries(value).flatMap(([key, each]) =>
      faultsOf(
        { name: `${name}${/^\w+$/.test(key) ? `.${key}` : `['${key}']`}`, value: each, named: true },
        type.slice(1, -1),
      ),
    );
  }
  if (type in STRUCTS) {
    return isRecord(value) ? structFaults(parameter ? '' : `${name}.`, value, type) : mistyped(given, type);
  }
  if (type in CLASSES) {
    const isOne = typeof value === 'object' && CLASSES[type].every((member) => member in value);
    return isOne ? [] : mistyped(given, type);
  }
  if (type in ENUMS) return ENUMS[type].includes(value as string) ? [] : mistyped(given, type);
  return typeof value === type ? [] : mistyped(given, type);
}

function structFaults(prefix: string, value: object, struct: string): string[] {
  const fields = STRUCTS[struct];
  const props = value as Record<string, unknown>;
  return [
    ...Object.keys(value)
      .filter((key) => !(key in fields))
      .map((key) => `${prefix}${key} is not a known prop; expected ${alternatives(prefix, key, Object.keys(fields))}`),
    ...Object.entries(fields).flatMap(([key, type]) =>
      faultsOf({ name: `${prefix}${key}`, prop: key, value: props[key], named: key in value }, type),
    ),
  ];
}

function mistyped({ name, prop, value }: Given, type: string): string[] {
  // A value instead of credentials may be a secret, which must not be in a log.
  const secret = typeof value === 'string' && !['number', 'boolean'].includes(type) && !(type in ENUMS);
  return [`${name} is ${secret ? 'a string' : shown(value)}; expected ${expectedOf(prop, type)}`];
}

function expectedOf(prop: string | undefined, type: string): string {
  if (type in ENUMS) return `one of ${ENUMS[type].map((each) => `'${each}'`).join(', ')} (${type})`;
  if (EXPECTED[`${type} ${prop}`]) return EXPECTED[`${type} ${prop}`];
  if (EXPECTED[type]) return EXPECTED[type];
  if (type.endsWith('[]')) return `a list, each ${expectedOf(undefined, type.slice(0, -2))}`;
  if (type.startsWith('{')) return `an object, each value ${expectedOf(undefined, type.slice(1, -1))}`;
  if (type in STRUCTS) return `an object with the props of ${type}`;
  return `${/^[AEIO]/.test(type) ? 'an' : 'a'} ${type}`;
}

/** The known prop that is written most like an unknown one, or all of them. */
function alternatives(prefix: string, key: string, known: string[]): string {
  const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const distances = known.map((name) => ({ name, edits: distance(plain(key), plain(name)) }));
  const [nearest] = distances.sort((a, b) => a.edits - b.edits);
  return nearest.edits <= Math.max(2, key.length / 3)
    ? `${prefix}${nearest.name}`
    : `one of ${known.sort().join(', ')}`;
}

/** How many letters have to be added, taken away or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && !Array.isArray(value);
}
