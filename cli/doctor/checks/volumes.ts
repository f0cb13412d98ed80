import { Finding } from '../finding';
import { Part, partOf } from '../part';
import { ageSeconds, all, find, isOurs, Snapshot } from '../snapshot';
import { brief, runs, templateOf, warning, workloads } from '../workload';

/** Seconds that a volume may take to be created. */
const PROVISIONING = 60;

/** Claims that are missing, not bound, or lost. */
export function volumeFindings(snapshot: Snapshot): Finding[] {
  if (!snapshot.seen.has('PersistentVolumeClaim')) return [];
  const users = usersOf(snapshot);
  const absent = [...users].flatMap(([id, { parts, mayCome }]) => {
    const [namespace, name] = id.split('/');
    if (mayCome || find(snapshot, 'PersistentVolumeClaim', namespace, name)) return [];
    return [
      {
        check: 'claim-missing',
        severity: 'error' as const,
        object: `persistentvolumeclaim/${name}`,
        namespace,
        parts,
        says: `The PersistentVolumeClaim ${name} does not exist, and a pod needs it.`,
        todo: 'Create the claim, or correct its name.',
      },
    ];
  });
  const claims = all(snapshot, 'PersistentVolumeClaim');
  return [
    ...absent,
    ...claims.flatMap((claim) => {
      const user = users.get(`${claim.metadata.namespace}/${claim.metadata.name}`);
      if (!user && !isOurs(claim)) return [];
      return ofClaim(snapshot, claim, user?.parts ?? [partOf(claim)]);
    }),
  ];
}

function ofClaim(snapshot: Snapshot, claim: any, parts: readonly Part[]): Finding[] {
  const { name, namespace, creationTimestamp, deletionTimestamp } = claim.metadata;
  const about = { object: `persistentvolumeclaim/${name}`, namespace, parts, severity: 'error' as const };
  if (claim.status?.phase === 'Lost') {
    return [
      {
        ...about,
        check: 'claim-lost',
        says: `The PersistentVolumeClaim ${name} is Lost: its PersistentVolume ${claim.spec.volumeName} does not exist.`,
        todo: 'Restore the PersistentVolume, or the data from a backup: docs/how-to/backup-and-restore.md.',
      },
    ];
  }
  if (deletionTimestamp) {
    return [
      {
        ...about,
        check: 'claim-terminating',
        severity: 'warning',
        says: `The PersistentVolumeClaim ${name} was deleted: with its last pod, its data are deleted too.`,
        todo: "Make a backup before that pod ends. Then keep the volume: set its persistentVolumeReclaimPolicy to 'Retain'.",
      },
    ];
  }
  if (claim.status?.phase !== 'Pending') return [];
  const why = reason(snapshot, claim);
  if (!why || (ageSeconds(snapshot, creationTimestamp) < PROVISIONING && !why.final)) return [];
  return [
    {
      ...about,
      check: 'claim-pending',
      says: `The PersistentVolumeClaim ${name} has no volume: ${why.says}.`,
      todo: why.todo,
    },
  ];
}

function reason(snapshot: Snapshot, claim: any): { says: string; todo: string; final?: boolean } | undefined {
  const given = claim.spec.storageClassName;
  const event = warning(snapshot, claim, /^(ProvisioningFailed|FailedBinding|ExternalProvisioning)$/);
  if (snapshot.seen.has('StorageClass')) {
    const classes = all(snapshot, 'StorageClass');
    const names = classes.map(({ metadata }) => metadata.name).join(', ') || 'none';
    if (given && !classes.some(({ metadata }) => metadata.name === given)) {
      return {
        says: `the StorageClass '${given}' does not exist`,
        todo: `Set 'storageClass' to one that exists (${names}). A claim cannot be changed: delete it if it has no data, and apply the YAML again.`,
        final: true,
      };
    }
    if (given === undefined) {
      return {
        says: 'it names no StorageClass, and the cluster has no default one',
        todo: `Set 'storageClass' (${names}), or make one the default. A claim cannot be changed: delete it if it has no data, and apply the YAML again.`,
        final: true,
      };
    }
    const { volumeBindingMode } = classes.find(({ metadata }) => metadata.name === given) ?? {};
    // The volume is created when a pod that uses it has a node.
    if (volumeBindingMode === 'WaitForFirstConsumer' && !event) return undefined;
  }
  return {
    says: brief(event?.message) || 'the provisioner has not created one',
    todo: `See kubectl describe pvc -n ${claim.metadata.namespace} ${claim.metadata.name}`,
  };
}

interface ClaimUser {
  readonly parts: Part[];
  /** The claim of a template, which its StatefulSet creates. */
  readonly mayCome: boolean;
}

/** Who uses each claim, by `namespace/name`. */
function usersOf(snapshot: Snapshot): Map<string, ClaimUser> {
  const found = new Map<string, ClaimUser>();
  const add = (namespace: string, name: string, part: Part, mayCome: boolean) => {
    const id = `${namespace}/${name}`;
    if (!found.has(id)) found.set(id, { parts: [], mayCome });
    found.get(id)!.parts.push(part);
  };
  for (const workload of workloads(snapshot).filter(runs)) {
    const { namespace, name } = workload.metadata;
    for (const { persistentVolumeClaim: claim } of templateOf(workload).spec.volumes ?? []) {
      if (claim) add(namespace, claim.claimName, partOf(workload), false);
    }
    for (const { metadata } of workload.spec.volumeClaimTemplates ?? []) {
      for (let ordinal = 0; ordinal < (workload.spec.replicas ?? 1); ordinal++) {
        add(namespace, `${metadata.name}-${name}-${ordinal}`, partOf(workload), true);
      }
    }
  }
  return found;
}
