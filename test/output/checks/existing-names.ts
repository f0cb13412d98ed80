import { Manifest, title } from '../manifests';

/** Names of objects that exist outside the output, as `Secret/registry-login`. */
export type External = readonly string[];

/** The objects of a namespace, by `Kind/name`, with their keys if these are known. */
export type ExistingNames = Map<string, Set<string> | undefined>;

/**
 * The objects of one namespace, and those that controllers create from them. External names exist in every namespace.
 */
export function existingNames(objects: Manifest[], namespace: string, external: External = []): ExistingNames {
  const names: ExistingNames = new Map();
  for (const object of objects) {
    for (const [name, keys] of copied(object, namespace)) names.set(name, keys);
    if ((object.metadata?.namespace ?? '') !== namespace) continue;
    names.set(title(object), keysOf(object));
    for (const [name, keys] of derived(object)) names.set(name, keys);
  }
  for (const name of external) names.set(name, undefined);
  return names;
}

/** Keys of a login that the credentials Job creates for a user of a server. */
const LOGIN = new Set(['username', 'password']);

function keysOf(object: Manifest): Set<string> | undefined {
  if (object.kind !== 'ConfigMap') return undefined;
  return new Set([...Object.keys(object.data ?? {}), ...Object.keys(object.binaryData ?? {})]);
}

/** Secrets that a credentials Job of any namespace copies into this one. */
function* copied({ kind, data }: Manifest, namespace: string): Iterable<[string, Set<string>]> {
  if (kind !== 'ConfigMap' || !data?.['credentials.json']) return;
  const { secrets, logins = [] } = JSON.parse(data['credentials.json']);
  for (const { keys, copies = [] } of secrets) {
    for (const copy of copies.filter((each: any) => each.namespace === namespace)) {
      yield [`Secret/${copy.name}`, new Set(Object.keys(keys))];
    }
  }
  for (const copy of logins.flatMap(({ users }: any) => Object.values(users).flat())) {
    const [at, name] = copy.split('/');
    if (at === namespace) yield [`Secret/${name}`, LOGIN];
  }
}

/** Objects that Kubernetes, a well-known operator or the credentials Job creates from an object. */
function* derived(object: Manifest): Iterable<[string, Set<string> | undefined]> {
  const { kind, metadata, spec = {} } = object;
  const name = metadata?.name;
  if (kind === 'StatefulSet') {
    for (const claim of spec.volumeClaimTemplates ?? []) {
      for (let ordinal = 0; ordinal < (spec.replicas ?? 1); ordinal++) {
        yield [`PersistentVolumeClaim/${claim.metadata.name}-${name}-${ordinal}`, undefined];
      }
    }
  }
  if (kind === 'ConfigMap' && object.data?.['credentials.json']) {
    const { secrets, logins = [] } = JSON.parse(object.data['credentials.json']);
    for (const secret of secrets) yield [`Secret/${secret.name}`, new Set(Object.keys(secret.keys))];
    for (const { prefix, file, users } of logins) {
      yield [`Secret/${file}`, new Set(Object.keys(users))];
      for (const user of Object.keys(users)) {
        yield [`Secret/${prefix}${user.split('.')[1].replace(/_.*/, '')}-login`, LOGIN];
      }
    }
  }
  if (
    kind === 'Ingress' &&
    Object.keys(metadata.annotations ?? {}).some((key) => /^cert-manager\.io\/.*issuer$/.test(key))
  ) {
    for (const { secretName } of spec.tls ?? []) yield [`Secret/${secretName}`, undefined];
  }
  if (kind === 'Certificate') yield [`Secret/${spec.secretName}`, new Set(['tls.crt', 'tls.key', 'ca.crt'])];
  if (kind === 'SealedSecret') yield [`Secret/${spec.template?.metadata?.name ?? name}`, undefined];
  if (kind === 'ExternalSecret') {
    const keys = spec.dataFrom ? undefined : new Set<string>((spec.data ?? []).map((item: any) => item.secretKey));
    yield [`Secret/${spec.target?.name ?? name}`, spec.target?.template ? undefined : keys];
  }
  if (kind === 'Cluster' && object.apiVersion.startsWith('postgresql.cnpg.io/')) {
    for (const suffix of ['app', 'superuser', 'ca', 'server', 'replication']) {
      yield [`Secret/${name}-${suffix}`, undefined];
    }
    for (const suffix of ['rw', 'ro', 'r']) yield [`Service/${name}-${suffix}`, undefined];
  }
}
