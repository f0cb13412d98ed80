import { ContainerResources, k8s } from 'cdk8s-plus-27';
import { Images } from '../images';
import { Rule, imageRule } from './rules';

/**
 * Images in place of the library's own, one for each program, e.g. by digest. One that is left out keeps its default, and
 * the prop of a component (`image`, `proxyImage`, `clientImage`) comes before them.
 */
export interface ImageChoices {
  /**
   * MLflow: `image` of the tracking server, its migration and the servings.
   * @default Images.MLFLOW
   */
  readonly mlflow?: string;
  /**
   * PostgreSQL: `image` of the embedded database, its set-up Job and the container that dumps.
   * @default Images.POSTGRES
   */
  readonly postgres?: string;
  /**
   * The embedded store and its set-up Job: `image` of an image of Silo or of MinIO, with the client `mc` in it.
   * @default Images.SILO
   */
  readonly silo?: string;
  /**
   * nginx: `image` of the proxies beside the tracking server and the servings.
   * @default Images.NGINX
   */
  readonly nginx?: string;
  /**
   * Node.js: `image` of the deployer and of the Job that makes the Secrets.
   * @default Images.NODE
   */
  readonly node?: string;
}

/** Where pods run and what they carry, for every pod of a component, its Jobs included. */
export interface PlacementOptions {
  /**
   * Labels that a node must have: `spec.nodeSelector` of the pods.
   * @default - any node
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
   * @default - where a component has several pods, they prefer different nodes
   */
  readonly affinity?: k8s.Affinity;
  /**
   * Priority class of the pods: `spec.priorityClassName`.
   * @default - the cluster's default priority
   */
  readonly priorityClassName?: string;
  /**
   * Names of existing Secrets with registry logins: `spec.imagePullSecrets`.
   * @default - none
   */
  readonly imagePullSecrets?: string[];
  /**
   * Annotations that the pods carry beside the component's own, which win: `metadata.annotations` of the pods.
   * @default - none
   */
  readonly podAnnotations?: Record<string, string>;
  /**
   * Labels that the pods carry beside the component's own, which win: `metadata.labels` of the pods.
   * @default - none
   */
  readonly podLabels?: Record<string, string>;
  /**
   * A registry that mirrors the images of this library under their own paths, for a network without the others, e.g.
   * `registry.example.com/mirror` for `registry.example.com/mirror/library/postgres:17`. An image that is given by name
   * stays as it is.
   * @default - each image's own registry
   */
  readonly imageRegistry?: string;
  /**
   * Images in place of the library's own: `image` of each container that no other prop gives one. They stay as they are
   * given, also with `imageRegistry`.
   * @default - the images in lib/images.ts
   */
  readonly images?: ImageChoices;
}

const DEFAULTS: Required<ImageChoices> = {
  mlflow: Images.MLFLOW,
  postgres: Images.POSTGRES,
  silo: Images.SILO,
  nginx: Images.NGINX,
  node: Images.NODE,
};
const CHOICES = Object.keys(DEFAULTS) as (keyof ImageChoices)[];

/** What every long-running component takes. */
export interface PodOptions extends PlacementOptions {
  /**
   * Image of the component's main container, with a tag other than `latest` or a digest: `image`.
   * @default - the one in `images`, else the component's in lib/images.ts
   */
  readonly image?: string;
  /**
   * `resources` of the component's main container; what is left out keeps the default.
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
    imagePullSecrets: given.imagePullSecrets ?? defaults.imagePullSecrets,
    podAnnotations: { ...defaults.podAnnotations, ...given.podAnnotations },
    podLabels: { ...defaults.podLabels, ...given.podLabels },
    imageRegistry: given.imageRegistry ?? defaults.imageRegistry,
    images: { ...defaults.images, ...given.images },
  };
}

/** The image that was chosen in place of one of ours; without one, ours, where the mirror has it. */
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

export function placementRules(placement: PlacementOptions = {}): Rule[] {
  const { imageRegistry, images = {} } = placement;
  return [
    ...CHOICES.flatMap((name) => (images[name] === undefined ? [] : [imageRule(images[name], `images.${name}`)])),
    {
      wrong: imageRegistry !== undefined && !/^[a-z0-9][-.a-z0-9]*(:\d+)?(\/[-._a-z0-9]+)*\/?$/.test(imageRegistry),
      given: `imageRegistry is '${imageRegistry}'`,
      want: "want a host and a path without scheme, e.g. 'registry.example.com/mirror'",
    },
  ];
}
