import { k8s } from 'cdk8s-plus-27';
import { Json } from '../kubernetes/manifest';

const onNode = (matchLabels: Record<string, string>) => ({
  labelSelector: { matchLabels },
  topologyKey: 'kubernetes.io/hostname',
});

const preferred = (matchLabels: Record<string, string>) => ({
  preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: onNode(matchLabels) }],
});

/** Prefers nodes without another pod of these labels. */
export function preferOtherNodes(matchLabels: Record<string, string>): Json<k8s.Affinity> {
  return { podAntiAffinity: preferred(matchLabels) };
}

/** Spreads pods of these labels over zones and nodes, as far as possible. */
export function spreadConstraints(matchLabels: Record<string, string>): Json<k8s.TopologySpreadConstraint>[] {
  return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels },
  }));
}

/** For Jobs that share a volume with pods of these labels, which hold it on their node. */
export function onTheNodeOf(matchLabels: Record<string, string>): k8s.Affinity {
  return { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [onNode(matchLabels)] } };
}

/** As `onTheNodeOf`, for a Job that also runs if no pod of these labels does. */
export function preferredOnTheNodeOf(matchLabels: Record<string, string>): k8s.Affinity {
  return { podAffinity: preferred(matchLabels) };
}
