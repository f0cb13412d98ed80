import { Finding } from '../finding';
import { partOf, partOfLabels } from '../part';
import { all, isOurs, Snapshot, title } from '../snapshot';
import { brief, condition, timeOf, warning, workloadOf, workloads } from '../workload';

/** Workloads that create no pods, or that are missing. */
export function workloadFindings(snapshot: Snapshot): Finding[] {
  return [...refused(snapshot), ...stopped(snapshot), ...missing(snapshot)];
}

/** Pods that the API server refuses to create. */
function refused(snapshot: Snapshot): Finding[] {
  const owners = all(snapshot, 'ReplicaSet', 'StatefulSet', 'Job').filter(isOurs);
  return owners.flatMap((owner) => {
    const message = refusal(snapshot, owner);
    if (!message) return [];
    const workload = workloadOf(snapshot, owner);
    return [
      {
        check: 'pod-refused',
        // The ServiceAccount is a finding of its own.
        symptom: /serviceaccount .* not found/i.test(message),
        severity: 'error' as const,
        object: title(workload),
        namespace: workload.metadata.namespace,
        parts: [partOf(workload)],
        says: `${title(workload)}: Kubernetes refuses its pods: ${brief(message, 500)}.`,
        todo: refusalAdvice(message, workload.metadata.namespace),
      },
    ];
  });
}

function refusal(snapshot: Snapshot, owner: any): string | undefined {
  const failure = condition(owner, 'ReplicaFailure');
  if (failure) return failure.message;
  if (owner.kind === 'ReplicaSet') return undefined;
  const lacks =
    owner.kind === 'Job'
      ? !condition(owner, 'Complete') && !condition(owner, 'Failed') && !owner.status?.active
      : (owner.status?.replicas ?? 0) < (owner.spec.replicas ?? 1);
  const event = lacks ? warning(snapshot, owner, /^FailedCreate$/) : undefined;
  // An event remains for an hour: a newer success counts.
  if (!event || snapshot.now - timeOf(event) > 1_200_000) return undefined;
  return event.message;
}

function refusalAdvice(message: string, namespace: string): string {
  if (/violates PodSecurity/.test(message)) {
    return "Remove the patch or the injected sidecar that the message describes, or exempt the injector: the namespace enforces 'restricted'.";
  }
  if (/exceeded quota/.test(message)) {
    return `Raise the ResourceQuota, or lower replicas and 'resources': kubectl describe quota -n ${namespace}`;
  }
  if (/serviceaccount .* not found/i.test(message)) {
    return 'Apply the YAML of the platform again: it has the ServiceAccount.';
  }
  if (/(minimum|maximum) .* usage per|LimitRange|limit to request ratio/.test(message)) {
    return `Set 'resources' within the LimitRange: kubectl describe limitrange -n ${namespace}`;
  }
  if (/webhook/.test(message)) return 'Ask the owner of the webhook, or change what its message names.';
  return 'Change what the message names.';
}

/** Parts without which the platform does not work. */
const NEEDED = ['server', 'postgres', 'minio', 'seaweedfs', 'deployer', 'serving'];

function stopped(snapshot: Snapshot): Finding[] {
  return workloads(snapshot).flatMap((workload): Finding[] => {
    const part = partOf(workload);
    const { namespace, name } = workload.metadata;
    const about = { object: title(workload), namespace, parts: [part] };
    if (
      ['Deployment', 'StatefulSet'].includes(workload.kind) &&
      workload.spec.replicas === 0 &&
      NEEDED.includes(part.role)
    ) {
      return [
        {
          ...about,
          check: 'scaled-to-zero',
          severity: 'error' as const,
          says: `${title(workload)} is scaled to 0 replicas.`,
          todo: `Scale it up: kubectl scale -n ${namespace} ${title(workload)} --replicas=1`,
        },
      ];
    }
    if (workload.kind === 'Deployment' && workload.spec.paused) {
      return [
        {
          ...about,
          check: 'paused',
          severity: 'warning' as const,
          says: `${title(workload)} is paused: changes of its pod template do not take effect.`,
          todo: `Continue: kubectl rollout resume -n ${namespace} deployment/${name}`,
        },
      ];
    }
    return [];
  });
}

/** A Service of the platform whose workload does not exist. */
function missing(snapshot: Snapshot): Finding[] {
  if (!snapshot.seen.has('Deployment') || !snapshot.seen.has('StatefulSet')) return [];
  const all_ = all(snapshot, 'Deployment', 'StatefulSet');
  const found = new Map<string, Finding>();
  for (const service of all(snapshot, 'Service').filter(isOurs)) {
    const own = partOf(service);
    const part = { ...own, role: own.role.replace(/-metrics$/, '') };
    if (!NEEDED.includes(part.role)) continue;
    const { namespace } = service.metadata;
    const exists = all_.some((workload) => {
      const { role, instance } = partOfLabels(workload.spec.template.metadata.labels ?? {}, namespace);
      return workload.metadata.namespace === namespace && role === part.role && instance === part.instance;
    });
    if (exists) continue;
    const kind = ['server', 'deployer', 'serving'].includes(part.role) ? 'Deployment' : 'StatefulSet';
    found.set(`${namespace} ${part.instance} ${part.role}`, {
      check: 'workload-missing',
      severity: 'error',
      object: title(service),
      namespace,
      parts: [part],
      says: `The ${kind} of the ${part.role} does not exist, and ${title(service)} has no pods.`,
      todo: 'Apply the YAML of the platform again.',
    });
  }
  return [...found.values()];
}
