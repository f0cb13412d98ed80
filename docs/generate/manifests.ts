// Functions that read rendered objects, used by more than one page.

/** One object of the rendered YAML. */
export type Manifest = any;

export interface Pod {
  /** `Deployment mlflow-server`. */
  readonly owner: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly spec: Manifest;
}

export interface Container {
  readonly name: string;
  /** `init` exits before the main containers start; a `sidecar` keeps running. */
  readonly role: 'init' | 'sidecar' | 'main';
  readonly container: Manifest;
}

/** A Job's name without the hash of its content, which changes with every edit of a program. */
export function nameOf({ kind, metadata }: Manifest): string {
  return kind === 'Job' ? metadata.name.replace(/-[0-9a-f]{8}$/, '-<hash>') : metadata.name;
}

export function titleOf(object: Manifest): string {
  return `${object.kind} \`${nameOf(object)}\``;
}

export function podsOf(objects: Manifest[]): Pod[] {
  return objects
    .map((object) => ({ object, template: (object.spec?.jobTemplate?.spec ?? object.spec)?.template }))
    .filter(({ template }) => template?.spec)
    .map(({ object, template }) => ({
      owner: titleOf(object),
      namespace: object.metadata.namespace,
      labels: template.metadata.labels,
      spec: template.spec,
    }));
}

export function containersOf({ spec }: Pod): Container[] {
  const init = (spec.initContainers ?? []).map((container: Manifest) => ({
    name: container.name,
    role: container.restartPolicy === 'Always' ? 'sidecar' : 'init',
    container,
  }));
  const main = spec.containers.map((container: Manifest) => ({ name: container.name, role: 'main', container }));
  return [...init, ...main];
}

export function ofKind(objects: Manifest[], kind: string): Manifest[] {
  return objects.filter((object) => object.kind === kind);
}

export function selects(selector: Record<string, string> = {}, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
