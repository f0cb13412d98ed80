import { Change, changesOf, same } from './changes';
import { refusalOf } from './immutable';

export interface Restart {
  readonly object: string;
  /** The fields of its pod template that have changed. */
  readonly fields: readonly string[];
}

export interface NeedsPerson {
  readonly object: string;
  readonly fields: readonly string[];
  readonly says: string;
  /** Before the new YAML is applied. */
  readonly command: string;
}

/** What applying a new version of YAML does. Objects are written as `deployment/mlflow-server in mlflow`. */
export interface Comparison {
  /** Refused by the API server, until a person has run the command. */
  readonly needsPerson: readonly NeedsPerson[];
  /** Workloads whose pods are replaced. */
  readonly restarts: readonly Restart[];
  /** Jobs that run, because what they run has changed. */
  readonly jobs: readonly string[];
  readonly added: readonly string[];
  /** They stay in the cluster, unless they are pruned. */
  readonly removed: readonly string[];
  /** Changed without a restart. */
  readonly changed: readonly { readonly object: string; readonly fields: readonly string[] }[];
}

/** Compares two versions of the YAML of a platform. */
export function compare(before: readonly any[], after: readonly any[]): Comparison {
  const [old, now] = [index(before), index(after)];
  const added: string[] = [];
  const jobs: string[] = [];
  const needsPerson: NeedsPerson[] = [];
  const restarts: Restart[] = [];
  const changed: { object: string; fields: string[] }[] = [];
  for (const [object, to] of now) {
    const from = old.get(object);
    if (!from) {
      (to.kind === 'Job' ? jobs : added).push(object);
      continue;
    }
    const changes = changesOf(meaningful(from), meaningful(to));
    if (changes.length === 0) continue;
    const refusal = refusalOf(from, to);
    if (refusal) needsPerson.push({ object, ...pick(refusal) });
    const template = templateChanges(from, to);
    if (template.length > 0) restarts.push({ object, fields: paths(template) });
    if (!refusal && template.length === 0) changed.push({ object, fields: paths(changes) });
  }
  const removed = [...old.keys()].filter((object) => !now.has(object) && !isReplaced(old.get(object), now));
  return { needsPerson, restarts, jobs, added, removed, changed };
}

const pick = ({ fields, says, command }: NeedsPerson | (ReturnType<typeof refusalOf> & object)) => ({
  fields,
  says,
  command,
});

/** By what Kubernetes identifies an object. The version of its group may change. */
function index(objects: readonly any[]): Map<string, any> {
  const known = objects.filter((object) => object?.kind && object.metadata?.name);
  return new Map(known.map((object) => [keyOf(object), object]));
}

function keyOf({ kind, metadata: { name, namespace } }: any): string {
  return `${kind.toLowerCase()}/${name}${namespace ? ` in ${namespace}` : ''}`;
}

/** A Job of the last version, in place of which a new one of the same component runs. It stays, and does nothing. */
function isReplaced(object: any, now: Map<string, any>): boolean {
  if (object.kind !== 'Job') return false;
  const stem = (key: string) => key.replace(/-[0-9a-f]{8}(?= in |$)/, '');
  return [...now.keys()].some((key) => stem(key) === stem(keyOf(object)));
}

/** Without the label with the version, which no pod has. */
function meaningful({ metadata, status: _status, ...rest }: any): any {
  const { 'app.kubernetes.io/version': _version, ...labels } = metadata.labels ?? {};
  return { ...rest, metadata: { labels, annotations: metadata.annotations } };
}

function templateChanges(from: any, to: any): Change[] {
  if (!['Deployment', 'StatefulSet', 'DaemonSet'].includes(to.kind)) return [];
  if (same(from.spec.template, to.spec.template)) return [];
  return changesOf(from.spec.template, to.spec.template);
}

/** At most a few: the pod restarts, whatever their number. */
function paths(changes: readonly Change[], most = 6): string[] {
  const all = [...new Set(changes.map(({ path }) => path))];
  return all.length > most ? [...all.slice(0, most), `and ${all.length - most} more`] : all;
}
