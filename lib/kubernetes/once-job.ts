import { ApiObject, Lazy } from 'cdk8s';
import { createHash } from 'crypto';
import { Component } from './component';
import { PodTemplate, apiObject } from './manifest';

export interface OnceJobProps {
  /** Name without the hash. */
  readonly name: string;
  /** Pod template, asked at synth. */
  readonly template: () => PodTemplate;
  /** What beside the template decides whether the Job has to run again, e.g. the text of its program. */
  readonly inputs: () => string[];
  /** Seconds after which the Job has failed for good. */
  readonly activeDeadlineSeconds: number;
  readonly backoffLimit: number;
  /** Exit codes of a container after which a new try is useless. */
  readonly failOnExitCodes?: { readonly container: string; readonly codes: number[] };
}

/** Length of `-` and the hash. */
export const ONCE_JOB_SUFFIX = '-00000000';

/**
 * A Job that runs once for each content: its name ends with a hash of what it runs, so that `kubectl apply` makes a
 * new Job where something changed and leaves the old one alone (a Job's template is immutable).
 */
export function onceJob(component: Component, id: string, props: OnceJobProps): ApiObject {
  const spec = () => ({
    backoffLimit: props.backoffLimit,
    activeDeadlineSeconds: props.activeDeadlineSeconds,
    podFailurePolicy: failurePolicy(props.failOnExitCodes),
    template: props.template(),
  });
  const name = () => {
    const content = JSON.stringify([resolved(spec()), props.inputs()]);
    return `${props.name}-${createHash('sha256').update(content).digest('hex').slice(0, 8)}`;
  };
  return apiObject(component, id, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    name,
    labels: component.labels,
    body: { spec },
  });
}

function failurePolicy(fail: OnceJobProps['failOnExitCodes']) {
  if (!fail) return undefined;
  const onExitCodes = { containerName: fail.container, operator: 'In', values: fail.codes };
  return { rules: [{ action: 'FailJob', onExitCodes }] };
}

function resolved(value: unknown): unknown {
  if (value instanceof Lazy) return resolved(value.produce());
  if (Array.isArray(value)) return value.map(resolved);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, resolved(item)]),
  );
}
