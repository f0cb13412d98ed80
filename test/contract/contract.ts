import { isDeepStrictEqual } from 'util';
import { STATEFUL_SET } from '../../cli/diff/immutable';
import { Manifest, title, walkStrings } from '../output/manifests';

/** The values of one object that must not change, by their names in messages. */
export type Facts = Record<string, unknown>;

/** The contract of every object of one output, by `StatefulSet/mlflow-postgres in mlflow`. */
export type Contract = Record<string, Facts>;

/** A value of the last release that has changed. */
export interface Break {
  /** `StatefulSet/mlflow-postgres` */
  readonly object: string;
  readonly message: string;
}

/** The contract of an output: names, selectors, claims, addresses, and immutable fields. */
export function contractOf(objects: Manifest[]): Contract {
  const entries = objects.map((object): [string, Facts] => [key(object), factsOf(object)]);
  const used = objects.flatMap((object) => secretsOf(object).map((name) => `Secret/${name}${place(object)}`));
  const all = [...entries, ...used.map((name): [string, Facts] => [name, {}])];
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Lists what was removed from a released contract, or has changed in it. New objects, ports and Secrets break nothing. */
export function breaks(released: Contract, today: Contract): Break[] {
  return Object.entries(released).flatMap(([name, facts]) => {
    const object = name.split(' ')[0];
    if (!today[name]) return [{ object, message: `${name} is gone` }];
    return Object.entries(facts)
      .filter(([fact, value]) => !isDeepStrictEqual(today[name][fact], value))
      .map(([fact, value]) => {
        const [from, to] = [value, today[name][fact]].map((one) => JSON.stringify(one) ?? 'nothing');
        return { object, message: `${name}: ${fact} was ${from}, is ${to}` };
      });
  });
}

function factsOf({ kind, spec, roleRef }: Manifest): Facts {
  switch (kind) {
    case 'Deployment':
      return { selector: spec.selector };
    case 'StatefulSet': {
      const { selector, serviceName, podManagementPolicy = 'OrderedReady', volumeClaimTemplates, ...others } = spec;
      const rest = Object.entries(others).filter(([field]) => !STATEFUL_SET.includes(field));
      // A new field is refused too.
      const immutable = Object.fromEntries(rest);
      return { selector, serviceName, podManagementPolicy, volumeClaimTemplates, 'other immutable fields': immutable };
    }
    case 'PersistentVolumeClaim':
      return { spec };
    case 'Service':
      return {
        type: spec.type ?? 'ClusterIP',
        clusterIP: spec.clusterIP ?? 'any',
        selector: spec.selector,
        ...Object.fromEntries(
          spec.ports.map(({ name, port, protocol }: any) => [`port ${name ?? port}`, `${port}/${protocol ?? 'TCP'}`]),
        ),
      };
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return { roleRef };
    case 'NetworkPolicy':
      return { podSelector: spec.podSelector };
    // Its name and its pods' labels contain a hash: a changed Job is a new object.
    case 'Job':
      return {};
    default:
      return spec?.selector ? { selector: spec.selector } : {};
  }
}

function key(object: Manifest): string {
  const name = title(object);
  return `${object.kind === 'Job' ? name.replace(/-[0-9a-f]{8}$/, '') : name}${place(object)}`;
}

function place({ metadata }: Manifest): string {
  return metadata.namespace ? ` in ${metadata.namespace}` : '';
}

/** Secrets that the pods read. A Job creates most of them: under a new name they would have new values. */
function secretsOf(object: Manifest): string[] {
  const names: string[] = [];
  walkStrings(object, (text, path) => {
    const [owner, field] = path.slice(-2);
    if (field === 'secretName' || (field === 'name' && /^secret(Key)?Ref$|^secret$/.test(owner))) names.push(text);
  });
  // The logins of programs: from them, a Job creates the Secret that the server reads.
  const plan = object.kind === 'ConfigMap' ? object.data?.['credentials.json'] : undefined;
  for (const { prefix, users } of plan ? (JSON.parse(plan).logins ?? []) : []) {
    names.push(...Object.keys(users).map((user) => `${prefix}${user.split('.')[1]}-login`));
  }
  return names;
}
