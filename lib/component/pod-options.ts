import { Size } from 'cdk8s';
import { ContainerResources, k8s } from 'cdk8s-plus-27';
import { AuthorityOptions } from './authority-options';
import { DEFAULT_IMAGES, IMAGE_CHOICES, ImageChoices, imageChoiceRules } from './image-choices';
import { ObjectMetadataOptions, objectMetadataRules } from './object-metadata';
import { scrapeRules } from './scrape-annotations';
import { Images } from '../images';
import { affinityRules, tolerationRules } from '../kubernetes/affinity-rules';
import { annotationRules, labelRules } from '../kubernetes/metadata-rules';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { mergeResources, resourceRules, smallResources } from '../kubernetes/resources';
import { Rule, objectNameRule } from '../kubernetes/rules';

/** Where pods run, what they and their objects carry, and how they reach the control plane: for a component, its Jobs included. */
export interface PlacementOptions extends ObjectMetadataOptions, AuthorityOptions {
  /**
   * Labels that a node must have, in addition to `kubernetes.io/os: linux`, which you can override: `spec.nodeSelector` of the
   * pods.
   * @default - any Linux node
   */
  readonly nodeSelector?: Record<string, string>;
  /**
   * Taints that the pods tolerate: `spec.tolerations`.
   * @default - none
   */
  readonly tolerations?: k8s.Toleration[];
  /**
   * Affinity of the pods: `spec.affinity`. It replaces the default whole; a migration that shares a ReadWriteOnce volume
   * with the server stays on its node all the same.
   * @default - the pods of a component prefer different nodes
   */
  readonly affinity?: k8s.Affinity;
  /**
   * Priority class of the pods: `spec.priorityClassName`.
   * @default - the cluster's default priority
   */
  readonly priorityClassName?: string;
  /**
   * Name of a RuntimeClass of the cluster, e.g. `nvidia`, or `gvisor` for pods in a sandbox: `spec.runtimeClassName`.
   * @default - the runtime of the node
   * @see https://kubernetes.io/docs/concepts/containers/runtime-class/
   */
  readonly runtimeClassName?: string;
  /**
   * Names of existing Secrets with registry logins: `spec.imagePullSecrets`.
   * @default - none
   */
  readonly imagePullSecrets?: string[];
  /**
   * Annotations of the pods in addition to the component's own, which take precedence: `metadata.annotations` of the pods.
   * @default - none
   */
  readonly podAnnotations?: Record<string, string>;
  /**
   * Labels of the pods in addition to the component's own, which take precedence: `metadata.labels` of the pods.
   * @default - none
   */
  readonly podLabels?: Record<string, string>;
  /**
   * Whether pods that have metrics say so to a Prometheus without operator: the annotations `prometheus.io/scrape`, `/port`,
   * `/path` and, if the metrics need https, `/scheme`. Pods of servers, servings and the deployer have metrics, those of
   * an embedded database or store with `metrics: true`. Who may connect is the same as for a `MetricsMonitor`: pods of the
   * namespace `monitoring`, or `metricsClients`. A change restarts these pods. Refused together with a
   * `podAnnotations` that begins with `prometheus.io/`.
   * @default false
   */
  readonly scrapeAnnotations?: boolean;
  /**
   * Annotations of the pods of Jobs and CronJobs only, over `podAnnotations`, e.g. `{ 'sidecar.istio.io/inject': 'false' }` or
   * `{ 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' }`: `metadata.annotations`. A change runs the Jobs again.
   * @default - none
   */
  readonly jobPodAnnotations?: Record<string, string>;
  /**
   * Labels of the pods of Jobs and CronJobs only, over `podLabels`, e.g. `{ 'sidecar.istio.io/inject': 'false' }`, with which a
   * mesh adds no sidecar that would keep the Job from its end: `metadata.labels`. A change runs the Jobs again.
   * @default - none
   */
  readonly jobPodLabels?: Record<string, string>;
  /**
   * A registry that mirrors the images of this library under the same paths, for a network that cannot reach the
   * original registries, e.g.
   * `registry.example.com/mirror` for `registry.example.com/mirror/library/postgres:17.11`. An image that is given by name
   * stays as it is.
   * @default - each image's own registry
   */
  readonly imageRegistry?: string;
  /**
   * Addresses and ports at which pods may reach Kubernetes' API server (the credentials Job, the deployer and a restore),
   * in NetworkPolicies. Policies use the port of the control plane, not that of the Service `kubernetes`: `kubectl get
   * endpointslices -n default` shows both address and port.
   * @default - any address, on the ports 443, 6443, 8443, 16443 and 2040
   */
  readonly apiServerEgress?: EgressRule[];
  /**
   * Resources of the containers of Jobs: `credentials`, `set-up`, `migrate` and `users`. Fields that you leave out keep
   * their defaults.
   * @default - requests 50m and 64Mi, limits 500m and 256Mi; `migrate` requests 100m and 512Mi, limits 1 and 2Gi; `users`
   * requests 100m and 512Mi, limits 1 and 1Gi
   */
  readonly jobResources?: ContainerResources;
  /**
   * Whether each container requests all the ephemeral storage of its limit: `requests.ephemeral-storage`. For clusters
   * that lower the limit to the request, as GKE Autopilot does, and for nodes that run short of disk: they first evict
   * pods that use more than they requested. The defaults of `spool`, `modelSpace` and `dumpSpace` are then 8Gi, so
   * that a pod stays below the 10Gi of Autopilot.
   * @default false
   */
  readonly reserveEphemeralStorage?: boolean;
  /**
   * Whether the cluster chooses the user and the groups of each pod, as OpenShift does by its security context constraint
   * `restricted-v2`, which refuses other ones: pods and containers have no `runAsUser`, `runAsGroup` and `fsGroup`. Only for
   * such clusters: elsewhere most containers do not start, because their image's user is root or is not a number.
   * @see https://docs.openshift.com/container-platform/latest/authentication/managing-security-context-constraints.html
   * @default false
   */
  readonly clusterAssignsUsers?: boolean;
  /**
   * Images in place of the library's own: `image` of each container that no other prop gives one. They stay as they are
   * given, also with `imageRegistry`.
   * @default - those of `Images`
   */
  readonly images?: ImageChoices;
}

/** Props of every long-running component. */
export interface PodOptions extends PlacementOptions {
  /**
   * Image of the component's main container, with a tag other than `latest` or a digest: `image`.
   * @default - the one in `images`, or else the component's in `Images`
   */
  readonly image?: string;
  /**
   * `resources` of the component's main container. What is left out keeps the default.
   * @default - requests 500m and 1Gi, limits 2 and 4Gi
   */
  readonly resources?: ContainerResources;
}

/** `given` over `defaults`, as the platform hands its own options down to its components. */
export function mergePlacement(defaults: PlacementOptions = {}, given: PlacementOptions = {}): PlacementOptions {
  return {
    nodeSelector: given.nodeSelector ?? defaults.nodeSelector,
    tolerations: given.tolerations ?? defaults.tolerations,
    affinity: given.affinity ?? defaults.affinity,
    priorityClassName: given.priorityClassName ?? defaults.priorityClassName,
    runtimeClassName: given.runtimeClassName ?? defaults.runtimeClassName,
    imagePullSecrets: given.imagePullSecrets ?? defaults.imagePullSecrets,
    podAnnotations: { ...defaults.podAnnotations, ...given.podAnnotations },
    scrapeAnnotations: given.scrapeAnnotations ?? defaults.scrapeAnnotations,
    podLabels: { ...defaults.podLabels, ...given.podLabels },
    jobPodAnnotations: { ...defaults.jobPodAnnotations, ...given.jobPodAnnotations },
    jobPodLabels: { ...defaults.jobPodLabels, ...given.jobPodLabels },
    labels: { ...defaults.labels, ...given.labels },
    annotations: { ...defaults.annotations, ...given.annotations },
    imageRegistry: given.imageRegistry ?? defaults.imageRegistry,
    apiServerEgress: given.apiServerEgress ?? defaults.apiServerEgress,
    jobResources: given.jobResources ?? defaults.jobResources,
    reserveEphemeralStorage: given.reserveEphemeralStorage ?? defaults.reserveEphemeralStorage,
    clusterAssignsUsers: given.clusterAssignsUsers ?? defaults.clusterAssignsUsers,
    authority: given.authority ?? defaults.authority,
    images: { ...defaults.images, ...given.images },
  };
}

/** The image that was chosen in place of one of ours. Without one, ours from the mirror, if one is set. */
export function mirrored(image: string, placement: PlacementOptions): string {
  const { imageRegistry, images = {} } = placement;
  const chosen = IMAGE_CHOICES.find((name) => DEFAULT_IMAGES[name] === image);
  if (chosen && images[chosen] !== undefined) return images[chosen];
  return imageRegistry ? `${imageRegistry.replace(/\/+$/, '')}${image.slice(image.indexOf('/'))}` : image;
}

/** As `mirrored`, for an image that may be the user's own. */
export function mirroredDefault(image: string, placement: PlacementOptions): string {
  return Object.values(Images).includes(image) ? mirrored(image, placement) : image;
}

/** The default of a space on the node's disk: if all of it is reserved, at most what Autopilot gives to a pod. */
export function defaultSpace(gibibytes: number, { reserveEphemeralStorage }: PlacementOptions): Size {
  return Size.gibibytes(reserveEphemeralStorage ? Math.min(gibibytes, 8) : gibibytes);
}

export function placementRules(placement: PlacementOptions = {}): Rule[] {
  const { imageRegistry, priorityClassName, runtimeClassName, apiServerEgress, jobResources, images = {} } = placement;
  return [
    ...labelRules('nodeSelector', placement.nodeSelector),
    ...labelRules('podLabels', placement.podLabels),
    ...annotationRules('podAnnotations', placement.podAnnotations),
    ...scrapeRules(placement.scrapeAnnotations, placement.podAnnotations),
    ...labelRules('jobPodLabels', placement.jobPodLabels),
    ...annotationRules('jobPodAnnotations', placement.jobPodAnnotations),
    ...objectMetadataRules(placement),
    ...tolerationRules(placement.tolerations),
    ...affinityRules(placement.affinity),
    ...(priorityClassName === undefined ? [] : [objectNameRule('priorityClassName', priorityClassName, 'important')]),
    ...(runtimeClassName === undefined ? [] : [objectNameRule('runtimeClassName', runtimeClassName, 'nvidia')]),
    ...(placement.imagePullSecrets ?? []).map((name) => objectNameRule('imagePullSecrets', name, 'registry-login')),
    ...resourceRules(mergeResources(smallResources, jobResources), 'jobResources'),
    ...egressRules('apiServerEgress', apiServerEgress),
    {
      wrong: apiServerEgress?.length === 0,
      given: 'apiServerEgress is an empty list',
      want: 'expected at least one peer, or no prop: without access to the API server the Jobs create no Secrets and the deployer rolls nothing out',
    },
    ...(placement.authority?._rules ?? []),
    ...imageChoiceRules(images),
    {
      wrong: imageRegistry !== undefined && !/^[a-z0-9][-.a-z0-9]*(:\d+)?(\/[-._a-z0-9]+)*\/?$/.test(imageRegistry),
      given: `imageRegistry is '${imageRegistry}'`,
      want: "expected a host and a path without scheme, e.g. 'registry.example.com/mirror'",
    },
  ];
}
