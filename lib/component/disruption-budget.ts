import { ApiObject } from 'cdk8s';
import { Component } from './component';
import { apiObject } from '../kubernetes/manifest';

/** At most one pod at a time is taken away on purpose (a node drain, say). */
export function disruptionBudget(component: Component): ApiObject {
  return apiObject(component, 'disruption-budget', {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    name: component.componentName,
    labels: component.labels,
    body: {
      spec: {
        maxUnavailable: 1,
        selector: { matchLabels: component.podSelector },
        // A pod that is not ready serves no request, so it must not delay a drain.
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    },
  });
}
