import { ApiObject } from 'cdk8s';
import { Component } from './component';
import { ServiceSpec, apiObject } from '../kubernetes/manifest';

/** A ServiceAccount of the component's own, without a token in its pods. */
export function serviceAccount(component: Component, annotations?: Record<string, string>): ApiObject {
  return apiObject(component, 'service-account', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    name: component.componentName,
    labels: component.labels,
    annotations,
    body: { automountServiceAccountToken: false },
  });
}

/**
 * Flux's `postBuild` replaces `${…}` and `$$` in every object that does not opt out, and scripts and nginx are full of
 * `$`. An annotation and not a label, as it selects nothing.
 * @see https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution
 */
export const VERBATIM = { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' };

/** Text that reaches the pods as it is written here. */
export function configMap(
  component: Component,
  id: string,
  name: string,
  data: Record<string, string> | (() => Record<string, string>),
): ApiObject {
  return apiObject<{ data: Record<string, string> }>(component, id, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name,
    labels: component.labels,
    annotations: VERBATIM,
    body: { data },
  });
}

export function service(
  component: Component,
  id: string,
  name: string,
  spec: ServiceSpec,
  {
    labels = component.labels,
    annotations,
  }: { labels?: Record<string, string>; annotations?: Record<string, string> } = {},
): ApiObject {
  return apiObject(component, id, { apiVersion: 'v1', kind: 'Service', name, labels, annotations, body: { spec } });
}

/** Labels by which monitors find a component's metrics, and not its other Services. */
export function metricsLabels({ labels, _role }: Component): Record<string, string> {
  return { ...labels, 'app.kubernetes.io/component': `${_role}-metrics` };
}

/** Port `metrics` of each pod. `targetPort` is the container's, if it is not named so. */
export function metricsService(component: Component, port: number, targetPort = 'metrics'): ApiObject {
  const ports = [{ name: 'metrics', port, targetPort }];
  const spec = { clusterIP: 'None', selector: component.podSelector, ports };
  return service(component, 'metrics-service', `${component.componentName}-metrics`, spec, {
    labels: metricsLabels(component),
  });
}
