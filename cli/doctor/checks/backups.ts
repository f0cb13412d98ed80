import { Finding } from '../finding';
import { partOf } from '../part';
import { ageSeconds, all, isOurs, Snapshot, title } from '../snapshot';
import { condition, workloads } from '../workload';
import { messageOf } from './jobs';

const DAY = 86_400;
/** Seconds after which a backup is stale, and after which it should have been proven by a restore. */
const STALE: Record<string, number> = { backup: 2 * DAY, 'restore-drill': 15 * DAY, 'garbage-collection': 15 * DAY };
const WHAT: Record<string, string> = {
  backup: 'The backup',
  'restore-drill': 'The restore drill, which proves the newest backup,',
  'garbage-collection': 'The garbage collection',
};

/** CronJobs of the platform that do not do their work. A restore is started by a person. */
export function backupFindings(snapshot: Snapshot): Finding[] {
  return workloads(snapshot)
    .filter(({ kind }) => kind === 'CronJob')
    .flatMap((cronJob) => ofCronJob(snapshot, cronJob));
}

function ofCronJob(snapshot: Snapshot, cronJob: any): Finding[] {
  const part = partOf(cronJob);
  const limit = STALE[part.role];
  if (!limit) return [];
  const { namespace, name, creationTimestamp } = cronJob.metadata;
  const about = { object: title(cronJob), namespace, parts: [part], severity: 'warning' as const };
  const what = `${WHAT[part.role]} (${title(cronJob)})`;
  if (cronJob.spec.suspend) {
    return [
      {
        ...about,
        check: 'cron-job-suspended',
        says: `${what} is suspended.`,
        todo: `Let it run: kubectl patch -n ${namespace} cronjob/${name} -p '{"spec":{"suspend":false}}'`,
      },
    ];
  }
  const jobs = all(snapshot, 'Job')
    .filter((job) => isOurs(job) && job.metadata.namespace === namespace && partOf(job).role === part.role)
    .sort((one, other) => Date.parse(other.metadata.creationTimestamp) - Date.parse(one.metadata.creationTimestamp));
  const newest = jobs.find((job) => condition(job, 'Failed') || condition(job, 'Complete'));
  if (newest && condition(newest, 'Failed')) {
    const message = messageOf(snapshot, newest);
    return [
      {
        ...about,
        check: `${part.role}-failed`,
        severity: 'error',
        symptom: true,
        says: `${what} failed the last time: ${title(newest)}${message ? `. Its last line: ${message}` : ''}.`,
        todo: `Its log: kubectl logs -n ${namespace} job/${newest.metadata.name} --all-containers`,
      },
    ];
  }
  const byHand = jobs.filter((job) => condition(job, 'Complete')).map(({ status }) => status.completionTime);
  const times = [cronJob.status?.lastSuccessfulTime, ...byHand].filter(Boolean).sort();
  const age = ageSeconds(snapshot, times.at(-1) ?? creationTimestamp);
  if (age < limit) return [];
  const days = Math.floor(age / DAY);
  return [
    {
      ...about,
      check: `${part.role}-stale`,
      says:
        times.length === 0
          ? `${what} has not succeeded in its ${days} days.`
          : `${what} succeeded last ${days} days ago.`,
      todo: `Start it and read its log: kubectl create job -n ${namespace} ${name}-now --from=cronjob/${name}`,
    },
  ];
}
