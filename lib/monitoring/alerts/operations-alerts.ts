import { Duration } from 'cdk8s';
import { Alert } from './alert';
import { selector } from './promql';
import { Thresholds } from './thresholds';
import { Watched } from './watched';
import { longestPause } from '../../kubernetes/cron-rules';
import { seconds } from '../../kubernetes/durations';

/** Of the backup and its restore drill. */
export function backupAlerts(objects: Watched[], { backupAge, drillAge }: Thresholds): Alert[] {
  return objects.flatMap((object): Alert[] => {
    const { role, kind, component, namespace, spec } = object;
    if (kind !== 'CronJob') return [];
    if (role === 'backup') {
      const age = backupAge ?? ageOf(spec.schedule);
      return [
        {
          ...{ component, namespace, name: 'MlflowBackupStale', pending: '10m' },
          expression: olderThan(object, age),
          summary: `The last backup of ${component} is older than ${age.toHumanString()}.`,
          description: `The last complete backup is {{ $value | humanizeDuration }} old. Metrics: kube-state-metrics.`,
        },
      ];
    }
    if (role !== 'restore-drill' || (spec.suspend && !drillAge)) return [];
    const age = drillAge ?? ageOf(spec.schedule);
    return [
      {
        ...{ component, namespace, name: 'MlflowBackupUnproven', pending: '10m' },
        expression: olderThan(object, age),
        summary: `No backup was proven by a restore within ${age.toHumanString()}.`,
        description: `The last successful restore drill was {{ $value | humanizeDuration }} ago. Metrics: kube-state-metrics.`,
      },
    ];
  });
}

/** Of the Jobs that run once. They are named by their contents, so a failed Job that was replaced does not count. */
export function jobAlerts(objects: Watched[]): Alert[] {
  const jobs = objects.filter(({ kind }) => kind === 'Job');
  return jobs.flatMap(({ role, id, name, component, namespace }): Alert[] => {
    const labels = { namespace, job_name: name };
    const about = { component, namespace };
    const failed = {
      ...{ ...about, pending: '1m' },
      expression: `kube_job_failed${selector(labels, 'condition="true"')} == 1`,
      description: `The Job ${name} failed and is not retried. Metrics: kube-state-metrics.`,
    };
    if (role === 'credentials') {
      const summary = 'Secrets of the platform were not created.';
      return [{ ...failed, name: 'MlflowSecretJobFailed', summary }];
    }
    if (role !== 'migration' || id !== 'job') {
      const summary = `The Job of ${component} failed.`;
      return [{ ...failed, name: 'MlflowSetUpFailed', summary }];
    }
    return [
      {
        ...{ ...failed, name: 'MlflowMigrationFailed' },
        summary: 'The migration of the database failed: new servers do not start.',
      },
      {
        ...{ ...about, name: 'MlflowMigrationSlow', pending: '30m' },
        expression: `kube_job_status_active${selector(labels)} > 0`,
        summary: 'The migration of the database has not ended for 30 minutes.',
        description: `The Job ${name} waits, is retried, or takes long. New servers start after it. Metrics: kube-state-metrics.`,
      },
    ];
  });
}

/** Of the certificates that cert-manager creates for an Ingress. */
export function certificateAlerts(objects: Watched[], { certificateTime }: Thresholds): Alert[] {
  return certificatesOf(objects).map(({ component, namespace, expiration }) => ({
    ...{ component, namespace, name: 'MlflowCertificateExpires', pending: '1h' },
    expression: `(${expiration}) - time() < ${seconds(certificateTime)}`,
    summary: `The certificate of ${component} ends within ${certificateTime.toHumanString()}.`,
    description: `The certificate ends in {{ $value | humanizeDuration }}, and was not renewed. Metrics: cert-manager.`,
  }));
}

export function certificatesOf(objects: Watched[]): { component: string; namespace: string; expiration: string }[] {
  const issued = objects.filter(
    ({ kind, annotations }) =>
      kind === 'Ingress' && Object.keys(annotations).some((key) => /^cert-manager\.io\/(cluster-)?issuer$/.test(key)),
  );
  return issued.flatMap(({ component, namespace, spec }) =>
    (spec.tls ?? []).map(({ secretName }: { secretName: string }) => {
      const name = 'certmanager_certificate_expiration_timestamp_seconds';
      // cert-manager's own ServiceMonitor does not honour the label `namespace` of its series unless it is told to.
      const labels = ['exported_namespace', 'namespace'].map((key) => selector({ [key]: namespace, name: secretName }));
      return { component, namespace, expiration: labels.map((each) => `${name}${each}`).join(' or ') };
    }),
  );
}

/** Seconds since the last success of a CronJob, or since it exists if it had none. */
function olderThan({ name, namespace }: Watched, age: Duration): string {
  const labels = selector({ namespace, cronjob: name });
  const success = `time() - max(kube_cronjob_status_last_successful_time${labels})`;
  return `(${success} or time() - max(kube_cronjob_created${labels})) > ${seconds(age)}`;
}

function ageOf(schedule: string): Duration {
  return Duration.hours(longestPause(schedule).toHours() * 1.25);
}
