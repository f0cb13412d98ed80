import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { Component } from '../../component/component';

/** One Kubernetes object of a platform, as it is rendered: JSON patches count. */
export interface Watched {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** Construct id of the object, e.g. `users-job`. */
  readonly id: string;
  /** `app.kubernetes.io/component`, e.g. `server`. */
  readonly role: string;
  /** Name of its component, e.g. `mlflow-server`. */
  readonly component: string;
  readonly spec: any;
  readonly annotations: Record<string, string>;
}

/** A platform has parts outside of its own tree, e.g. a serving in another chart. */
interface Monitored {
  _monitored?(): readonly unknown[];
}

/** The components of a platform, or one component. */
export function componentsOf(platform: Construct): Component[] {
  const parts = (platform as Monitored)._monitored?.() ?? [platform];
  const all = parts.filter((part) => part instanceof Construct).flatMap((part) => part.node.findAll());
  return [...new Set(all)].filter((construct): construct is Component => construct instanceof Component);
}

/** The objects that alerts and dashboards name. Call it at synth, after the whole app is built. */
export function watchedObjects(platform: Construct): Watched[] {
  return componentsOf(platform).flatMap((component) =>
    component.node.children.filter((child) => ApiObject.isApiObject(child)).map((object) => watched(component, object)),
  );
}

function watched(component: Component, object: ApiObject): Watched {
  const { kind, metadata, spec } = object.toJson();
  return {
    ...{ kind, spec, id: object.node.id, role: component._role, component: component.componentName },
    name: metadata.name,
    namespace: metadata.namespace ?? component.namespace ?? '',
    annotations: metadata.annotations ?? {},
  };
}

/** Names of the claims of a workload: PostgreSQL's, the store's, or one that a server mounts. */
export function claimsOf({ kind, name, spec }: Watched): string[] {
  const templates: any[] = spec?.volumeClaimTemplates ?? [];
  if (kind === 'StatefulSet') {
    return templates.flatMap(({ metadata }) =>
      Array.from({ length: spec.replicas ?? 1 }, (_, ordinal) => `${metadata.name}-${name}-${ordinal}`),
    );
  }
  if (kind !== 'Deployment') return [];
  const volumes: any[] = spec.template.spec.volumes ?? [];
  return volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
}
