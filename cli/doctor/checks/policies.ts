import { Finding } from '../finding';
import { Part, partOf, partOfLabels } from '../part';
import { all, isOurs, Snapshot, title } from '../snapshot';
import { runs, templateOf, workloads } from '../workload';

/** Who must reach whom. The ports are those of the pods that answer. */
const EDGES: readonly (readonly [string, string])[] = [
  ...['postgres-set-up', 'migration', 'server'].map((from) => [from, 'postgres'] as const),
  ...['minio-set-up', 'migration', 'server'].map((from) => [from, 'minio'] as const),
  ...['seaweedfs-set-up', 'migration', 'server'].map((from) => [from, 'seaweedfs'] as const),
  ['deployer', 'server'],
  ['serving', 'server'],
];

/** The port that clients use, by its name in the pod. */
const PORTS: Record<string, string> = { postgres: 'postgres', minio: 'api', seaweedfs: 's3', server: 'http' };

interface End {
  readonly part: Part;
  readonly labels: Record<string, string>;
  readonly workload: any;
}

/** Connections of the platform that the NetworkPolicies of the cluster do not allow. */
export function policyFindings(snapshot: Snapshot): Finding[] {
  if (!snapshot.seen.has('NetworkPolicy')) return [];
  const ends = workloads(snapshot)
    .filter(runs)
    .map((workload): End => {
      const { labels = {} } = templateOf(workload).metadata ?? {};
      return { labels, part: partOfLabels(labels, workload.metadata.namespace), workload };
    });
  const found = new Map<string, Finding>();
  for (const [from, to] of EDGES) {
    for (const target of ends.filter(({ part }) => part.role === to)) {
      const port = portOf(target, PORTS[to]);
      if (!port) continue;
      for (const source of ends.filter(({ part }) => part.role === from && connects(part, target.part))) {
        const cut = cutBy(snapshot, source, target, port);
        if (!cut) continue;
        const key = `${cut.end.part.namespace} ${cut.policies} ${cut.direction}`;
        const finding = findingOf(cut, source, target, port);
        const known = found.get(key);
        // One policy cuts several connections.
        found.set(key, known ? { ...known, parts: [...known.parts, source.part] } : finding);
      }
    }
  }
  return [...found.values(), ...noNamespace(snapshot)];
}

const connects = (from: Part, to: Part) => from.role === 'serving' || from.instance === to.instance;

interface Port {
  readonly number: number;
  readonly name: string;
}

function portOf({ workload }: End, name: string): Port | undefined {
  const { initContainers = [], containers = [] } = templateOf(workload).spec;
  const ports = [...initContainers, ...containers].flatMap((each: any) => each.ports ?? []);
  const port = ports.find((each: any) => each.name === name);
  return port && { number: port.containerPort, name };
}

interface Cut {
  readonly direction: 'Egress' | 'Ingress';
  readonly end: End;
  readonly policies: string;
}

/** Kubernetes adds the rules of all policies that select a pod: a policy cuts only what none of them allows. */
function cutBy(snapshot: Snapshot, source: End, target: End, port: Port): Cut | undefined {
  for (const direction of ['Egress', 'Ingress'] as const) {
    const [end, peer] = direction === 'Egress' ? [source, target] : [target, source];
    const policies = all(snapshot, 'NetworkPolicy').filter(
      ({ metadata, spec }) =>
        metadata.namespace === end.part.namespace &&
        typesOf(spec).includes(direction) &&
        selects(spec.podSelector, end.labels),
    );
    if (policies.length === 0) continue;
    const rules = policies.flatMap(({ spec }) => (direction === 'Egress' ? spec.egress : spec.ingress) ?? []);
    const allowed = rules.some(
      (rule) => portMatches(rule.ports, port) && peerMatches(snapshot, rule.to ?? rule.from, peer, end.part.namespace),
    );
    if (!allowed) {
      return {
        direction,
        end,
        policies: policies
          .map(({ metadata }) => metadata.name)
          .sort()
          .join(', '),
      };
    }
  }
  return undefined;
}

const typesOf = (spec: any): string[] => spec.policyTypes ?? ['Ingress', ...(spec.egress ? ['Egress'] : [])];

function portMatches(ports: any[] | undefined, { number, name }: Port): boolean {
  if (!ports?.length) return true;
  return ports.some(({ port, endPort, protocol = 'TCP' }) => {
    if (protocol !== 'TCP') return false;
    if (port === undefined || port === name || port === number) return true;
    return endPort !== undefined && number >= port && number <= endPort;
  });
}

function peerMatches(snapshot: Snapshot, peers: any[] | undefined, peer: End, own: string): boolean {
  if (!peers?.length) return true;
  return peers.some(({ podSelector, namespaceSelector, ipBlock }) => {
    // Addresses of pods are not compared: the rule may allow it.
    if (ipBlock) return true;
    const { namespace } = peer.part;
    const place = namespaceSelector
      ? selects(namespaceSelector, labelsOfNamespace(snapshot, namespace))
      : namespace === own;
    return place && (podSelector === undefined || selects(podSelector, peer.labels));
  });
}

function labelsOfNamespace(snapshot: Snapshot, name: string): Record<string, string> {
  const found = all(snapshot, 'Namespace').find(({ metadata }) => metadata.name === name);
  return found?.metadata.labels ?? { 'kubernetes.io/metadata.name': name };
}

function selects(selector: any, labels: Record<string, string>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }: any) => {
      if (operator === 'Exists') return key in labels;
      if (operator === 'DoesNotExist') return !(key in labels);
      const within = values.includes(labels[key]);
      return operator === 'In' ? within : !within;
    })
  );
}

function findingOf({ direction, end, policies }: Cut, source: End, target: End, port: Port): Finding {
  const { namespace } = end.part;
  return {
    check: 'policy',
    severity: 'error',
    object: `networkpolicy/${policies.split(', ')[0]}`,
    namespace,
    parts: [source.part],
    says:
      `The NetworkPolicies of the namespace ${namespace} do not allow ${title(source.workload)} to connect to ` +
      `${title(target.workload)} on port ${port.number} (${direction.toLowerCase()}; ${policies}).`,
    todo: `Apply the YAML of the platform again, which has the policies that allow it, or allow it in your own: docs/how-to/network-policies.md.`,
  };
}

/** Policies that admit a namespace by a label that no namespace has. Prometheus may be absent, so only those of clients count. */
function noNamespace(snapshot: Snapshot): Finding[] {
  if (!snapshot.seen.has('Namespace') || all(snapshot, 'Namespace').length < 2) return [];
  return all(snapshot, 'NetworkPolicy')
    .filter(isOurs)
    .flatMap((policy) => {
      const rules = (policy.spec.ingress ?? []).filter(
        ({ ports = [] }: any) => !ports.some(({ port }: any) => port === 9090),
      );
      const selectors = rules
        .flatMap(({ from = [] }: any) => from)
        .filter(({ namespaceSelector }: any) => namespaceSelector);
      return selectors
        .filter(
          ({ namespaceSelector }: any) =>
            !all(snapshot, 'Namespace').some(({ metadata }) => selects(namespaceSelector, metadata.labels ?? {})),
        )
        .map(({ namespaceSelector }: any): Finding => {
          const labels = Object.entries(namespaceSelector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
          return {
            check: 'policy-namespace',
            severity: 'warning',
            object: title(policy),
            namespace: policy.metadata.namespace,
            parts: [partOf(policy)],
            says: `${title(policy)} admits pods of namespaces with the label ${labels.join(', ')}, and no namespace has it.`,
            todo: `Label the namespace of the clients: kubectl label namespace <name> ${labels.join(' ')}`,
          };
        });
    });
}
