// The pages about access: Secrets, NetworkPolicies, ServiceAccounts.
import { Manifest, containersOf, nameOf, ofKind, podsOf, selects, titleOf } from './manifests';
import { code, lines, list, table } from './markdown';

interface SecretUse {
  readonly namespace: string;
  readonly name: string;
  readonly keys: Set<string>;
  readonly readers: Set<string>;
}

const at = (namespace: string, name: string) => `${namespace}/${name}`;

export function secrets(objects: Manifest[]): string {
  const uses = new Map<string, SecretUse>();
  const use = (namespace: string, name: string): SecretUse => {
    const known = uses.get(at(namespace, name)) ?? { namespace, name, keys: new Set(), readers: new Set() };
    uses.set(at(namespace, name), known);
    return known;
  };
  for (const pod of podsOf(objects)) {
    for (const { name, container } of containersOf(pod)) {
      const mounted = new Set((container.volumeMounts ?? []).map((mount: Manifest) => mount.name));
      for (const { secretName, keys } of pod.spec.volumes
        .filter((each: Manifest) => mounted.has(each.name))
        .flatMap(read)) {
        const known = use(pod.namespace, secretName);
        for (const key of keys ?? ['all keys']) known.keys.add(key);
        known.readers.add(`${pod.owner} (${name})`);
      }
    }
  }
  const made = planned(objects);
  for (const { namespace, name } of made.values()) use(namespace, name);
  const row = ({ namespace, name, keys, readers }: SecretUse) => {
    const plan = made.get(at(namespace, name));
    return [
      code(at(namespace, name)),
      plan ? plan.keys.join('<br>') : list([...keys]),
      [...readers].join('<br>') || 'your own programs',
    ];
  };
  const generated = [...uses.values()].filter(({ namespace, name }) => made.has(at(namespace, name)));
  const given = [...uses.values()].filter((each) => !generated.includes(each));
  const head = ['Secret', 'keys', 'read by'];
  return lines(
    table(head, generated.map(row)),
    given.length > 0 ? 'The library does not create these Secrets: you or a certificate issuer do.' : undefined,
    given.length > 0 ? table(head, given.map(row)) : undefined,
  );
}

/** The Secrets of a volume, and their keys if the volume names some. */
function read({ secret, projected }: Manifest): { secretName: string; keys?: string[] }[] {
  const keysOf = (items?: Manifest[]) => items?.map(({ key }) => key);
  if (secret) return [{ secretName: secret.secretName, keys: keysOf(secret.items) }];
  const sources = (projected?.sources ?? []).filter((source: Manifest) => source.secret);
  return sources.map((source: Manifest) => ({ secretName: source.secret.name, keys: keysOf(source.secret.items) }));
}

/** The Secrets that the credentials Jobs create, and how each key is created. */
function planned(objects: Manifest[]): Map<string, { namespace: string; name: string; keys: string[] }> {
  const made = new Map<string, { namespace: string; name: string; keys: string[] }>();
  for (const { data, metadata } of ofKind(objects, 'ConfigMap').filter((each) => each.data['credentials.json'])) {
    for (const secret of JSON.parse(data['credentials.json']).secrets) {
      const keys = Object.entries<Manifest>(secret.keys).map(
        ([key, { value, generate }]) =>
          `${code(key)}: ${value === undefined ? `generated (${generate})` : code(value)}`,
      );
      const { namespace } = metadata;
      made.set(at(namespace, secret.name), { namespace, name: secret.name, keys });
      for (const copy of secret.copies ?? []) {
        made.set(at(copy.namespace, copy.name), { ...copy, keys: [`copy of ${code(at(namespace, secret.name))}`] });
      }
    }
  }
  return made;
}

/** The rules of `NetworkBoundary.allowDns()`, which are replaced by the word DNS. */
const NAMES = /^any address on UDP 53, 5353<br>pods of any namespace on 53, 5353<br>`[\d./]+` on 53, 5353/;

export function policies(objects: Manifest[]): string {
  const sides = (policy: Manifest, rules: Manifest[] = [], peers: 'from' | 'to') =>
    rules.map((rule) => `${who(objects, rule[peers], policy)} on ${portsOf(rule.ports)}`).join('<br>');
  const rows = ofKind(objects, 'NetworkPolicy').map((policy) => {
    // Rules are in the order in which the app added them, so DNS is not always first.
    const egress = policy.spec.egress ?? [];
    const toNames = egress.filter(({ ports }: Manifest) => ports[0].port === 53);
    const others = egress.filter((rule: Manifest) => !toNames.includes(rule));
    const to = [sides(policy, toNames, 'to').replace(NAMES, 'DNS'), sides(policy, others, 'to')];
    return [
      code(at(policy.metadata.namespace, nameOf(policy))),
      sides(policy, policy.spec.ingress, 'from') || 'no source',
      to.filter(Boolean).join('<br>') || 'no destination',
    ];
  });
  return table(['policy and pods', 'allowed ingress', 'allowed egress'], rows);
}

function portsOf(ports: Manifest[]): string {
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))];
  return protocols
    .map((protocol) => {
      const numbers = ports.filter((each) => each.protocol === protocol).map(({ port }) => port);
      return `${protocol === 'TCP' ? '' : `${protocol} `}${numbers.join(', ')}`;
    })
    .join('; ');
}

function who(objects: Manifest[], peers: Manifest[] | undefined, policy: Manifest): string {
  if (!peers) return 'any address';
  return peers.map((peer) => peerInWords(objects, peer, policy)).join(', ');
}

function peerInWords(
  objects: Manifest[],
  { ipBlock, podSelector, namespaceSelector }: Manifest,
  policy: Manifest,
): string {
  if (ipBlock) return code(ipBlock.cidr);
  const wanted = namespaceSelector?.matchLabels;
  const namespace =
    wanted?.['kubernetes.io/metadata.name'] ?? (namespaceSelector ? undefined : policy.metadata.namespace);
  const place =
    namespace === undefined
      ? 'of any namespace'
      : namespace === policy.metadata.namespace
        ? ''
        : `of ${code(namespace)}`;
  if (!podSelector || !podSelector.matchLabels) return place ? `pods ${place}` : 'pods of its own namespace';
  const pods = podsOf(objects).filter(
    (pod) => (namespace === undefined || pod.namespace === namespace) && selects(podSelector.matchLabels, pod.labels),
  );
  const labels = Object.entries(podSelector.matchLabels).map(([key, value]) => code(`${key}: ${value}`));
  const found = pods.length > 0 ? pods.map(({ owner }) => owner).join(', ') : `pods with ${labels.join(', ')}`;
  return `${found} ${place}`.trim();
}

export function accounts(objects: Manifest[]): string {
  const bindings = ofKind(objects, 'RoleBinding');
  const rows = ofKind(objects, 'ServiceAccount').map((account) => {
    const { name, namespace } = account.metadata;
    const pods = podsOf(objects).filter((pod) => pod.namespace === namespace && pod.spec.serviceAccountName === name);
    const token = pods.some((pod) => pod.spec.automountServiceAccountToken);
    const grants = bindings
      .filter(({ subjects }) => subjects.some((each: Manifest) => each.name === name && each.namespace === namespace))
      .map((binding) => roleInWords(objects, binding));
    return [
      code(at(namespace, name)),
      pods.map(({ owner }) => owner).join(', '),
      token ? 'yes' : 'no',
      grants.join('<br>') || 'none',
    ];
  });
  return table(['ServiceAccount', 'pods of', 'token in the pod', 'permissions'], rows);
}

function roleInWords(objects: Manifest[], binding: Manifest): string {
  const { namespace } = binding.metadata;
  const role = ofKind(objects, 'Role').find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === binding.roleRef.name,
  );
  const rules = role.rules.map(({ verbs, resources, resourceNames }: Manifest) => {
    const names = resourceNames ? ` ${list(resourceNames)}` : '';
    return `${verbs.join(', ')} ${resources.join(', ')}${names}`;
  });
  return `in ${code(namespace)}: ${rules.join('; ')} (${titleOf(role)})`;
}
