import { Snapshot } from '../../../cli/doctor/snapshot';

/** The time of all fixtures. */
const NOW = Date.parse('2026-06-01T12:00:00Z');

/** ISO 8601, so many seconds before `NOW`. */
export const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

export const labels = (role: string, instance = 'mlflow') => ({
  'app.kubernetes.io/name': 'mlflow',
  'app.kubernetes.io/instance': instance,
  'app.kubernetes.io/component': role,
  'app.kubernetes.io/part-of': 'mlflow',
});

/** An object of the platform, an hour old. */
export function object(kind: string, name: string, role: string, more: object = {}, namespace = 'mlflow'): any {
  const metadata = { name, namespace, uid: `${kind}-${name}`, labels: labels(role), creationTimestamp: ago(3600) };
  return { kind, metadata, spec: {}, status: {}, ...more };
}

/** A Deployment with one pod template, and its Ready pod. */
export function deployment(name: string, role: string, spec: object = {}, podStatus: object = READY): any[] {
  const template = {
    metadata: { labels: labels(role) },
    spec: { containers: [{ name: 'main', image: 'own:1' }], ...spec },
  };
  const pod = object('Pod', `${name}-1`, role, { spec: template.spec, status: podStatus });
  pod.metadata.ownerReferences = [{ kind: 'Deployment', name, controller: true }];
  return [object('Deployment', name, role, { spec: { replicas: 1, template } }), pod];
}

const READY = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [{ name: 'main', ready: true, state: { running: {} } }],
};

/** What was read of a platform with these objects. Every kind was seen, unless `unseen` names it. */
export function snapshot(objects: any[], more: Partial<Snapshot> = {}, unseen: string[] = []): Snapshot {
  const kinds = [
    ...['Pod', 'Service', 'ConfigMap', 'Secret', 'PersistentVolumeClaim', 'Event', 'Deployment', 'StatefulSet'],
    ...['ReplicaSet', 'Job', 'CronJob', 'Ingress', 'NetworkPolicy', 'Lease', 'StorageClass', 'IngressClass'],
  ];
  return {
    namespace: 'mlflow',
    now: NOW,
    objects: Object.fromEntries(
      kinds
        .map((kind) => [kind, objects.filter((each) => each.kind === kind)])
        .concat(
          [...new Set(objects.map(({ kind }) => kind))].map((kind) => [
            kind,
            objects.filter((each) => each.kind === kind),
          ]),
        ),
    ),
    seen: new Set(kinds.filter((kind) => !unseen.includes(kind))),
    secrets: [],
    logs: {},
    probes: [],
    notSeen: [],
    ...more,
  };
}
