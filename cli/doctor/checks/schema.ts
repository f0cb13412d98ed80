import { Finding } from '../finding';
import { partOf } from '../part';
import { all, isOurs, Snapshot, title } from '../snapshot';
import { condition, workloadOf, workloads } from '../workload';

const WAITER = 'wait-for-schema';
/** MLflow's modules load in some 5 s, on a busy node in 30. */
const STARTS_WITHIN_SECONDS = 60;

/** Servers that wait for the database schema of their MLflow. */
export function schemaFindings(snapshot: Snapshot): Finding[] {
  const pods = all(snapshot, 'Pod').filter((pod) => isOurs(pod) && !pod.metadata.deletionTimestamp);
  const found = new Map<string, Finding>();
  for (const pod of pods) {
    const waiter = pod.status?.initContainerStatuses?.find(({ name }: any) => name === WAITER);
    if (!waiter?.state?.running) continue;
    const workload = workloadOf(snapshot, pod);
    const { namespace, name } = pod.metadata;
    const line = snapshot.logs[`${namespace}/${name}/${WAITER}`];
    if (found.has(`${namespace} ${title(workload)}`) || isStarting(snapshot, waiter, line)) continue;
    const part = partOf(pod);
    const migration = workloads(snapshot).filter(
      (job) => job.kind === 'Job' && job.metadata.namespace === namespace && partOf(job).role === 'migration',
    );
    const done = migration.find((job) => condition(job, 'Complete'));
    const ended = migration.length > 0 && migration.every((job) => condition(job, 'Complete'));
    // What it says first, while the database does not answer, is a consequence of that.
    const schema = line === undefined || /schema/.test(line);
    found.set(`${namespace} ${title(workload)}`, {
      check: 'schema',
      severity: 'error',
      object: title(workload),
      namespace,
      parts: [part],
      symptom: !(schema && (ended || migration.length === 0) && snapshot.seen.has('Job')),
      says:
        `${title(workload)} waits for the database schema of its MLflow${line ? `: ${line.replace(/\.$/, '')}` : ''}. ` +
        (migration.length === 0
          ? 'The Job of the migration does not exist.'
          : ended
            ? `The Job ${done!.metadata.name} is complete, so it will not upgrade the database again.`
            : 'The migration has not ended.'),
      todo:
        /newer/.test(line ?? '') && ended
          ? 'Go back to the newer version of MLflow, or restore the dump from before the upgrade: docs/how-to/upgrade-mlflow.md.'
          : `Run the migration again: docs/how-to/run-a-job-again.md, component migration.`,
    });
  }
  return [...found.values()];
}

/** Whether the program has not looked at the database yet, or has just found its schema. */
function isStarting({ now }: Snapshot, waiter: any, line?: string): boolean {
  if (line !== undefined) return line.startsWith('The schema is the one');
  return now - Date.parse(waiter.state.running.startedAt) < STARTS_WITHIN_SECONDS * 1000;
}
