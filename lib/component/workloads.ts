import { Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Component } from './component';
import { PodProps, podTemplate } from './pod-template';
import { Json, PodTemplate, apiObject } from '../kubernetes/manifest';
import { claimTemplate } from '../kubernetes/pod';

export interface DeploymentProps {
  /** A fixed number of pods. Left out if an autoscaler owns the number, which an apply would reset. */
  readonly replicas?: number;
  /** Labels of the Deployment in addition to the component's own. */
  readonly labels?: Record<string, string>;
  readonly progressDeadlineSeconds?: number;
  /** True if the next pod can start only after the last one has released what it holds. */
  readonly recreate?: boolean;
  /** Asked at synth, when everything is wired. */
  readonly pod: () => PodProps;
}

/** The component's Deployment. A rollout adds one pod at a time and removes none before that one is ready. */
export function deployment(component: Component, props: DeploymentProps): void {
  component.node.defaultChild = apiObject(component, 'deployment', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: component.componentName,
    labels: { ...component.labels, ...props.labels },
    body: {
      spec: () => ({
        replicas: props.replicas,
        revisionHistoryLimit: 5,
        progressDeadlineSeconds: props.progressDeadlineSeconds,
        selector: { matchLabels: component.podSelector },
        strategy: props.recreate
          ? { type: 'Recreate' }
          : { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: longRunning(component, props.pod()),
      }),
    },
  });
}

export interface StatefulSetProps {
  readonly replicas: number;
  /** The Service that gives the pods their names. */
  readonly serviceName: string;
  /** Whether all pods start at once, as servers do that wait for each other. @default - one after the other */
  readonly parallel?: boolean;
  /** The volume of each pod. It stays when the StatefulSet is deleted or gets fewer replicas. */
  readonly volume: { readonly name: string; readonly size: Size; readonly storageClassName?: string };
  /** Asked at synth, when everything is wired. */
  readonly pod: () => PodProps;
}

/** The component's StatefulSet. */
export function statefulSet(component: Component, props: StatefulSetProps): void {
  const { name, size, storageClassName } = props.volume;
  const retain: Json<k8s.StatefulSetPersistentVolumeClaimRetentionPolicy> = {
    whenDeleted: 'Retain',
    whenScaled: 'Retain',
  };
  component.node.defaultChild = apiObject(component, 'stateful-set', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: component.componentName,
    labels: component.labels,
    body: {
      spec: () => ({
        serviceName: props.serviceName,
        replicas: props.replicas,
        podManagementPolicy: props.parallel ? 'Parallel' : undefined,
        selector: { matchLabels: component.podSelector },
        persistentVolumeClaimRetentionPolicy: retain,
        template: longRunning(component, props.pod()),
        volumeClaimTemplates: [claimTemplate(name, size, storageClassName)],
      }),
    },
  });
}

/** Pods of Deployments and StatefulSets carry the label `app`, as those of most manifests do. Those of Jobs do not. */
function longRunning(component: Component, pod: PodProps): PodTemplate {
  return podTemplate(component, { ...pod, labels: { app: component.componentName, ...pod.labels } });
}
