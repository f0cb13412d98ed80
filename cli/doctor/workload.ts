import { all, isOurs, Snapshot } from './snapshot';

const WORKLOADS = ['Deployment', 'StatefulSet', 'Job', 'CronJob'];

/** The platform's workloads. A Job of a CronJob is not among them: its CronJob is. */
export function workloads(snapshot: Snapshot): any[] {
  return all(snapshot, ...WORKLOADS).filter((object) => isOurs(object) && !ownerOf(object));
}

export function templateOf(workload: any): any {
  return workload.kind === 'CronJob' ? workload.spec.jobTemplate.spec.template : workload.spec.template;
}

/** Whether a workload will create pods from its template: a complete Job does not, and a suspended CronJob may be started. */
export function runs(workload: any): boolean {
  if (workload.kind === 'Job') return !condition(workload, 'Complete') && !condition(workload, 'Failed');
  return true;
}

export function condition(object: any, type: string, status = 'True'): any {
  return object.status?.conditions?.find((each: any) => each.type === type && each.status === status);
}

/** The workload that a pod, or a Job, belongs to: the last of its owners that was read. */
export function workloadOf(snapshot: Snapshot, object: any): any {
  const owner = ownerOf(object);
  if (!owner) return object;
  const found = all(snapshot, owner.kind).find(
    ({ metadata }) => metadata.name === owner.name && metadata.namespace === object.metadata.namespace,
  );
  if (found) return workloadOf(snapshot, found);
  // Without the right to list ReplicaSets: the name of a Deployment precedes the hash.
  const name = owner.kind === 'ReplicaSet' ? owner.name.replace(/-[^-]+$/, '') : owner.name;
  const kind = owner.kind === 'ReplicaSet' ? 'Deployment' : owner.kind;
  const { namespace, labels } = object.metadata;
  return { kind, metadata: { name, namespace, labels }, spec: {} };
}

function ownerOf(object: any): any {
  return object.metadata.ownerReferences?.find(({ controller }: any) => controller);
}

/** Container statuses of a pod, init containers first. */
export function statusesOf(pod: any): any[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

export function isReady(pod: any): boolean {
  return !!condition(pod, 'Ready');
}

/** The newest Warning event of an object that is younger than an hour. */
export function warning(snapshot: Snapshot, object: any, reason: RegExp): any {
  return all(snapshot, 'Event')
    .filter(({ type, reason: given, regarding, involvedObject }) => {
      const about = regarding ?? involvedObject ?? {};
      return type === 'Warning' && reason.test(given) && about.uid === object.metadata.uid;
    })
    .filter((event) => snapshot.now - timeOf(event) < 3_600_000)
    .sort((one, other) => timeOf(other) - timeOf(one))[0];
}

export function timeOf(event: any): number {
  const times = [event.lastTimestamp, event.series?.lastObservedTime, event.eventTime, event.firstTimestamp];
  return Math.max(...times.filter(Boolean).map((time) => Date.parse(time)), 0);
}

/** The first line, without the full stop, of a message that goes into a sentence. */
export function brief(message: string | undefined, length = 300): string {
  const lines = (message ?? '')
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  const line = (lines[0] ?? '').trim().replace(/\.$/, '');
  return line.length > length ? `${line.slice(0, length)}…` : line;
}

/** The last line of a container's termination message, which is the end of its log. */
export function lastLine(message: string | undefined): string {
  const lines = (message ?? '')
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  return brief(lines.at(-1));
}
