import { ApiObject, Lazy } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';

/**
 * The plain JSON of one of cdk8s-plus-27's types. Manifests are written as plain JSON: the generated classes of
 * Kubernetes 1.27 drop newer fields, even those that a JSON patch adds (docs/decisions/0001-plain-api-objects.md).
 */
export type Json<T> = T extends k8s.Quantity | k8s.IntOrString
  ? string | number
  : T extends Date
    ? string
    : T extends readonly (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

/** Fields that Kubernetes has had since 1.29 and cdk8s-plus-27 does not know. */
interface ContainerSince129 {
  /** `Always` in an init container makes it a sidecar: started before the containers, stopped after them. */
  readonly restartPolicy?: 'Always';
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
}

export type Container = Omit<Json<k8s.Container>, 'lifecycle'> & ContainerSince129;
export type PodSpec = Omit<Json<k8s.PodSpec>, 'containers' | 'initContainers'> & {
  readonly containers: Container[];
  readonly initContainers?: Container[];
};
export interface PodTemplate {
  readonly metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
  readonly spec: PodSpec;
}
/** cdk8s-plus-27 spells these keys differently. */
export type ServiceSpec = Omit<Json<k8s.ServiceSpec>, 'clusterIp' | 'sessionAffinityConfig'> & {
  readonly clusterIP?: string;
  readonly sessionAffinityConfig?: { readonly clientIP: { readonly timeoutSeconds: number } };
};
export type Volume = Json<k8s.Volume>;
export type VolumeMount = Json<k8s.VolumeMount>;
export type EnvVar = Json<k8s.EnvVar>;
export type Probe = Json<k8s.Probe>;

/** The fields of an object besides kind and metadata. A function is called at synth, after all parts are connected. */
type Body<T> = { [Key in keyof T]: T[Key] | (() => T[Key]) };

export interface Manifest<T> {
  readonly apiVersion: string;
  readonly kind: string;
  /** `metadata.name`. A function if it depends on what is added later (Jobs). */
  readonly name: string | (() => string);
  /** @default - the chart's */
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly body: Body<T>;
}

/** Labels and annotations. */
export interface Metadata {
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

const METADATA = 'cdk8s-mlflow/metadata';

/** Gives them to every object below a construct. Call it before the construct has children. */
export function setMetadata(construct: Construct, { labels, annotations }: Metadata): void {
  construct.node.setContext(METADATA, { labels, annotations } satisfies Metadata);
}

/** What objects below a construct get, with their own on top. */
export function withMetadata(construct: Construct, own: Metadata): Metadata {
  const found: Metadata | undefined = construct.node.tryGetContext(METADATA);
  const merged = (key: keyof Metadata) =>
    Object.keys(found?.[key] ?? {}).length > 0 ? { ...found?.[key], ...own[key] } : own[key];
  return { labels: merged('labels'), annotations: merged('annotations') };
}

/** Adds one Kubernetes object to the tree. */
export function apiObject<T extends object>(scope: Construct, id: string, manifest: Manifest<T>): ApiObject {
  const late = (value: unknown) => (typeof value === 'function' ? Lazy.any({ produce: () => value() }) : value);
  return new ApiObject(scope, id, {
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    metadata: {
      name: late(manifest.name) as string,
      ...(manifest.namespace !== undefined && { namespace: manifest.namespace }),
      ...withMetadata(scope, manifest),
    },
    ...Object.fromEntries(Object.entries(manifest.body).map(([key, value]) => [key, late(value)])),
  });
}
