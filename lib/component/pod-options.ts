import { Size } from 'cdk8s';
import { ContainerResources, k8s } from 'cdk8s-plus-27';
import { Images } from '../images';
import { affinityRules, tolerationRules } from '../kubernetes/affinity-rules';
import { annotationRules, labelRules } from '../kubernetes/metadata-rules';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { mergeResources, resourceRules, smallResources } from '../kubernetes/resources';
import { Rule, imageRule, objectNameRule } from '../kubernetes/rules';

/**
 * Images in place of the library's own, one for each program, e.g. by digest. One that is left out keeps its default, and
 * the prop of a component (`image`, `proxyImage`, `clientImage`, `exporterImage`) takes precedence.
 */
export interface ImageChoices {
  /**
   * MLflow: `image` of the tracking server, its migration and the servings.
   * @default Images.MLFLOW
   */
  readonly mlflow?: string;
  /**
   * PostgreSQL: `image` of the embedded database, its set-up Job and the containers that dump and restore.
   * @default Images.POSTGRES
   */
  readonly postgres?: string;
  /**
   * The exporter of PostgreSQL's metrics: `image` of the container `exporter` in the pod of the embedded database.
   * @default Images.POSTGRES_EXPORTER
   */
  readonly postgresExporter?: string;
  /**
   * The embedded store and its set-up Job: `image` of an image of Silo or of MinIO, with the client `mc` in it.
   * @default Images.SILO
   */
  readonly silo?: string;
  /**
   * The embedded store of a `SeaweedStore`: `image` of an image of SeaweedFS, with `curl` in it.
   * @default Images.SEAWEEDFS
   */
  readonly seaweedfs?: string;
  /**
   * The proxy nginx: `image` of the sidecar of the tracking server and of the servings.
   * @default Images.NGINX
   */
  readonly nginx?: string;
  /**
   * OAuth2 Proxy: `image` of the container `oauth2-proxy` in the pod of a tracking server with `Authentication.oidc()`.
   * @default Images.OAUTH2_PROXY
   */
  readonly oauth2Proxy?: string;
  /**
   * Node.js: `image` of the deployer and of the Job that creates the Secrets.
   * @default Images.NODE
   */
  readonly node?: string;
  /**
   * The program rclone: `image` of the container that copies the files of a backup.
   * @default Images.RCLONE
   */
  readonly rclone?: string;
}

/** Where pods run, what they carry and how they reach the control plane, for every pod of a component, its Jobs included. */
export interface PlacementOptions {
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

const DEFAULTS: Required<ImageChoices> = {
  mlflow: Images.MLFLOW,
  postgres: Images.POSTGRES,
  postgresExporter: Images.POSTGRES_EXPORTER,
  silo: Images.SILO,
  seaweedfs: Images.SEAWEEDFS,
  nginx: Images.NGINX,
  oauth2Proxy: Images.OAUTH2_PROXY,
  node: Images.NODE,
  rclone: Images.RCLONE,
};
const CHOICES = Object.keys(DEFAULTS) as (keyof ImageChoices)[];

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
    podLabels: { ...defaults.podLabels, ...given.podLabels },
    imageRegistry: given.imageRegistry ?? defaults.imageRegistry,
    apiServerEgress: given.apiServerEgress ?? defaults.apiServerEgress,
    jobResources: given.jobResources ?? defaults.jobResources,
    reserveEphemeralStorage: given.reserveEphemeralStorage ?? defaults.reserveEphemeralStorage,
    clusterAssignsUsers: given.clusterAssignsUsers ?? defaults.clusterAssignsUsers,
    images: { ...defaults.images, ...given.images },
  };
}

/** The image that was chosen in place of one of ours. Without one, ours from the mirror, if one is set. */
export function mirrored(image: string, placement: PlacementOptions): string {
  const { imageRegistry, images = {} } = placement;
  const chosen = CHOICES.find((name) => DEFAULTS[name] === image);
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
    ...CHOICES.flatMap((name) => (images[name] === undefined ? [] : [imageRule(images[name], `images.${name}`)])),
    {
      wrong: imageRegistry !== undefined && !/^[a-z0-9][-.a-z0-9]*(:\d+)?(\/[-._a-z0-9]+)*\/?$/.test(imageRegistry),
      given: `imageRegistry is '${imageRegistry}'`,
      want: "expected a host and a path without scheme, e.g. 'registry.example.com/mirror'",
    },
  ];
}
