import type { Cluster } from './cluster';
import type { PlannedCopy, PlannedSecret } from './plan';
import { managedBy } from './secret';
import { Failure } from '../kubernetes/failure';

const description =
  'A copy of a generated Secret for a program of another namespace, made once by the credentials Job and never overwritten.';

/** A Secret's copy in another namespace. */
export interface Copy {
  /** `namespace/name`, for people. */
  readonly name: string;
  readonly planned: PlannedSecret;
  readonly copy: PlannedCopy;
}

export function copiesOf(secrets: readonly PlannedSecret[]): Copy[] {
  return secrets.flatMap((planned) =>
    (planned.copies ?? []).map((copy) => ({ name: `${copy.namespace}/${copy.name}`, planned, copy })),
  );
}

/** Puts the values of a Secret that is there into another namespace; a copy with other values is reported and left. */
export async function settleCopy(wanted: Copy, cluster: Cluster): Promise<boolean> {
  return settle(wanted, cluster).catch(patient(wanted.copy));
}

async function settle({ name: secret, planned, copy }: Copy, { api, log }: Cluster): Promise<boolean> {
  const source = await api.values(planned.name);
  if (!source) throw new Failure('transient', `Secret ${planned.name} was deleted again`);
  const data = Object.fromEntries(Object.entries(source).filter(([key]) => key in planned.keys));
  let result = 'kept';
  let found = await api.values(copy.name, copy.namespace);
  if (!found) {
    const metadata = {
      ...copy,
      labels: { ...planned.labels, ...managedBy },
      annotations: { 'kubernetes.io/description': description, ...planned.annotations },
    };
    const manifest = { apiVersion: 'v1', kind: 'Secret', metadata, type: planned.type ?? 'Opaque', data };
    const confidential = Object.values(data).flatMap((value) => [value, Buffer.from(value, 'base64').toString('utf8')]);
    const created = await api.create(copy.name, { manifest, confidential }, copy.namespace);
    if (created === 'taken') throw new Failure('transient', `Secret ${secret} was created by another client`);
    [result, found] = ['copied', data];
  }
  const different = Object.keys(data).filter((key) => found[key] !== data[key]);
  if (different.length > 0) {
    log('error', { secret, result: 'different', message: complaint(planned, copy, different) });
    return false;
  }
  log('info', { secret, result, keys: Object.keys(data).join(',') });
  return true;
}

function complaint(planned: PlannedSecret, { namespace, name }: PlannedCopy, different: string[]): string {
  return (
    `Secret ${name} in namespace ${namespace} has other values than ${planned.name} in ${different.join(', ')}; ` +
    `nothing was changed. If no program needs them, delete it (kubectl delete -n ${namespace} secret ${name}), then run the ` +
    'Job again: delete it and apply the YAML once more.'
  );
}

/** The other namespace, with the Role for this, may be applied a while later. */
function patient({ namespace }: PlannedCopy) {
  return (error: unknown): never => {
    if (!(error instanceof Failure) || error.kind !== 'forbidden') throw error;
    throw new Failure('transient', `${error.message}; the YAML of namespace ${namespace} may not be applied yet`);
  };
}
