import {
  Manifest,
  PodTemplate,
  containers,
  podTemplates,
  portsNamed,
  sameNamespace,
  selectedPods,
  selects,
  title,
} from '../manifests';

type Direction = 'ingress' | 'egress';

/**
 * NetworkPolicies agree at both ends: each allowed egress has a matching ingress, each allowed ingress has a matching
 * egress, and each port of a Service is open to a client.
 */
export function connections(objects: Manifest[]): string[] {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
  const found = new Set<string>();
  for (const policy of policies) {
    for (const direction of ['ingress', 'egress'] as const) {
      for (const rule of policy.spec?.[direction] ?? []) {
        for (const finding of otherEnd(objects, policies, policy, direction, rule)) found.add(finding);
      }
    }
  }
  return [...found, ...closedServices(objects, policies)];
}

function otherEnd(
  objects: Manifest[],
  policies: Manifest[],
  policy: Manifest,
  direction: Direction,
  rule: any,
): string[] {
  const other = direction === 'egress' ? 'ingress' : 'egress';
  // Only peers that are named by their labels: with an empty selector, the peers need no matching rule.
  const peers: any[] = (rule.from ?? rule.to ?? []).filter(
    ({ podSelector, namespaceSelector }: any) => podSelector?.matchLabels && !namespaceSelector,
  );
  const near = selectedPods(objects, policy, policy.spec.podSelector);
  const far = peers.flatMap(({ podSelector }) => selectedPods(objects, policy, podSelector));
  return near.flatMap((here) =>
    far.flatMap((there) => {
      const server = direction === 'egress' ? there : here;
      return numbers(rule, server)
        .filter((port) => !isOpen(policies, there, other, here, port, server))
        .map(
          (port) =>
            `${title(policy)}: ${direction} ${direction === 'egress' ? 'to' : 'from'} ${title(there.owner)} on port ` +
            `${port} has no counterpart: no ${other} rule of its policies names ${title(here.owner)}`,
        );
    }),
  );
}

/** True if the policies of a pod allow this direction for a peer. Without a policy, everything is allowed. */
function isOpen(
  policies: Manifest[],
  pod: PodTemplate,
  direction: Direction,
  peer: PodTemplate,
  port: number,
  server: PodTemplate,
): boolean {
  const own = policiesOf(policies, pod, direction);
  if (own.length === 0) return true;
  return own
    .flatMap((policy) => policy.spec[direction] ?? [])
    .some((rule) => {
      const peers: any[] | undefined = rule.from ?? rule.to;
      const isNamed =
        !peers?.length ||
        peers.some(({ podSelector, ipBlock }) => !ipBlock && selects(podSelector ?? {}, peer.metadata.labels));
      return isNamed && (!rule.ports?.length || numbers(rule, server).includes(port));
    });
}

/** A Service has no use if no rule opens the port to which it sends requests. */
function closedServices(objects: Manifest[], policies: Manifest[]): string[] {
  const services = objects.filter(({ kind, spec }) => kind === 'Service' && spec?.selector);
  return services.flatMap((service) =>
    podTemplates(objects)
      .filter(
        ({ owner, metadata }) =>
          sameNamespace(owner, service) && selects({ matchLabels: service.spec.selector }, metadata.labels),
      )
      .flatMap((template) => {
        const own = policiesOf(policies, template, 'ingress');
        const rules = own.flatMap(({ spec }) => spec.ingress ?? []);
        const open = rules.flatMap((rule) => numbers(rule, template));
        if (own.length === 0 || rules.some((rule) => !rule.ports?.length)) return [];
        return (service.spec.ports ?? [])
          .map((port: any) => port.targetPort ?? port.port)
          .filter((port: any) => portsNamed(template, port).every(({ containerPort }) => !open.includes(containerPort)))
          .map(
            (port: any) => `${title(service)}: targetPort ${port} is opened to nobody by ${own.map(title).join(', ')}`,
          );
      }),
  );
}

function policiesOf(policies: Manifest[], { owner, metadata }: PodTemplate, direction: Direction): Manifest[] {
  const type = direction === 'ingress' ? 'Ingress' : 'Egress';
  return policies.filter(
    (policy) =>
      sameNamespace(policy, owner) &&
      selects(policy.spec?.podSelector, metadata.labels) &&
      (policy.spec.policyTypes ?? ['Ingress', ...(policy.spec.egress ? ['Egress'] : [])]).includes(type),
  );
}

/** The port numbers of a rule at the server's end. A rule without ports means all ports that the server declares. */
function numbers(rule: any, server: PodTemplate): number[] {
  if (!rule.ports?.length) {
    return containers(server).flatMap(({ container }) =>
      (container.ports ?? []).map((port: any) => port.containerPort),
    );
  }
  return rule.ports.flatMap(({ port }: any) =>
    typeof port === 'number' ? [port] : portsNamed(server, port).map(({ containerPort }) => containerPort),
  );
}
