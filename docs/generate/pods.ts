// The pages about pods: ports, users, labels, environment.
import { Container, Manifest, Pod, containersOf, nameOf, ofKind, podsOf, selects, titleOf } from './manifests';
import { code, lines, list, table } from './markdown';
import { readersOf } from './variables';

export function ports(objects: Manifest[]): string {
  const rows = podsOf(objects).flatMap((pod) =>
    containersOf(pod).flatMap(({ name, container }) =>
      (container.ports ?? []).map((port: Manifest) => [
        pod.owner,
        code(name),
        code(port.name),
        String(port.containerPort),
        list(servicesOf(objects, pod, port)),
      ]),
    ),
  );
  return table(['pods of', 'container', 'port', 'number', 'Service'], rows);
}

function servicesOf(objects: Manifest[], pod: Pod, port: Manifest): string[] {
  return ofKind(objects, 'Service')
    .filter((service) => service.metadata.namespace === pod.namespace && selects(service.spec.selector, pod.labels))
    .flatMap((service) =>
      service.spec.ports
        .filter(({ targetPort }: Manifest) => [port.name, port.containerPort].includes(targetPort))
        .map((each: Manifest) => `${service.metadata.name}:${each.port}`),
    );
}

export function users(objects: Manifest[]): string {
  const rows = podsOf(objects).flatMap((pod) =>
    containersOf(pod).map(({ name, role, container }) => [
      pod.owner,
      `${code(name)}${roleInWords(role)}`,
      String(container.securityContext.runAsUser),
      String(pod.spec.securityContext.fsGroup),
      writable(pod, container),
      code(container.image),
    ]),
  );
  return table(['pods of', 'container', 'uid and gid', 'fsGroup', 'writable folders', 'image'], rows);
}

function roleInWords(role: Container['role']): string {
  return { init: ' (init)', sidecar: ' (sidecar)', main: '' }[role];
}

/** The writable mounts: the root file system is read-only. */
function writable(pod: Pod, container: Manifest): string {
  const writes = (container.volumeMounts ?? []).filter(({ readOnly }: Manifest) => !readOnly);
  if (!container.securityContext.readOnlyRootFilesystem) return 'everything';
  return (
    writes.map(({ mountPath, name }: Manifest) => `${code(mountPath)} (${volumeKind(pod, name)})`).join(', ') || '–'
  );
}

function volumeKind({ spec }: Pod, name: string): string {
  const volume = (spec.volumes ?? []).find((each: Manifest) => each.name === name);
  if (!volume?.emptyDir) return 'claim';
  const { medium, sizeLimit } = volume.emptyDir;
  return medium === 'Memory' ? `memory, ${sizeLimit}` : sizeLimit;
}

export function labels(objects: Manifest[]): string {
  const owners = objects.filter(({ spec }) => spec?.template?.spec);
  const shown = (all: Record<string, string> = {}) =>
    Object.entries(all)
      .map(([key, value]) => code(`${key}: ${key.endsWith('config-hash') ? '<hash>' : value}`))
      .join('<br>') || '–';
  const rows = owners.map((object) => {
    const { metadata } = object.spec.template;
    const selector = object.spec.selector?.matchLabels;
    const more = Object.entries(metadata.labels).filter(([key]) => !(key in (selector ?? {})));
    const others = Object.fromEntries(more) as Record<string, string>;
    return [titleOf(object), shown(selector), shown(others), shown(metadata.annotations)];
  });
  return table(['object', 'selector', 'further labels of its pods', 'annotations of its pods'], rows);
}

export function claims(objects: Manifest[]): string {
  const rows = ofKind(objects, 'StatefulSet').flatMap((set) =>
    set.spec.volumeClaimTemplates.map(({ metadata, spec }: Manifest) => [
      titleOf(set),
      list(Array.from({ length: set.spec.replicas }, (_, ordinal) => `${metadata.name}-${nameOf(set)}-${ordinal}`)),
      spec.resources.requests.storage,
      spec.accessModes.join(', '),
    ]),
  );
  return table(['object', 'claims', 'size of each', 'access'], rows);
}

/** The value of a variable, or the field of the pod that it is read from. */
function valueOf({ name, value, valueFrom }: Manifest): string {
  if (name === 'MOUNTED_REVISION') return code('<hash>');
  if (!valueFrom) return code(value || "''");
  return `field ${code(valueFrom.fieldRef?.fieldPath ?? valueFrom.resourceFieldRef.resource)}`;
}

export function environment(objects: Manifest[]): string {
  return lines(
    ...podsOf(objects).flatMap((pod) => [
      `### ${pod.owner}`,
      ...containersOf(pod).map(({ name, role, container }) => {
        const rows = (container.env ?? []).map((variable: Manifest) => [
          code(variable.name),
          valueOf(variable),
          readersOf(container.image, variable.name).join(', '),
        ]);
        const secrets = secretFiles(pod, container);
        return lines(
          `Container ${code(name)}${roleInWords(role)}:`,
          rows.length > 0 ? table(['variable', 'value', 'read by'], rows) : 'No variables.',
          secrets.length > 0 ? `From files of Secrets: ${list(secrets)}.` : undefined,
        );
      }),
    ]),
  );
}

/** Mounted files that our programs read into their environment, each a variable. */
export function secretFiles({ spec }: Pod, container: Manifest): string[] {
  const mounted = new Set((container.volumeMounts ?? []).map(({ name }: Manifest) => name));
  return (spec.volumes ?? [])
    .filter(({ name, projected }: Manifest) => mounted.has(name) && projected)
    .flatMap(({ projected }: Manifest) => projected.sources)
    .flatMap(({ secret }: Manifest) => (secret?.items ?? []).map(({ path }: Manifest) => path));
}
