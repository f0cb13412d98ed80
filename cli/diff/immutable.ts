import { Change, changesOf, same } from './changes';

/** A change that the API server refuses, and what a person does in place of it. */
export interface Refusal {
  readonly fields: readonly string[];
  /** Why, and what it means for data and clients. */
  readonly says: string;
  readonly command: string;
  /** True if a new object takes the place of the old one with no loss, so that it only has to be deleted. */
  readonly recreates: boolean;
}

/** The only fields of the spec of a StatefulSet that the API server accepts changes of. @internal also for the contract test */
export const STATEFUL_SET = [
  'minReadySeconds',
  'ordinals',
  'persistentVolumeClaimRetentionPolicy',
  'replicas',
  'revisionHistoryLimit',
  'template',
  'updateStrategy',
];
/** Those of a Job. Its name changes with what it runs. */
const JOB = [
  'activeDeadlineSeconds',
  'backoffLimit',
  'parallelism',
  'suspend',
  'ttlSecondsAfterFinished',
  'maxFailedIndexes',
];

/** The fields of an object that have changed although Kubernetes does not accept that. */
export function refusalOf(from: any, to: any): Refusal | undefined {
  const { kind, metadata } = to;
  const changed = (...fields: string[]) => fields.filter((field) => !same(fieldOf(from, field), fieldOf(to, field)));
  const name = `${kind.toLowerCase()}/${metadata.name}`;
  const place = metadata.namespace ? ` -n ${metadata.namespace}` : '';
  const remove = `kubectl delete${place} ${name}`;
  switch (kind) {
    case 'Deployment':
      return refusal(changed('spec.selector'), {
        says: 'Its pods stop when it is deleted, and requests fail until new ones are Ready.',
        command: remove,
        recreates: false,
      });
    case 'StatefulSet':
      return refusal(specFields(from, to, STATEFUL_SET), {
        says: 'Its pods and volumes remain: the new StatefulSet adopts them.',
        command: `${remove} --cascade=orphan`,
        recreates: false,
      });
    case 'Job':
      return refusal(specFields(from, to, JOB), {
        says: 'The Job of the same name has another template. Deleted, it runs again.',
        command: remove,
        recreates: false,
      });
    case 'PersistentVolumeClaim':
      return refusal(claimFields(from, to), {
        says: 'Warning: deleting the claim can delete its data. Copy them to a new claim first.',
        command: `kubectl get${place} ${name} -o yaml`,
        recreates: false,
      });
    case 'Service':
      return refusal(serviceFields(from, to), {
        says: 'The Service gets another address when it is deleted and applied again.',
        command: remove,
        recreates: false,
      });
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return refusal(changed('roleRef'), {
        says: 'Its ServiceAccount has no permission until it is applied again.',
        command: remove,
        recreates: true,
      });
    case 'StorageClass':
      return refusal(changed('provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'), {
        says: 'Existing volumes keep their settings.',
        command: remove,
        recreates: true,
      });
    case 'Secret':
    case 'ConfigMap':
      return refusal(from.immutable ? changed('data', 'binaryData', 'immutable') : [], {
        says: 'The object is immutable.',
        command: remove,
        recreates: true,
      });
    default:
      return undefined;
  }
}

function refusal(fields: string[], rest: Omit<Refusal, 'fields'>): Refusal | undefined {
  return fields.length > 0 ? { ...rest, fields } : undefined;
}

function fieldOf(object: any, path: string): unknown {
  return path.split('.').reduce((value, key) => value?.[key], object);
}

/** Changed fields of the spec that are not in the list. */
function specFields(from: any, to: any, mutable: string[]): string[] {
  const fields = new Set([...Object.keys(from.spec ?? {}), ...Object.keys(to.spec ?? {})]);
  return [...fields]
    .filter((field) => !mutable.includes(field))
    .filter((field) => !same(comparable(from.spec[field]), comparable(to.spec[field])))
    .map((field) => `spec.${field}`);
}

/** `status` of a claim template is not compared by the API server. */
function comparable(value: unknown): unknown {
  return Array.isArray(value) ? value.map((each) => ({ ...each, status: undefined })) : value;
}

/** A claim can only grow, and change its VolumeAttributesClass. */
function claimFields(from: any, to: any): string[] {
  const changes = changesOf(from.spec, to.spec, 'spec').filter(
    ({ path }) => !/^spec\.volumeAttributesClassName/.test(path),
  );
  return changes.filter((change) => !isGrowth(change)).map(({ path }) => path);
}

function isGrowth({ path, from, to }: Change): boolean {
  return path === 'spec.resources.requests.storage' && bytes(String(to)) > bytes(String(from));
}

const UNITS: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

function bytes(size: string): number {
  const [, number, unit] = /^([\d.]+)(\w*)$/.exec(size) ?? [];
  const power = BINARY.indexOf(unit);
  return Number(number) * (power < 0 ? (UNITS[unit] ?? NaN) : 1024 ** (power + 1));
}

/** An address that was given, or a headless Service, cannot be changed. */
function serviceFields(from: any, to: any): string[] {
  const [one, other] = [from.spec.clusterIP, to.spec.clusterIP];
  const external = from.spec.type === 'ExternalName' || to.spec.type === 'ExternalName';
  return !same(one, other) && !external ? ['spec.clusterIP'] : [];
}
