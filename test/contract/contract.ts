import { isDeepStrictEqual } from 'util';
import { Manifest, title, walkStrings } from '../output/manifests';

/** What may not change of one object, by what it is called in a message. */
export type Facts = Record<string, unknown>;

/** Of every object of one output, by `StatefulSet/mlflow-postgres in mlflow`. */
export type Contract = Record<string, Facts>;

/** A fact of a release that does not hold any more. */
export interface Break {
  /** `StatefulSet/mlflow-postgres` */
  readonly object: string;
  readonly message: string;
}

/** All that an API server lets one change in the spec of a StatefulSet. */
const mutable = [
  'minReadySeconds',
  'ordinals',
  'persistentVolumeClaimRetentionPolicy',
  'replicas',
  'revisionHistoryLimit',
  'template',
  'updateStrategy',
];

/** Names, selectors, claims, addresses, and what an API server refuses to change. */
export function contractOf(objects: Manifest[]): Contract {
  const entries = objects.map((object): [string, Facts] => [key(object), factsOf(object)]);
  const used = objects.flatMap((object) => secretsOf(object).map((name) => `Secret/${name}${place(object)}`));
  const all = [...entries, ...used.map((name): [string, Facts] => [name, {}])];
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What of a released contract is gone or changed. New objects, ports and Secrets break nothing. */
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
      const rest = Object.entries(others).filter(([field]) => !mutable.includes(field));
      // Also a field that was not there may not come.
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
    // Its name has a hash, and its pods' labels are its own: a changed Job is a new one.
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

/** Secrets that are read, most of which a Job makes: under another name they would come back with other values. */
function secretsOf(object: Manifest): string[] {
  const names: string[] = [];
  walkStrings(object, (text, path) => {
    const [owner, field] = path.slice(-2);
    if (field === 'secretName' || (field === 'name' && /^secret(Key)?Ref$|^secret$/.test(owner))) names.push(text);
  });
  // The logins of programs: a Job makes of them the Secret that the server reads.
  const plan = object.kind === 'ConfigMap' ? object.data?.['credentials.json'] : undefined;
  for (const { prefix, users } of plan ? (JSON.parse(plan).logins ?? []) : []) {
    names.push(...Object.keys(users).map((user) => `${prefix}${user.split('.')[1]}-login`));
  }
  return names;
}
