import { Finding } from '../finding';
import { partOf } from '../part';
import { ageSeconds, all, isOurs, Snapshot, title } from '../snapshot';
import { brief, condition, isReady, lastLine, statusesOf, warning, workloadOf } from '../workload';

/** Seconds that a pod may take until its containers are Ready, before that is reported. */
const STARTING = 120;
const RECENT = 3600;

/** Containers that do not start or do not stay up, and pods without a node. */
export function podFindings(snapshot: Snapshot): Finding[] {
  const found = new Map<string, Finding>();
  const pods = all(snapshot, 'Pod').filter((pod) => isOurs(pod) && !pod.metadata.deletionTimestamp);
  for (const pod of pods) {
    for (const finding of findingsOf(snapshot, pod)) {
      // One for all pods of a workload.
      const key = `${finding.check} ${finding.object} ${finding.namespace}`;
      if (!found.has(key)) found.set(key, finding);
    }
  }
  return [...found.values()];
}

function findingsOf(snapshot: Snapshot, pod: any): Finding[] {
  if (pod.status?.phase === 'Succeeded') return [];
  const workload = workloadOf(snapshot, pod);
  // What a Job says in the end counts, not each of its tries. A CronJob's are judged together.
  if (workload.kind === 'Job' && condition(workload, 'Complete')) return [];
  const about = {
    object: title(workload),
    namespace: pod.metadata.namespace,
    parts: [partOf(pod)],
    severity: 'error' as const,
  };
  if (pod.status?.phase === 'Failed') return evicted(snapshot, pod, about);
  const [first] = [...unscheduled(pod, about), ...containers(snapshot, pod, about)];
  return first ? [first] : notReady(snapshot, pod, about);
}

type About = Pick<Finding, 'object' | 'namespace' | 'parts' | 'severity'>;

function evicted(snapshot: Snapshot, pod: any, about: About): Finding[] {
  const { reason, message } = pod.status;
  if (reason !== 'Evicted' || ageSeconds(snapshot, pod.status.startTime) > RECENT) return [];
  return [
    {
      ...about,
      check: 'evicted',
      severity: 'warning',
      says: `${about.object}: the node evicted the pod ${pod.metadata.name}: ${brief(message)}.`,
      todo: 'Raise the request of the resource that the message names, or add space to the nodes.',
    },
  ];
}

function unscheduled(pod: any, about: About): Finding[] {
  const pending = condition(pod, 'PodScheduled', 'False');
  if (pending?.reason !== 'Unschedulable' && pending?.reason !== 'SchedulingGated') return [];
  const message = brief(pending.message, 500);
  const volume = /persistentvolumeclaim|volume node affinity|unbound/i.test(message);
  return [
    {
      ...about,
      check: volume ? 'volume-not-bound' : 'unschedulable',
      symptom: volume,
      says: `${about.object}: no node takes the pod ${pod.metadata.name}: ${message}.`,
      todo: placementAdvice(message),
    },
  ];
}

function placementAdvice(message: string): string {
  if (/Insufficient \S+/.test(message)) {
    const [, resource] = /Insufficient ([^\s,.]+)/.exec(message)!;
    return `Lower the requests of ${resource} in 'resources', or add nodes. 'kubectl describe nodes' shows what is free.`;
  }
  if (/didn't match.*(selector|affinity)/i.test(message)) {
    return "Correct 'nodeSelector' or 'affinity' of the component, or label a node: 'kubectl get nodes --show-labels'.";
  }
  if (/taint/i.test(message)) return "Add 'tolerations' for the taint to the component, or remove the taint.";
  if (/persistentvolumeclaim|volume/i.test(message)) return "Look at the claims: 'kubectl get pvc'.";
  return "See 'kubectl describe pod'.";
}

function containers(snapshot: Snapshot, pod: any, about: About): Finding[] {
  for (const status of statusesOf(pod)) {
    const found = ofContainer(snapshot, pod, status, about);
    if (found) return [found];
  }
  return [];
}

function ofContainer(snapshot: Snapshot, pod: any, status: any, about: About): Finding | undefined {
  const { waiting, terminated } = status.state ?? {};
  const where = `container ${status.name} of the pod ${pod.metadata.name}`;
  const reason: string = waiting?.reason ?? '';
  if (/ImagePull|ErrImage|InvalidImageName|RegistryUnavailable/.test(reason)) {
    const why = imageMessage(snapshot, pod, waiting);
    return {
      ...about,
      check: 'image-pull',
      says: `${about.object}: the image ${imageOf(pod, status)} of the ${where} cannot be pulled: ${why}.`,
      todo:
        reason === 'InvalidImageName'
          ? 'Correct the name of the image.'
          : "Check the name and the tag. From a private registry it needs 'imagePullSecrets', in a closed network a mirror: docs/how-to/closed-networks.md.",
    };
  }
  if (reason === 'CreateContainerConfigError' || reason === 'CreateContainerError' || reason === 'RunContainerError') {
    return {
      ...about,
      check: 'container-not-created',
      symptom: true,
      says: `${about.object}: the ${where} cannot be created: ${brief(waiting.message)}.`,
      todo: 'Create what the message names, or correct its name.',
    };
  }
  const ended = terminated ?? status.lastState?.terminated;
  if (ended?.reason === 'OOMKilled' && ageSeconds(snapshot, ended.finishedAt) < RECENT) {
    const limit = specOf(pod, status.name)?.resources?.limits?.memory;
    return {
      ...about,
      check: 'out-of-memory',
      severity: waiting || terminated || !isReady(pod) ? 'error' : 'warning',
      says: `${about.object}: the ${where} was killed because it used more memory than its limit${limit ? ` of ${limit}` : ''}.`,
      todo: "Raise the memory limit in 'resources' of the component.",
    };
  }
  const failed = ended && ended.exitCode !== 0;
  if (failed && (reason === 'CrashLoopBackOff' || (!waiting && terminated))) {
    const message = lastLine(ended.message);
    return {
      ...about,
      check: 'crash',
      symptom: true,
      says: `${about.object}: the ${where} ends with exit code ${ended.exitCode} and is started again${message ? `. Its last line: ${message}` : ''}.`,
      todo: `Read its log: kubectl logs -n ${about.namespace} ${pod.metadata.name} -c ${status.name} --previous`,
    };
  }
  return undefined;
}

function imageMessage(snapshot: Snapshot, pod: any, waiting: any): string {
  const event = warning(snapshot, pod, /^(Failed|InspectFailed)$/);
  const text = /^Back-off/.test(waiting.message ?? 'Back-off') ? (event?.message ?? waiting.message) : waiting.message;
  return brief(text) || waiting.reason;
}

function specOf(pod: any, name: string): any {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find((each) => each.name === name);
}

const imageOf = (pod: any, status: any) => specOf(pod, status.name)?.image ?? status.image;

function notReady(snapshot: Snapshot, pod: any, about: About): Finding[] {
  if (isReady(pod) || about.object.startsWith('job/') || about.object.startsWith('cronjob/')) return [];
  const mount = warning(snapshot, pod, /^(FailedMount|FailedAttachVolume|FailedMapVolume)$/);
  const creating = statusesOf(pod).some(({ state }) =>
    /ContainerCreating|PodInitializing/.test(state?.waiting?.reason),
  );
  if (mount && creating) {
    return [
      {
        ...about,
        check: 'mount',
        symptom: true,
        says: `${about.object}: a volume of the pod ${pod.metadata.name} cannot be mounted: ${brief(mount.message)}.`,
        todo: 'Create what the message names, or correct its name.',
      },
    ];
  }
  const since = condition(pod, 'Ready', 'False')?.lastTransitionTime ?? pod.metadata.creationTimestamp;
  const seconds = ageSeconds(snapshot, since);
  if (seconds < STARTING) return [];
  const probe = warning(snapshot, pod, /^Unhealthy$/);
  return [
    {
      ...about,
      check: 'not-ready',
      symptom: true,
      says: `${about.object}: the pod ${pod.metadata.name} is not Ready since ${Math.round(seconds / 60)} minutes${probe ? `: ${brief(probe.message)}` : ''}.`,
      todo: `Read its log: kubectl logs -n ${about.namespace} ${pod.metadata.name} --all-containers`,
    },
  ];
}
