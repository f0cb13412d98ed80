import { Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Connection, SecretFiles, SecretVariable } from './connection';
import { Container, EnvVar, Json, PodSpec, PodTemplate, Volume, VolumeMount } from './manifest';
import { PlacementOptions } from './pod-options';
import { quantity } from './resources';
import { podSecurity } from './security';

/** Where the files of `SecretVariable`s lie. */
export const SECRETS_DIRECTORY = '/run/secrets/mlflow';

export interface PodProps {
  readonly labels: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly serviceAccountName: string;
  /** True where the program speaks to the API server. */
  readonly apiAccess?: boolean;
  readonly user: number;
  readonly placement: PlacementOptions;
  readonly containers: Container[];
  readonly initContainers?: Container[];
  readonly volumes: Volume[];
  readonly terminationGracePeriodSeconds?: number;
  readonly restartPolicy?: 'Never' | 'OnFailure';
  /** Labels of the pods that should lie on different nodes; left out for Jobs. */
  readonly spread?: Record<string, string>;
  /** Zones and nodes hold equal numbers as far as they can; for Deployments of several pods. */
  readonly topologySpread?: boolean;
}

/** The pod template that every workload of ours has: restricted, placed, spread, with a ServiceAccount of its own. */
export function podTemplate(props: PodProps): PodTemplate {
  const { placement } = props;
  const finish = (container: Container) =>
    showEndOfLog(placement.reserveEphemeralStorage ? reserveDisk(container) : container);
  const spec: PodSpec = {
    serviceAccountName: props.serviceAccountName,
    automountServiceAccountToken: props.apiAccess ?? false,
    enableServiceLinks: false,
    securityContext: podSecurity(props.user),
    initContainers: props.initContainers?.map(finish),
    containers: props.containers.map(finish),
    volumes: props.volumes,
    terminationGracePeriodSeconds: props.terminationGracePeriodSeconds,
    restartPolicy: props.restartPolicy,
    // In a cluster with Windows nodes the pods would be tried there too.
    nodeSelector: { 'kubernetes.io/os': 'linux', ...placement.nodeSelector },
    tolerations: placement.tolerations as Json<k8s.Toleration>[] | undefined,
    affinity:
      (placement.affinity as Json<k8s.Affinity> | undefined) ?? (props.spread && preferOtherNodes(props.spread)),
    topologySpreadConstraints: props.topologySpread && props.spread ? spreadConstraints(props.spread) : undefined,
    priorityClassName: placement.priorityClassName,
    imagePullSecrets: placement.imagePullSecrets?.map((name) => ({ name })),
  };
  return {
    metadata: {
      labels: { ...placement.podLabels, ...props.labels },
      annotations: nonEmpty({ ...placement.podAnnotations, ...props.annotations }),
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

function preferOtherNodes(matchLabels: Record<string, string>): Json<k8s.Affinity> {
  const podAffinityTerm = { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' };
  return { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] } };
}

function spreadConstraints(matchLabels: Record<string, string>): Json<k8s.TopologySpreadConstraint>[] {
  return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels },
  }));
}

export function environment(values: Record<string, string>): EnvVar[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** A variable with what the pod is called, or where it runs. */
export function fromField(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** An empty folder of the node, or of its memory, that a container with a read-only root may write to. */
export function scratch(name: string, sizeLimit: Size, medium?: 'Memory'): Volume {
  return { name, emptyDir: { sizeLimit: quantity(sizeLimit), medium } };
}

/** One read-only volume in which each file is named as the environment variable it stands for. */
export function secretVolume(name: string, variables: SecretVariable[]): Volume {
  const bySecret = new Map<string, SecretVariable[]>();
  for (const variable of variables) {
    bySecret.set(variable.secretName, [...(bySecret.get(variable.secretName) ?? []), variable]);
  }
  return {
    name,
    projected: {
      defaultMode: 0o440,
      sources: [...bySecret].map(([secretName, items]) => ({
        secret: { name: secretName, items: items.map(({ key, variable }) => ({ key, path: variable })) },
      })),
    },
  };
}

/** The claim of a StatefulSet, with all that the API server would add: it compares the list as a whole. */
export function claimTemplate(name: string, storage: Size, storageClassName?: string) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: quantity(storage) } },
      storageClassName,
      volumeMode: 'Filesystem',
    },
    status: { phase: 'Pending' },
  };
}

/** Annotations that the connections ask of the pod's ServiceAccount, e.g. a cloud role. */
export function accountAnnotations(connections: Connection[]): Record<string, string> {
  return Object.assign({}, ...connections.map((connection) => connection.serviceAccountAnnotations ?? {}));
}

export interface Mounted {
  readonly volumes: Volume[];
  readonly mounts: VolumeMount[];
  readonly environment: Record<string, string>;
}

/**
 * Volumes, mounts and environment of a container that has these connections.
 *
 * @param prefix of the volumes' names, where another container of the pod has fewer connections
 */
export function mountConnections(connections: Connection[], more: SecretVariable[] = [], prefix = ''): Mounted {
  const variables = [...connections.flatMap((connection) => connection.secretVariables ?? []), ...more];
  const files = connections.flatMap((connection) => connection.secretFiles ?? []);
  const claims = connections.flatMap((connection) => connection.claims ?? []);
  const names = { secrets: `${prefix}secrets`, files: `${prefix}files`, claim: `${prefix}claim` };
  const volumes: Volume[] = [
    ...(variables.length > 0 ? [secretVolume(names.secrets, variables)] : []),
    ...files.map((each, index) => fileVolume(`${names.files}-${index}`, each)),
    ...claims.map(({ claimName }, index) => ({
      name: `${names.claim}-${index}`,
      persistentVolumeClaim: { claimName },
    })),
  ];
  const mounts: VolumeMount[] = [
    ...(variables.length > 0 ? [{ name: names.secrets, mountPath: SECRETS_DIRECTORY, readOnly: true }] : []),
    ...files.map(({ directory }, index) => ({
      name: `${names.files}-${index}`,
      mountPath: directory,
      readOnly: true,
    })),
    ...claims.map(({ directory }, index) => ({ name: `${names.claim}-${index}`, mountPath: directory })),
  ];
  return {
    volumes,
    mounts,
    environment: Object.assign({}, ...connections.map((connection) => connection.environment)),
  };
}

function fileVolume(name: string, files: SecretFiles): Volume {
  return {
    name,
    secret: {
      secretName: files.secretName,
      defaultMode: 0o440,
      items: files.keys.map((key) => ({ key, path: key })),
    },
  };
}

function nonEmpty(values: Record<string, string>): Record<string, string> | undefined {
  return Object.keys(values).length > 0 ? values : undefined;
}
