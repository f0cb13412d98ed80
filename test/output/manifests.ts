import { parseAllDocuments } from 'yaml';

/** One Kubernetes object, as in the rendered YAML. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string; labels?: Labels; annotations?: Labels };
  readonly [field: string]: any;
}

export type Labels = Record<string, string>;

/** A check returns one sentence for each fault, and an empty list without faults. */
export type Check = (objects: Manifest[]) => string[];

/** The pods that an object creates. */
export interface PodTemplate {
  readonly owner: Manifest;
  readonly metadata: { labels?: Labels; annotations?: Labels };
  readonly spec: Record<string, any>;
}

/** A container, with its role and its place in the pod. */
export interface PlacedContainer {
  readonly container: Record<string, any>;
  /** `sidecar`: an init container with `restartPolicy: Always`, which runs together with the main containers. */
  readonly role: 'init' | 'sidecar' | 'main';
  /** Its place, for messages. */
  readonly at: string;
}

/** All objects of a text of YAML documents. A List is replaced by its items. */
export function parseManifests(text: string): Manifest[] {
  const objects: Manifest[] = [];
  for (const document of parseAllDocuments(text)) {
    if (document.errors?.length) throw document.errors[0];
    const object = document.toJS() as Manifest | null;
    if (!object) continue;
    if (object.kind === 'List') objects.push(...object.items);
    else objects.push(object);
  }
  return objects;
}

/** The name of an object in findings: `Deployment/mlflow-server`. */
export function title(object: Manifest): string {
  return `${object.kind}/${object.metadata?.name ?? '(no name)'}`;
}

/** The API group, '' for the core one. */
export function group(object: Manifest): string {
  const parts = (object.apiVersion ?? '').split('/');
  return parts.length > 1 ? parts[0] : '';
}

export function sameNamespace(a: Manifest, b: Manifest): boolean {
  return (a.metadata?.namespace ?? '') === (b.metadata?.namespace ?? '');
}

/** The pod template that one object has, if any. */
export function podTemplate(owner: Manifest): PodTemplate | undefined {
  if (owner.kind === 'Pod') return { owner, metadata: owner.metadata, spec: owner.spec ?? {} };
  const template =
    owner.kind === 'CronJob'
      ? owner.spec?.jobTemplate?.spec?.template
      : ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job'].includes(owner.kind)
        ? owner.spec?.template
        : undefined;
  return template && { owner, metadata: template.metadata ?? {}, spec: template.spec ?? {} };
}

/** Every pod template among the objects. */
export function podTemplates(objects: Manifest[]): PodTemplate[] {
  return objects.map(podTemplate).filter((template) => template !== undefined);
}

/** Every container of a pod, init containers first. */
export function containers(template: PodTemplate): PlacedContainer[] {
  const at = (name: string) => `${title(template.owner)} container ${name}`;
  return [
    ...(template.spec.initContainers ?? []).map((container: any) => ({
      container,
      role: container.restartPolicy === 'Always' ? ('sidecar' as const) : ('init' as const),
      at: at(container.name),
    })),
    ...(template.spec.containers ?? []).map((container: any) => ({
      container,
      role: 'main' as const,
      at: at(container.name),
    })),
  ];
}

/** True if a label selector (matchLabels and matchExpressions) selects these labels. An empty one selects all. */
export function selects(selector: any, labels: Labels | undefined): boolean {
  if (!selector) return false;
  const have = labels ?? {};
  const matches = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => have[key] === value);
  return (
    matches &&
    (selector.matchExpressions ?? []).every(({ key, operator, values }: any) => {
      switch (operator) {
        case 'In':
          return values.includes(have[key]);
        case 'NotIn':
          return !values.includes(have[key]);
        case 'Exists':
          return key in have;
        case 'DoesNotExist':
          return !(key in have);
        default:
          return false;
      }
    })
  );
}

/** The pods in an object's namespace that a selector picks. */
export function selectedPods(objects: Manifest[], from: Manifest, selector: any): PodTemplate[] {
  return podTemplates(objects).filter(
    (template) => sameNamespace(template.owner, from) && selects(selector, template.metadata.labels),
  );
}

/** The declared container ports of a pod with this name or number. Of the init containers, only sidecars are included. */
export function portsNamed(template: PodTemplate, port: string | number): any[] {
  return containers(template)
    .filter(({ role }) => role !== 'init')
    .flatMap(({ container }) => container.ports ?? [])
    .filter((candidate: any) => candidate.name === port || candidate.containerPort === port);
}

/** Calls `visit` for every string in a value, with the path that leads to it. */
export function walkStrings(value: any, visit: (text: string, path: string[]) => void, path: string[] = []): void {
  if (typeof value === 'string') {
    visit(value, path);
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => walkStrings(item, visit, [...path, String(index)]));
  } else if (value && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) walkStrings(item, visit, [...path, key]);
  }
}
