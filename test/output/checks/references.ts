import { Manifest, containers, podTemplate, title } from '../manifests';
import { External, existingNames } from './existing-names';

/** One reference of an object to another. `key` is set only if the reference names one entry. */
interface Reference {
  readonly from: string;
  readonly field: string;
  readonly kind: string;
  readonly name: string | undefined;
  readonly key?: string;
  readonly optional?: boolean;
  readonly namespace?: string;
}

/** Every object, and every key, that another object names is in the output, or exists outside it. */
export function references(objects: Manifest[], external: External = []): string[] {
  return objects.flatMap((object) => {
    const home = object.metadata?.namespace ?? '';
    return [...objectReferences(object), ...podReferences(object)].flatMap((reference) => {
      if (reference.optional) return [];
      const names = existingNames(objects, reference.namespace ?? home, external);
      const target = `${reference.kind}/${reference.name}`;
      if (!names.has(target)) return [`${reference.from}: ${reference.field} names ${target}, which nothing makes`];
      const keys = names.get(target);
      if (reference.key === undefined || !keys || keys.has(reference.key)) return [];
      return [
        `${reference.from}: ${reference.field} names the key ${reference.key} of ${target}, which has ` +
          `${[...keys].join(', ') || 'none'}`,
      ];
    });
  });
}

function podReferences(object: Manifest): Reference[] {
  const template = podTemplate(object);
  if (!template) return [];
  const { spec } = template;
  const from = title(object);
  const found: Reference[] = [];
  if (spec.serviceAccountName) {
    found.push({ from, field: 'serviceAccountName', kind: 'ServiceAccount', name: spec.serviceAccountName });
  }
  for (const { name } of spec.imagePullSecrets ?? []) {
    found.push({ from, field: 'imagePullSecrets', kind: 'Secret', name });
  }
  for (const volume of spec.volumes ?? []) {
    const mounted = containers(template).flatMap(({ container }) =>
      (container.volumeMounts ?? []).filter((mount: any) => mount.name === volume.name),
    );
    found.push(...volumeReferences(from, volume, mounted));
  }
  for (const { container, at } of containers(template)) {
    for (const source of container.envFrom ?? []) {
      if (source.secretRef) found.push({ from: at, field: 'envFrom', kind: 'Secret', ...source.secretRef });
      if (source.configMapRef) found.push({ from: at, field: 'envFrom', kind: 'ConfigMap', ...source.configMapRef });
    }
    for (const { name, valueFrom } of container.env ?? []) {
      const field = `env ${name}`;
      if (valueFrom?.secretKeyRef) found.push({ from: at, field, kind: 'Secret', ...valueFrom.secretKeyRef });
      if (valueFrom?.configMapKeyRef) found.push({ from: at, field, kind: 'ConfigMap', ...valueFrom.configMapKeyRef });
    }
  }
  return found;
}

function volumeReferences(from: string, volume: any, mounts: any[]): Reference[] {
  const field = `volume ${volume.name}`;
  const found: Reference[] = [];
  const add = (kind: string, name: string, source: any) => {
    found.push({ from, field, kind, name, optional: source.optional });
    for (const { key } of source.items ?? []) {
      found.push({ from, field: `${field} items`, kind, name, key, optional: source.optional });
    }
  };
  if (volume.persistentVolumeClaim) add('PersistentVolumeClaim', volume.persistentVolumeClaim.claimName, {});
  if (volume.secret) add('Secret', volume.secret.secretName, volume.secret);
  if (volume.configMap) add('ConfigMap', volume.configMap.name, volume.configMap);
  for (const source of volume.projected?.sources ?? []) {
    if (source.secret) add('Secret', source.secret.name, source.secret);
    if (source.configMap) add('ConfigMap', source.configMap.name, source.configMap);
  }
  // A subPath mount of a missing key becomes an empty directory, and the container fails.
  const whole = volume.configMap ?? volume.secret;
  if (whole && !whole.items) {
    for (const { subPath } of mounts.filter((mount) => mount.subPath)) {
      const kind = volume.configMap ? 'ConfigMap' : 'Secret';
      found.push({ from, field: `${field} subPath`, kind, name: whole.name ?? whole.secretName, key: subPath });
    }
  }
  return found;
}

function objectReferences(object: Manifest): Reference[] {
  const from = title(object);
  const { kind, spec = {} } = object;
  switch (kind) {
    case 'Ingress':
      return (spec.tls ?? []).map(({ secretName }: any) => ({ from, field: 'tls', kind: 'Secret', name: secretName }));
    case 'HorizontalPodAutoscaler':
      return [{ from, field: 'scaleTargetRef', ...spec.scaleTargetRef }];
    case 'StatefulSet':
      // Optional since Kubernetes 1.32. Without it, the pods have no DNS names.
      return [{ from, field: 'serviceName', kind: 'Service', name: spec.serviceName }];
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return bindingReferences(object, from);
    case 'ServiceAccount':
      return (object.imagePullSecrets ?? []).map(({ name }: any) => ({
        from,
        field: 'imagePullSecrets',
        kind: 'Secret',
        name,
      }));
    case 'ServiceMonitor':
    case 'PodMonitor':
      return (spec.endpoints ?? spec.podMetricsEndpoints ?? []).flatMap((endpoint: any) =>
        endpointReferences(endpoint, from),
      );
    case 'Cluster':
      return [spec.bootstrap?.initdb?.secret, spec.superuserSecret]
        .filter(Boolean)
        .map(({ name }) => ({ from, field: 'secret', kind: 'Secret', name }));
    default:
      return [];
  }
}

function bindingReferences(object: Manifest, from: string): Reference[] {
  const { roleRef, subjects = [] } = object;
  const found: Reference[] = subjects
    .filter((subject: any) => subject.kind === 'ServiceAccount')
    .map(({ kind, name, namespace }: any) => ({ from, field: 'subjects', kind, name, namespace }));
  // Every cluster has the cluster roles named system:….
  if (!roleRef.name.startsWith('system:')) {
    const namespace = roleRef.kind === 'ClusterRole' ? '' : undefined;
    found.push({ from, field: 'roleRef', kind: roleRef.kind, name: roleRef.name, namespace });
  }
  return found;
}

/** The fields of a Prometheus Operator endpoint that name Secrets. */
function endpointReferences(endpoint: any, from: string): Reference[] {
  const { basicAuth = {}, authorization = {}, bearerTokenSecret, tlsConfig = {} } = endpoint;
  const secrets = {
    'basicAuth.username': basicAuth.username,
    'basicAuth.password': basicAuth.password,
    'authorization.credentials': authorization.credentials,
    bearerTokenSecret,
    'tlsConfig.ca': tlsConfig.ca?.secret,
    'tlsConfig.cert': tlsConfig.cert?.secret,
    'tlsConfig.keySecret': tlsConfig.keySecret,
  };
  return Object.entries(secrets)
    .filter(([, selector]) => selector)
    .map(([field, selector]) => ({ from, field, kind: 'Secret', ...selector }));
}
