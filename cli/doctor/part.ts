/** A component of a platform, by the labels that all its objects have. */
export interface Part {
  readonly namespace: string;
  /** `app.kubernetes.io/instance` */
  readonly instance: string;
  /** `app.kubernetes.io/component` */
  readonly role: string;
}

const STORES = ['minio', 'minio-set-up', 'seaweedfs', 'seaweedfs-set-up'];
const DATABASES = ['postgres', 'postgres-set-up'];

/** The roles whose faults stop a role. Metrics Services have a role of their own. */
const NEEDS: Record<string, readonly string[]> = {
  postgres: ['credentials'],
  minio: ['credentials'],
  seaweedfs: ['credentials'],
  'postgres-set-up': ['postgres'],
  'minio-set-up': ['minio'],
  'seaweedfs-set-up': ['seaweedfs'],
  migration: [...DATABASES, ...STORES, 'credentials'],
  server: ['migration', ...DATABASES, ...STORES, 'credentials'],
  'server-metrics': ['server'],
  deployer: ['server', 'credentials'],
  serving: ['deployer', 'server', 'credentials'],
  backup: [...DATABASES, ...STORES, 'credentials'],
  'restore-drill': ['backup'],
  'garbage-collection': ['server'],
};

export function partOf(object: any): Part {
  const { labels = {}, namespace = '' } = object?.metadata ?? {};
  return partOfLabels(labels, namespace);
}

export function partOfLabels(labels: Record<string, string>, namespace: string): Part {
  return {
    namespace,
    instance: labels['app.kubernetes.io/instance'] ?? '',
    role: labels['app.kubernetes.io/component'] ?? '',
  };
}

export const samePart = (one: Part, other: Part) =>
  one.namespace === other.namespace && one.instance === other.instance && one.role === other.role;

/** Whether a part cannot work without another one. A serving is an instance of its own. */
export function dependsOn(part: Part, other: Part): boolean {
  if (part.instance !== other.instance && part.role !== 'serving') return false;
  return needs(part.role).has(other.role);
}

function needs(role: string, found = new Set<string>()): Set<string> {
  for (const each of NEEDS[role] ?? []) {
    if (found.has(each)) continue;
    found.add(each);
    needs(each, found);
  }
  return found;
}
