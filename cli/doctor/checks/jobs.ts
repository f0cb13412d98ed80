import { Finding } from '../finding';
import { partOf } from '../part';
import { ageSeconds, all, isOurs, Snapshot, title } from '../snapshot';
import { brief, condition, lastLine, statusesOf, warning, workloads } from '../workload';

/** Seconds after which a Job that has not ended is reported. A migration of a large database may take longer. */
const SLOW = 600;

/** Roles of CronJobs whose Jobs are judged together. */
const SCHEDULED = ['backup', 'restore-drill', 'garbage-collection'];

/** What a Job does, for sentences. */
const WORK: Record<string, string> = {
  credentials: 'creates the Secrets',
  migration: 'upgrades the database schema',
  'postgres-set-up': "creates MLflow's role and database",
  'minio-set-up': "creates MLflow's key and bucket",
  'seaweedfs-set-up': "creates MLflow's key and bucket",
};

/** Jobs that run once: those that failed, are tried again, or do not end. Jobs of a CronJob are in backups.ts. */
export function jobFindings(snapshot: Snapshot): Finding[] {
  const jobs = workloads(snapshot).filter((job) => job.kind === 'Job' && !SCHEDULED.includes(partOf(job).role));
  return jobs.filter((job) => !superseded(job, jobs)).flatMap((job) => ofJob(snapshot, job));
}

/** A Job has a new name when what it runs changes, and the old one remains. */
function superseded(job: any, jobs: any[]): boolean {
  const stem = (name: string) => name.replace(/-[0-9a-f]{8}$/, '');
  return jobs.some(
    ({ metadata }) =>
      metadata.namespace === job.metadata.namespace &&
      stem(metadata.name) === stem(job.metadata.name) &&
      Date.parse(metadata.creationTimestamp) > Date.parse(job.metadata.creationTimestamp),
  );
}

function ofJob(snapshot: Snapshot, job: any): Finding[] {
  const part = partOf(job);
  const work = WORK[part.role];
  const name = `${title(job)}${work ? `, which ${work},` : ''}`;
  const about = { object: title(job), namespace: job.metadata.namespace, parts: [part], severity: 'error' as const };
  const log = `kubectl logs -n ${job.metadata.namespace} job/${job.metadata.name} --all-containers`;
  const message = messageOf(snapshot, job);
  const said = message ? ` Its last line: ${message}.` : '';
  const failed = condition(job, 'Failed') ?? condition(job, 'FailureTarget');
  if (failed) {
    return [
      {
        ...about,
        check: 'job-failed',
        symptom: true,
        says: `${name} has failed: ${brief(failed.message) || failed.reason}.${said}`,
        todo: `Remove the cause, delete the Job and apply the YAML again: docs/how-to/run-a-job-again.md. Its log: ${log}`,
      },
    ];
  }
  if (condition(job, 'Complete')) return [];
  if (job.spec.suspend) {
    return [
      {
        ...about,
        check: 'job-suspended',
        says: `${name} is suspended and does not run.`,
        todo: `Let it run: kubectl patch -n ${job.metadata.namespace} job/${job.metadata.name} -p '{"spec":{"suspend":false}}'`,
      },
    ];
  }
  if ((job.status?.failed ?? 0) > 0) {
    return [
      {
        ...about,
        check: 'job-retries',
        symptom: true,
        says: `${name} fails and is tried again: ${job.status.failed} of ${(job.spec.backoffLimit ?? 6) + 1} tries.${said}`,
        todo: `Its log: ${log}`,
      },
    ];
  }
  const event = warning(snapshot, job, /^FailedCreate$/);
  if (!job.status?.active && event) return []; // workloads.ts has it
  const seconds = ageSeconds(snapshot, job.metadata.creationTimestamp);
  if (seconds < SLOW) return [];
  return [
    {
      ...about,
      check: 'job-slow',
      severity: 'warning',
      symptom: true,
      says: `${name} has not ended after ${Math.round(seconds / 60)} minutes.`,
      todo: `Its log shows what it waits for: ${log}`,
    },
  ];
}

/** The last line that the newest failed pod of a Job has printed. */
export function messageOf(snapshot: Snapshot, job: any): string {
  const pods = all(snapshot, 'Pod')
    .filter((pod) => isOurs(pod) && pod.metadata.ownerReferences?.some(({ uid }: any) => uid === job.metadata.uid))
    .sort((one, other) => Date.parse(other.metadata.creationTimestamp) - Date.parse(one.metadata.creationTimestamp));
  for (const pod of pods) {
    for (const { state, lastState } of statusesOf(pod)) {
      const ended = state?.terminated ?? lastState?.terminated;
      if (ended && ended.exitCode !== 0 && ended.message) return lastLine(ended.message);
    }
  }
  return '';
}
