import {
  Manifest,
  PodTemplate,
  containers,
  podTemplate,
  portsNamed,
  sameNamespace,
  selectedPods,
  selects,
  title,
} from '../manifests';
import { External } from './existing-names';

/** A container listens on every port that a Service, probe, policy, monitor or route names. */
export function ports(objects: Manifest[], external: External = []): string[] {
  return objects.flatMap((object) => {
    const template = podTemplate(object);
    if (template) return handlerFindings(template);
    switch (object.kind) {
      case 'Service':
        return serviceFindings(object, objects);
      case 'NetworkPolicy':
        return policyFindings(object, objects);
      case 'ServiceMonitor':
      case 'PodMonitor':
        return monitorFindings(object, objects);
      case 'Ingress':
      case 'HTTPRoute':
        return routeFindings(object, objects, external);
      default:
        return [];
    }
  });
}

const named = (template: PodTemplate) =>
  containers(template)
    .flatMap(({ container }) => container.ports ?? [])
    .map((port: any) => (port.name ? `${port.name} (${port.containerPort})` : port.containerPort))
    .join(', ') || 'none';

function serviceFindings(service: Manifest, objects: Manifest[]): string[] {
  const { selector, ports: servicePorts = [], type } = service.spec ?? {};
  // Without a selector, the user manages the endpoints. An ExternalName has none.
  if (!selector || type === 'ExternalName') return [];
  const templates = selectedPods(objects, service, { matchLabels: selector });
  if (templates.length === 0) {
    return [`${title(service)}: selector ${JSON.stringify(selector)} matches no pod template`];
  }
  return templates.flatMap((template) => {
    if (['Job', 'CronJob'].includes(template.owner.kind)) {
      return [`${title(service)}: selector matches the pods of ${title(template.owner)} too, which serve nothing`];
    }
    return servicePorts
      .map((port: any) => port.targetPort ?? port.port)
      .filter((target: any) => portsNamed(template, target).length === 0)
      .map(
        (target: any) =>
          `${title(service)}: targetPort ${target} is no port of ${title(template.owner)}, which has ${named(template)}`,
      );
  });
}

/** Probes and hooks may use only the ports of their own container. Port numbers must be declared too. */
function handlerFindings(template: PodTemplate): string[] {
  return containers(template).flatMap(({ container, at, role }) => {
    const { livenessProbe, readinessProbe, startupProbe, lifecycle = {} } = container;
    // A named port must be in the container itself. A number can be a port of another container of the pod.
    const all = role === 'init' ? (container.ports ?? []) : undefined;
    return Object.entries({ livenessProbe, readinessProbe, startupProbe, ...lifecycle })
      .map(([field, handler]: [string, any]) => [
        field,
        handler?.httpGet?.port ?? handler?.tcpSocket?.port ?? handler?.grpc?.port,
      ])
      .filter(([, port]) => port !== undefined)
      .filter(([, port]) =>
        typeof port === 'string'
          ? !(container.ports ?? []).some((candidate: any) => candidate.name === port)
          : !(all ?? portsNamed(template, port)).length,
      )
      .map(([field, port]) => `${at}: ${field} uses port ${port}, the declared ones are ${named(template)}`);
  });
}

function policyFindings(policy: Manifest, objects: Manifest[]): string[] {
  const found: string[] = [];
  const { podSelector, ingress = [], egress = [] } = policy.spec ?? {};
  const targets = selectedPods(objects, policy, podSelector);
  if (targets.length === 0) found.push(`${title(policy)}: podSelector matches no pod template`);
  for (const template of targets) found.push(...ruleFindings(policy, 'ingress', ingress, template));
  for (const rule of egress) {
    for (const peer of (rule.to ?? []).filter((each: any) => each.podSelector && !each.namespaceSelector)) {
      const peers = selectedPods(objects, policy, peer.podSelector);
      if (peers.length === 0) {
        found.push(`${title(policy)}: egress to ${JSON.stringify(peer.podSelector)} matches no pod template`);
      }
      for (const template of peers) found.push(...ruleFindings(policy, 'egress', [rule], template));
    }
  }
  return found;
}

function ruleFindings(policy: Manifest, direction: string, rules: any[], template: PodTemplate): string[] {
  return rules
    .flatMap((rule) => rule.ports ?? [])
    .filter(({ port, endPort }: any) => port !== undefined && endPort === undefined)
    .filter(({ port }: any) => portsNamed(template, port).length === 0)
    .map(
      ({ port }: any) =>
        `${title(policy)}: ${direction} port ${port} is no port of ${title(template.owner)}, which has ${named(template)}`,
    );
}

function monitorFindings(monitor: Manifest, objects: Manifest[]): string[] {
  const { selector, namespaceSelector, endpoints = [], podMetricsEndpoints = [] } = monitor.spec ?? {};
  const namespaces = namespaceSelector?.matchNames ?? [monitor.metadata.namespace ?? ''];
  const here = (object: Manifest) => namespaceSelector?.any || namespaces.includes(object.metadata?.namespace ?? '');
  const isPods = monitor.kind === 'PodMonitor';
  // A ServiceMonitor selects by the labels of the Service, a PodMonitor by those of the pods.
  const labelled = objects.filter((object) => {
    const labels = isPods ? podTemplate(object)?.metadata.labels : object.kind === 'Service' && object.metadata.labels;
    return here(object) && labels && selects(selector, labels);
  });
  if (labelled.length === 0) {
    return [
      `${title(monitor)}: selector ${JSON.stringify(selector)} matches no ${isPods ? 'pod template' : 'Service'}`,
    ];
  }
  return labelled.flatMap((object) => {
    const names: string[] = isPods
      ? containers(podTemplate(object)!).flatMap(({ container }) =>
          (container.ports ?? []).map((port: any) => port.name),
        )
      : (object.spec.ports ?? []).map((port: any) => port.name);
    return [...endpoints, ...podMetricsEndpoints]
      .filter(({ port, targetPort }: any) => targetPort === undefined && !names.includes(port))
      .map(
        ({ port }: any) =>
          `${title(monitor)}: endpoint port ${port} is no port name of ${title(object)}, which has ${names}`,
      );
  });
}

function routeFindings(route: Manifest, objects: Manifest[], external: External): string[] {
  const { rules = [], defaultBackend } = route.spec ?? {};
  const backends: any[] =
    route.kind === 'Ingress'
      ? [defaultBackend, ...rules.flatMap((rule: any) => (rule.http?.paths ?? []).map((path: any) => path.backend))]
          .filter((backend) => backend?.service)
          .map(({ service }) => ({ name: service.name, port: service.port?.name ?? service.port?.number }))
      : rules.flatMap((rule: any) => rule.backendRefs ?? []);
  return backends.flatMap(({ name, port }) => {
    if (external.includes(`Service/${name}`)) return [];
    const service = objects.find(
      (object) => object.kind === 'Service' && object.metadata.name === name && sameNamespace(object, route),
    );
    if (!service) return [`${title(route)}: backend names Service/${name}, which nothing makes`];
    const servicePorts: any[] = service.spec.ports ?? [];
    if (servicePorts.some((each) => each.name === port || each.port === port)) return [];
    return [
      `${title(route)}: backend port ${port} is no port of Service/${name}, which has ` +
        servicePorts.map((each) => each.name ?? each.port).join(', '),
    ];
  });
}
