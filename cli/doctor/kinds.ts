/** A kind that is read, by its path in the API. */
export interface Kind {
  readonly kind: string;
  readonly path: string;
  readonly plural: string;
  /** True if most clusters do not have it. */
  readonly optional?: boolean;
}

const kind = (name: string, path: string, plural: string, optional = false): Kind => ({
  kind: name,
  path,
  plural,
  optional,
});

/** Of the namespace of the platform, and of those of its servings. */
export const NAMESPACED: readonly Kind[] = [
  kind('Pod', '/api/v1', 'pods'),
  kind('Service', '/api/v1', 'services'),
  kind('ConfigMap', '/api/v1', 'configmaps'),
  kind('PersistentVolumeClaim', '/api/v1', 'persistentvolumeclaims'),
  kind('ServiceAccount', '/api/v1', 'serviceaccounts'),
  kind('Event', '/api/v1', 'events'),
  kind('Deployment', '/apis/apps/v1', 'deployments'),
  kind('StatefulSet', '/apis/apps/v1', 'statefulsets'),
  kind('ReplicaSet', '/apis/apps/v1', 'replicasets'),
  kind('Job', '/apis/batch/v1', 'jobs'),
  kind('CronJob', '/apis/batch/v1', 'cronjobs'),
  kind('Ingress', '/apis/networking.k8s.io/v1', 'ingresses'),
  kind('NetworkPolicy', '/apis/networking.k8s.io/v1', 'networkpolicies'),
  kind('PodDisruptionBudget', '/apis/policy/v1', 'poddisruptionbudgets'),
  kind('HorizontalPodAutoscaler', '/apis/autoscaling/v2', 'horizontalpodautoscalers'),
  kind('Role', '/apis/rbac.authorization.k8s.io/v1', 'roles'),
  kind('RoleBinding', '/apis/rbac.authorization.k8s.io/v1', 'rolebindings'),
  kind('Lease', '/apis/coordination.k8s.io/v1', 'leases'),
  kind('HTTPRoute', '/apis/gateway.networking.k8s.io/v1', 'httproutes', true),
  kind('Route', '/apis/route.openshift.io/v1', 'routes', true),
];

/** Of the whole cluster. */
export const CLUSTER: readonly Kind[] = [
  kind('Namespace', '/api/v1', 'namespaces'),
  kind('StorageClass', '/apis/storage.k8s.io/v1', 'storageclasses'),
  kind('IngressClass', '/apis/networking.k8s.io/v1', 'ingressclasses'),
];
