import { Component } from './component';
import { PodProps, podTemplate } from './pod-template';
import { apiObject, withMetadata } from '../kubernetes/manifest';

/** A Job that hangs for a day is ended: it would hold up all that follow. */
const DEADLINE_SECONDS = 24 * 3600;

export interface CronJobProps {
  /** Cron format, in `timeZone`. */
  readonly schedule: string;
  readonly timeZone?: string;
  /** True if only a person starts it: `kubectl create job … --from=cronjob/…`. */
  readonly suspend?: boolean;
  readonly backoffLimit: number;
  /** Exit codes of a container after which a new try is useless. */
  readonly failOnExitCodes?: { readonly container: string; readonly codes: number[] };
  /** Asked at synth, when everything is wired. */
  readonly pod: () => PodProps;
}

/** The component's CronJob. One of its Jobs runs at a time. */
export function cronJob(component: Component, props: CronJobProps): void {
  const { container, codes } = props.failOnExitCodes ?? {};
  const onExitCodes = { containerName: container, operator: 'In', values: codes };
  apiObject(component, 'cron-job', {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    name: component.componentName,
    labels: component.labels,
    body: {
      spec: () => ({
        schedule: props.schedule,
        timeZone: props.timeZone,
        suspend: props.suspend ?? false,
        concurrencyPolicy: 'Forbid',
        // Without it a CronJob that missed 100 times never starts again.
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          metadata: withMetadata(component, { labels: component.labels }),
          spec: {
            backoffLimit: props.backoffLimit,
            activeDeadlineSeconds: DEADLINE_SECONDS,
            podFailurePolicy: props.failOnExitCodes && { rules: [{ action: 'FailJob', onExitCodes }] },
            template: podTemplate(component, { ...props.pod(), restartPolicy: 'Never' }),
          },
        },
      }),
    },
  });
}
