import { referencesOf } from './checks/references';
import { targetsOf } from './checks/servings';
import { Cluster } from './cluster';
import { CLUSTER, Kind, NAMESPACED } from './kinds';
import { ProbeOptions, probesOf } from './probe';
import { factsOf } from './secret-facts';
import { isOurs, SecretFacts, Snapshot } from './snapshot';

const [FORBIDDEN, UNAUTHORIZED, NOT_FOUND] = [403, 401, 404];

/** Objects that are found while they are read. */
interface Reading {
  readonly objects: Record<string, any[]>;
  readonly seen: Set<string>;
  /** Resources that the user may not read. */
  readonly forbidden: Set<string>;
}

/** Reads all that the checks look at. What the user may not read is named in `notSeen`. */
export async function readSnapshot(cluster: Cluster, options: ProbeOptions): Promise<Snapshot> {
  const { namespace } = cluster;
  const reading: Reading = { objects: {}, seen: new Set(), forbidden: new Set() };
  await Promise.all([
    ...NAMESPACED.map((kind) => list(cluster, kind, namespace, reading)),
    ...CLUSTER.map((kind) => list(cluster, kind, undefined, reading)),
  ]);
  const others = new Set(targetsOf(reading.objects).map((target) => target.namespace));
  others.delete(namespace);
  for (const other of others) {
    await Promise.all(NAMESPACED.map((kind) => list(cluster, kind, other, reading)));
  }
  if (!Object.values(reading.objects).flat().some(isOurs)) {
    const why = reading.forbidden.size > 0 ? '. You may not read everything in it' : '';
    throw new Error(
      `--namespace is '${namespace}': it has no object of this library${why}; expected the namespace of a platform, e.g. --namespace mlflow`,
    );
  }
  const secrets = await readSecrets(cluster, reading);
  const logs = await readLogs(cluster, reading);
  const { probes, notSeen } = await probesOf(cluster, reading.objects, options);
  const forbidden = [...reading.forbidden].sort();
  return {
    ...{ namespace, secrets, logs, probes, objects: reading.objects, seen: reading.seen, now: Date.now() },
    notSeen: [...(forbidden.length > 0 ? [`You may not read ${forbidden.join(', ')}.`] : []), ...notSeen],
  };
}

async function list(cluster: Cluster, kind: Kind, namespace: string | undefined, reading: Reading): Promise<void> {
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const items: any[] = [];
  let next = '';
  do {
    const query = `?limit=500${next && `&continue=${encodeURIComponent(next)}`}`;
    const { status, text } = await cluster.get(`${kind.path}${place}/${kind.plural}${query}`);
    if (status === UNAUTHORIZED) {
      throw new Error("the API server answers 401; expected a valid login in kubectl's configuration");
    }
    if (status === FORBIDDEN) {
      if (!kind.optional) {
        reading.forbidden.add(namespace === undefined ? kind.plural : `${kind.plural} of ${namespace}`);
      }
      return;
    }
    // A kind that the cluster does not have.
    if (status === NOT_FOUND) return;
    if (status !== 200) throw new Error(`the API server answers ${status} to the list of ${kind.plural}; expected 200`);
    const page = JSON.parse(text);
    items.push(...(page.items ?? []).map((item: any) => ({ ...item, kind: kind.kind })));
    next = page.metadata?.continue ?? '';
  } while (next);
  reading.objects[kind.kind] = [...(reading.objects[kind.kind] ?? []), ...items];
  reading.seen.add(kind.kind);
  if (namespace !== undefined) reading.seen.add(`${kind.kind} in ${namespace}`);
}

/** Only the Secrets that pods and Ingresses name, one by one. */
async function readSecrets(cluster: Cluster, reading: Reading): Promise<SecretFacts[]> {
  const wanted = new Map<string, { namespace: string; name: string; hosts: string[] }>();
  const want = (namespace: string, name: string, hosts: string[] = []) => {
    const id = `${namespace}/${name}`;
    if (!wanted.has(id)) wanted.set(id, { namespace, name, hosts: [] });
    wanted.get(id)!.hosts.push(...hosts);
  };
  for (const { kind, namespace, name } of referencesOf(reading)) if (kind === 'Secret') want(namespace, name);
  for (const { metadata, spec } of (reading.objects.Ingress ?? []).filter(isOurs)) {
    for (const { secretName, hosts } of spec.tls ?? []) if (secretName) want(metadata.namespace, secretName, hosts);
  }
  const facts: SecretFacts[] = [];
  let hidden = false;
  for (const { namespace, name, hosts } of wanted.values()) {
    const { status, text } = await cluster.get(
      `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`,
    );
    if (status === 200) facts.push(factsOf(JSON.parse(text), hosts));
    else if (status !== NOT_FOUND) hidden = true;
  }
  if (hidden) reading.forbidden.add('secrets');
  else reading.seen.add('Secret');
  return facts;
}

/** What the init containers that wait for the database schema say. */
async function readLogs(cluster: Cluster, { objects, forbidden }: Reading): Promise<Record<string, string>> {
  const logs: Record<string, string> = {};
  for (const { metadata, status } of (objects.Pod ?? []).filter(isOurs)) {
    const waiter = status?.initContainerStatuses?.find(({ name }: any) => name === 'wait-for-schema');
    if (!waiter?.state?.running) continue;
    const { namespace, name } = metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?container=${waiter.name}&tailLines=1`;
    const reply = await cluster.get(path);
    if (reply.status === 200) logs[`${namespace}/${name}/${waiter.name}`] = reply.text.trim();
    else if (reply.status === FORBIDDEN) forbidden.add(`logs of pods of ${namespace}`);
  }
  return logs;
}
