import {
  Manifest,
  PlacedContainer,
  PodTemplate,
  containers,
  podTemplates,
  sameNamespace,
  selectedPods,
  selects,
  title,
} from '../manifests';

const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

/** The rules for every pod in addition to Pod Security: resources, probes, users, account, image, policy. */
export function pods(objects: Manifest[]): string[] {
  return podTemplates(objects).flatMap((template) => [
    ...containers(template).flatMap((placed) => containerFindings(placed, template)),
    ...readinessFindings(template, objects),
    ...accountFindings(template, objects),
    ...policyFindings(template, objects),
  ]);
}

function containerFindings({ container, role, at }: PlacedContainer, template: PodTemplate): string[] {
  const found: string[] = [];
  const { requests = {}, limits = {} } = container.resources ?? {};
  for (const resource of RESOURCES) {
    for (const [field, values] of Object.entries({ requests, limits })) {
      if (values[resource] === undefined) found.push(`${at}: resources.${field} lacks ${resource}`);
    }
    if (quantity(requests[resource]) > quantity(limits[resource])) {
      found.push(
        `${at}: resources.requests.${resource} is ${requests[resource]}, must not be more than the limit ` +
          limits[resource],
      );
    }
  }
  const context = { ...template.spec.securityContext, ...container.securityContext };
  if (context.readOnlyRootFilesystem !== true) {
    found.push(`${at}: securityContext.readOnlyRootFilesystem is ${context.readOnlyRootFilesystem}, must be true`);
  }
  for (const field of ['runAsUser', 'runAsGroup']) {
    if (!Number.isInteger(context[field]) || context[field] <= 0) {
      found.push(`${at}: securityContext.${field} is ${context[field]}, must be a number above 0, on container or pod`);
    }
  }
  // Containers of a Job exit by themselves. A failed probe would only stop them early.
  const longRunning = role === 'sidecar' || (role === 'main' && !isJob(template.owner));
  if (longRunning && !container.livenessProbe) {
    found.push(`${at}: livenessProbe is missing on a long-running container`);
  }
  if (
    role === 'init' &&
    ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'].some((key) => container[key])
  ) {
    found.push(`${at}: an init container that ends may have neither probes nor lifecycle hooks`);
  }
  return [...found, ...imageFindings(at, container.image)];
}

function imageFindings(at: string, image: string | undefined): string[] {
  if (!image) return [`${at}: image is missing`];
  const [name, digest] = image.split('@');
  if (digest) return [];
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  return tag && tag !== 'latest' ? [] : [`${at}: image is ${image}, must have a tag other than latest, or a digest`];
}

/** Without a readiness probe, a Service sends requests to a container as soon as it runs. */
function readinessFindings(template: PodTemplate, objects: Manifest[]): string[] {
  const services = objects.filter(
    (object) =>
      object.kind === 'Service' &&
      object.spec?.selector &&
      sameNamespace(object, template.owner) &&
      selects({ matchLabels: object.spec.selector }, template.metadata.labels),
  );
  const targets = services.flatMap((service) =>
    (service.spec.ports ?? []).map((port: any) => port.targetPort ?? port.port),
  );
  return containers(template)
    .filter(({ container }) => !container.readinessProbe)
    .filter(({ container }) =>
      (container.ports ?? []).some((port: any) => targets.includes(port.name) || targets.includes(port.containerPort)),
    )
    .map(
      ({ at }) => `${at}: readinessProbe is missing though Service/${services[0].metadata.name} sends requests here`,
    );
}

function accountFindings({ owner, spec }: PodTemplate, objects: Manifest[]): string[] {
  const found: string[] = [];
  const name = spec.serviceAccountName;
  if (!name || name === 'default') {
    return [`${title(owner)}: serviceAccountName is ${name}, must be an account of its own`];
  }
  const bound = objects.some(
    (object) =>
      ['RoleBinding', 'ClusterRoleBinding'].includes(object.kind) &&
      (object.subjects ?? []).some((subject: any) => subject.kind === 'ServiceAccount' && subject.name === name),
  );
  const account = objects.find(
    (object) => object.kind === 'ServiceAccount' && object.metadata.name === name && sameNamespace(object, owner),
  );
  if (bound) {
    const mounted = spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true;
    const projected = (spec.volumes ?? []).some((volume: any) =>
      (volume.projected?.sources ?? []).some((source: any) => source.serviceAccountToken),
    );
    if (!mounted && !projected) {
      found.push(
        `${title(owner)}: ServiceAccount ${name} has a RoleBinding, but the pod mounts no token to use it with`,
      );
    }
    return found;
  }
  for (const [where, holder] of [
    [title(owner), spec],
    [`ServiceAccount/${name}`, account],
  ] as const) {
    if (holder && holder.automountServiceAccountToken !== false) {
      found.push(
        `${where}: automountServiceAccountToken is ${holder.automountServiceAccountToken}, must be false, ` +
          'since no RoleBinding names the account',
      );
    }
  }
  return found;
}

function policyFindings(template: PodTemplate, objects: Manifest[]): string[] {
  const policies = objects.filter(
    (object) =>
      object.kind === 'NetworkPolicy' && selectedPods([template.owner], object, object.spec?.podSelector).length > 0,
  );
  if (policies.length === 0) return [`${title(template.owner)}: no NetworkPolicy in its namespace selects its pods`];
  return ['Ingress', 'Egress']
    .filter((type) => !policies.some((policy) => (policy.spec.policyTypes ?? []).includes(type)))
    .map(
      (type) =>
        `${title(template.owner)}: no NetworkPolicy that selects its pods states the policyType ${type} ` +
        `(${policies.map(title).join(', ')})`,
    );
}

function isJob(owner: Manifest): boolean {
  return owner.kind === 'Job' || owner.kind === 'CronJob';
}

/** A quantity such as 500m or 1Gi as a number. Without a quantity NaN, with which every comparison is false. */
function quantity(value: string | number | undefined): number {
  const match = /^([0-9.]+(?:e[0-9]+)?)(m|k|[KMGTPE]i?)?$/.exec(String(value));
  if (!match) return NaN;
  const [, digits, suffix = ''] = match;
  if (suffix === 'm') return Number(digits) / 1000;
  const power = suffix ? 'kmgtpe'.indexOf(suffix[0].toLowerCase()) + 1 : 0;
  return Number(digits) * (suffix.endsWith('i') ? 1024 : 1000) ** power;
}
