import { Finding } from '../finding';
import { partOf, samePart } from '../part';
import { ageSeconds, all, isOurs, Snapshot, title } from '../snapshot';

/** Seconds that a load balancer may take. */
const BALANCER = 300;

/** Services that send nothing to the pods of their component, and load balancers without an address. */
export function serviceFindings(snapshot: Snapshot): Finding[] {
  const pods = all(snapshot, 'Pod').filter(isOurs);
  return all(snapshot, 'Service')
    .filter(isOurs)
    .flatMap((service) => [...misdirected(service, pods), ...balancer(snapshot, service)]);
}

function misdirected(service: any, pods: any[]): Finding[] {
  const { selector, ports = [] } = service.spec;
  const { namespace, name } = service.metadata;
  if (!selector) return [];
  const own = partOf(service);
  const part = { ...own, role: own.role.replace(/-metrics$/, '') };
  const meant = pods.filter((pod) => samePart(partOf(pod), part));
  if (meant.length === 0) return [];
  const about = { object: title(service), namespace, parts: [part], severity: 'error' as const };
  const selected = meant.filter(({ metadata }) =>
    Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value),
  );
  if (selected.length === 0) {
    return [
      {
        ...about,
        check: 'service-selector',
        says: `The selector of ${title(service)} selects no pod, although pods of its component exist.`,
        todo: `Apply the YAML of the platform again. What it selects: kubectl get service -n ${namespace} ${name} -o jsonpath='{.spec.selector}'`,
      },
    ];
  }
  const named = new Set(
    selected.flatMap(({ spec }) =>
      [...(spec.initContainers ?? []), ...spec.containers]
        .flatMap((each: any) => each.ports ?? [])
        .map((port: any) => port.name),
    ),
  );
  const lost = ports.filter(({ targetPort }: any) => typeof targetPort === 'string' && !named.has(targetPort));
  return lost.map(({ targetPort }: any) => ({
    ...about,
    check: 'service-port',
    says: `${title(service)} sends to the port '${targetPort}', which its pods do not have.`,
    todo: 'Apply the YAML of the platform again.',
  }));
}

function balancer(snapshot: Snapshot, service: any): Finding[] {
  const { namespace, name, creationTimestamp } = service.metadata;
  if (service.spec.type !== 'LoadBalancer' || service.status?.loadBalancer?.ingress?.length) return [];
  if (ageSeconds(snapshot, creationTimestamp) < BALANCER) return [];
  return [
    {
      check: 'load-balancer-pending',
      severity: 'error',
      object: title(service),
      namespace,
      parts: [{ ...partOf(service), role: 'exposure' }],
      says: `${title(service)} has no address: the cluster has not created a load balancer for it.`,
      todo: `See kubectl describe service -n ${namespace} ${name}. A cluster without a cloud needs e.g. MetalLB, or an Ingress.`,
    },
  ];
}
