import { k8s } from 'cdk8s-plus-27';
import { Component } from './component';
import { PlacementOptions } from './pod-options';
import { PodMetrics, scrapeAnnotations } from './scrape-annotations';
import { preferOtherNodes, spreadConstraints } from './spread-and-affinity';
import { Container, Json, PodSpec, PodTemplate, Volume } from '../kubernetes/manifest';
import { podSecurity, withoutUser } from '../kubernetes/security';

/** Fields of a component's pod in addition to the component's name, labels and ServiceAccount. */
export interface PodProps {
  readonly user: number;
  readonly placement: PlacementOptions;
  readonly containers: Container[];
  readonly initContainers?: Container[];
  readonly volumes: Volume[];
  /** Labels in addition to the component's own. */
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  /** Where the pod answers with its metrics, if it has any. */
  readonly metrics?: PodMetrics;
  /** True if the program calls the API server. */
  readonly apiAccess?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  /** `nodes`: the pods prefer different nodes. `zones`: zones and nodes also hold equal numbers as far as they can. */
  readonly spread?: 'nodes' | 'zones';
  readonly restartPolicy?: 'Never' | 'OnFailure';
}

/** The pod template of each of our workloads: restricted, placed, spread, with the component's ServiceAccount. */
export function podTemplate(component: Component, props: PodProps): PodTemplate {
  const { placement } = props;
  const finishes = [
    showEndOfLog,
    ...(placement.reserveEphemeralStorage ? [reserveDisk] : []),
    ...(placement.clusterAssignsUsers ? [withoutUser] : []),
  ];
  const finish = (container: Container) => finishes.reduce((finished, next) => next(finished), container);
  const { podSelector } = component;
  const scrape = placement.scrapeAnnotations && props.metrics && scrapeAnnotations(props.metrics);
  const ofJobs = props.restartPolicy && placement;
  const spec: PodSpec = {
    serviceAccountName: component.componentName,
    automountServiceAccountToken: props.apiAccess ?? false,
    enableServiceLinks: false,
    securityContext: podSecurity(placement.clusterAssignsUsers ? undefined : props.user),
    initContainers: props.initContainers?.map(finish),
    containers: props.containers.map(finish),
    volumes: props.volumes,
    terminationGracePeriodSeconds: props.terminationGracePeriodSeconds,
    restartPolicy: props.restartPolicy,
    // In a cluster with Windows nodes the pods would be tried there too.
    nodeSelector: { 'kubernetes.io/os': 'linux', ...placement.nodeSelector },
    tolerations: placement.tolerations as Json<k8s.Toleration>[] | undefined,
    affinity: (placement.affinity as Json<k8s.Affinity> | undefined) ?? (props.spread && preferOtherNodes(podSelector)),
    topologySpreadConstraints: props.spread === 'zones' ? spreadConstraints(podSelector) : undefined,
    priorityClassName: placement.priorityClassName,
    runtimeClassName: placement.runtimeClassName,
    imagePullSecrets: placement.imagePullSecrets?.map((name) => ({ name })),
  };
  return {
    metadata: {
      labels: { ...placement.podLabels, ...ofJobs?.jobPodLabels, ...component._podLabels, ...props.labels },
      annotations: nonEmpty({
        ...placement.podAnnotations,
        ...ofJobs?.jobPodAnnotations,
        ...scrape,
        ...props.annotations,
      }),
    },
    spec,
  };
}

/** `kubectl describe pod` then shows the end of the log of a container that failed. */
function showEndOfLog(container: Container): Container {
  return { ...container, terminationMessagePolicy: 'FallbackToLogsOnError' };
}

function reserveDisk(container: Container): Container {
  const { requests, limits } = container.resources ?? {};
  const disk = limits?.['ephemeral-storage'];
  if (disk === undefined) return container;
  return { ...container, resources: { limits, requests: { ...requests, 'ephemeral-storage': disk } } };
}

function nonEmpty(values: Record<string, string>): Record<string, string> | undefined {
  return Object.keys(values).length > 0 ? values : undefined;
}
