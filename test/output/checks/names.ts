import { Labels, Manifest, containers, group, podTemplate, title } from '../manifests';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

/** Kinds whose name becomes a host name or a label, with the greatest length of the name. */
const NAME_LENGTH: Record<string, number> = {
  Service: 63,
  Deployment: 63,
  Pod: 63,
  Job: 63,
  // The controller appends eleven characters: `-` and the time, or `-` and a revision hash in a label.
  CronJob: 52,
  StatefulSet: 52,
};

const SELECTOR_LABELS = ['name', 'instance', 'component'].map((part) => `app.kubernetes.io/${part}`);

/** The API server accepts the names, labels and selectors, and they stay the same in each version. */
export function names(objects: Manifest[]): string[] {
  return [
    ...objects.flatMap((object) => [
      ...nameFindings(object),
      ...labelFindings(object),
      ...selectorFindings(object),
      ...servicePortFindings(object),
      ...podFindings(object),
    ]),
    ...duplicates(objects),
  ];
}

function nameFindings(object: Manifest): string[] {
  const { name, namespace } = object.metadata ?? {};
  if (!name) return [`${title(object)}: metadata.name is missing`];
  const found: string[] = [];
  const longest = NAME_LENGTH[object.kind];
  // Names of RBAC objects are path segments: nearly all characters are allowed.
  const isFree = group(object) === 'rbac.authorization.k8s.io';
  const form = longest ? DNS_LABEL : isFree ? /^[^/%]+$/ : DNS_SUBDOMAIN;
  if (!form.test(name)) found.push(`${title(object)}: the name must be ${longest ? 'a DNS label' : 'a DNS subdomain'}`);
  if (object.kind === 'Service' && /^\d/.test(name)) found.push(`${title(object)}: the name must begin with a letter`);
  if (name.length > (longest ?? 253)) {
    found.push(`${title(object)}: the name has ${name.length} characters, must have ${longest ?? 253} at most`);
  }
  if (namespace !== undefined && (!DNS_LABEL.test(namespace) || namespace.length > 63)) {
    found.push(`${title(object)}: namespace ${namespace} must be a DNS label of 63 characters at most`);
  }
  return found;
}

function labelFindings(object: Manifest): string[] {
  const template = podTemplate(object);
  const metadata = [
    object.metadata,
    ...(template ? [template.metadata] : []),
    ...(object.spec?.volumeClaimTemplates ?? []).map((claim: any) => claim.metadata),
  ];
  return metadata.flatMap(({ labels = {}, annotations = {} }: any) => [
    ...Object.keys({ ...labels, ...annotations })
      .filter((key) => !isQualifiedKey(key))
      .map((key) => `${title(object)}: ${key} is no valid label or annotation key`),
    ...Object.entries({ ...labels, ...annotations })
      .filter(([, value]) => typeof value !== 'string')
      .map(([key, value]) => `${title(object)}: ${key} is ${JSON.stringify(value)}, must be a string`),
    ...Object.entries<string>(labels)
      .filter(([, value]) => typeof value === 'string' && (value.length > 63 || !QUALIFIED.test(value)))
      .map(
        ([key, value]) => `${title(object)}: label ${key} is ${value}, must be 63 characters at most of A-Za-z0-9-_.`,
      ),
  ]);
}

function isQualifiedKey(key: string): boolean {
  const parts = key.split('/');
  const name = parts.pop()!;
  const isPrefixed =
    parts.length === 0 || (parts.length === 1 && parts[0].length <= 253 && DNS_SUBDOMAIN.test(parts[0]));
  return isPrefixed && name.length > 0 && name.length <= 63 && QUALIFIED.test(name);
}

/** A selector is immutable, so it must not contain labels that a new version changes. */
function selectorFindings(object: Manifest): string[] {
  const { spec = {}, kind } = object;
  const selectors: [string, Labels | undefined][] = [];
  const add = (field: string, selector: any) => selector && selectors.push([field, selector.matchLabels ?? {}]);
  if (kind === 'Service' && spec.selector) selectors.push(['spec.selector', spec.selector]);
  if (['Deployment', 'StatefulSet', 'PodDisruptionBudget', 'ServiceMonitor', 'PodMonitor'].includes(kind)) {
    add('spec.selector', spec.selector);
  }
  if (kind === 'NetworkPolicy') add('spec.podSelector', spec.podSelector);
  return selectors.flatMap(([field, labels]) => {
    const keys = Object.keys(labels ?? {});
    const odd = keys.filter((key) => !SELECTOR_LABELS.includes(key));
    if (odd.length > 0) {
      return [`${title(object)}: ${field} has ${odd.join(', ')}, must consist of ${SELECTOR_LABELS.join(', ')}`];
    }
    if (keys.length === 0 && kind === 'NetworkPolicy') return [];
    // With fewer, two platforms in one namespace would select each other's pods.
    const missing = SELECTOR_LABELS.filter((key) => !keys.includes(key));
    return missing.length > 0 ? [`${title(object)}: ${field} lacks ${missing.join(', ')}`] : [];
  });
}

function servicePortFindings(object: Manifest): string[] {
  if (object.kind !== 'Service') return [];
  const ports: any[] = object.spec?.ports ?? [];
  return [
    ...repeated(ports.map(({ name }) => name)).map((name) => `${title(object)}: two ports are named ${name}`),
    ...repeated(ports.map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`)).map(
      (port) => `${title(object)}: port ${port} stands twice`,
    ),
    ...(ports.length > 1 && ports.some(({ name }) => !name)
      ? [`${title(object)}: has several ports, so each must have a name`]
      : []),
    ...ports
      .filter(({ name }) => name && (name.length > 63 || !DNS_LABEL.test(name)))
      .map(({ name }) => `${title(object)}: port name ${name} must be a DNS label`),
  ];
}

function podFindings(object: Manifest): string[] {
  const template = podTemplate(object);
  if (!template) return [];
  const placed = containers(template);
  const found: string[] = [];
  const once = (what: string, values: (string | undefined)[], at = title(object)) =>
    found.push(...repeated(values).map((value) => `${at}: ${what} ${value} stands twice`));
  const label = (what: string, values: string[]) =>
    values
      .filter((value) => !DNS_LABEL.test(value) || value.length > 63)
      .forEach((value) => found.push(`${title(object)}: ${what} ${value} must be a DNS label`));

  const containerNames = placed.map(({ container }) => container.name);
  const volumeNames = (template.spec.volumes ?? []).map((volume: any) => volume.name);
  const claimNames = (object.spec.volumeClaimTemplates ?? []).map((claim: any) => claim.metadata.name);
  once('container', containerNames);
  label('container', containerNames);
  once('volume', [...volumeNames, ...claimNames]);
  label('volume', [...volumeNames, ...claimNames]);
  // A container that has exited uses no port.
  const ports = placed.filter(({ role }) => role !== 'init').flatMap(({ container }) => container.ports ?? []);
  once(
    'port',
    ports.map((port: any) => `${port.containerPort}/${port.protocol ?? 'TCP'}`),
  );
  once(
    'port name',
    ports.map((port: any) => port.name),
  );
  for (const { name } of ports) {
    if (name !== undefined && !isServiceName(name)) {
      found.push(`${title(object)}: port name ${name} must be 1 to 15 of a-z0-9-, with a letter, without --`);
    }
  }
  for (const { container, at } of placed) {
    once(
      'env',
      (container.env ?? []).map((variable: any) => variable.name),
      at,
    );
    once(
      'mountPath',
      (container.volumeMounts ?? []).map((mount: any) => mount.mountPath),
      at,
    );
  }
  return found;
}

/** An IANA service name. */
function isServiceName(name: string): boolean {
  return DNS_LABEL.test(name) && name.length <= 15 && /[a-z]/.test(name) && !name.includes('--');
}

function duplicates(objects: Manifest[]): string[] {
  const keys = objects.map(
    (object) => `${group(object)}/${title(object)} in ${object.metadata?.namespace ?? 'no namespace'}`,
  );
  return repeated(keys).map((key) => `${key.replace(/^\//, '')}: stands twice`);
}

function repeated(values: (string | undefined)[]): string[] {
  return [
    ...new Set(values.filter((value, index) => value !== undefined && values.indexOf(value) !== index)),
  ] as string[];
}
