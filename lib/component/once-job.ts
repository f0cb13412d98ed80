import { createHash } from 'crypto';
import { ApiObject, Lazy } from 'cdk8s';
import { Component } from './component';
import { PodProps, podTemplate } from './pod-template';
import { withMetadata } from '../kubernetes/manifest';

export interface OnceJobProps {
  /** Name without the hash. */
  readonly name: string;
  /** Asked at synth, when everything is wired. */
  readonly pod: () => PodProps;
  /** What the hash includes in addition to the template, e.g. the text of its program. */
  readonly inputs: () => string[];
  readonly backoffLimit: number;
  /** Exit codes of a container after which a new try is useless. */
  readonly failOnExitCodes?: { readonly container: string; readonly codes: number[] };
}

/** Length of `-` and the hash. */
export const ONCE_JOB_SUFFIX = '-00000000';

/**
 * A Job that runs once for each content: its name ends with a hash of what it runs, so that `kubectl apply` creates a
 * new Job if something changed, and does not touch the old one (a Job's template is immutable).
 */
export function onceJob(component: Component, id: string, props: OnceJobProps): ApiObject {
  const job = new OnceJob(component, id, props);
  component.node.defaultChild ??= job;
  return job;
}

class OnceJob extends ApiObject {
  constructor(
    component: Component,
    id: string,
    private readonly once: OnceJobProps,
  ) {
    const spec = () => ({
      // No deadline: it would include the time that a pod waits for a node, a volume or an image.
      backoffLimit: once.backoffLimit,
      podFailurePolicy: failurePolicy(once.failOnExitCodes),
      template: podTemplate(component, { ...once.pod(), restartPolicy: 'Never' }),
    });
    super(component, id, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: once.name, ...withMetadata(component, { labels: component.labels }) },
      spec: Lazy.any({ produce: spec }),
    });
  }

  /** The hash is over what is rendered, JSON patches included. */
  public toJson(): any {
    const json = super.toJson();
    if (json.metadata.name !== this.once.name) return json; // a patch named it
    const content = JSON.stringify([json.spec, this.once.inputs()]);
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
    return { ...json, metadata: { ...json.metadata, name: `${this.once.name}-${hash}` } };
  }
}

function failurePolicy(fail: OnceJobProps['failOnExitCodes']) {
  if (!fail) return undefined;
  const onExitCodes = { containerName: fail.container, operator: 'In', values: fail.codes };
  return { rules: [{ action: 'FailJob', onExitCodes }] };
}
