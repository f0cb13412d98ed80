import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Component } from '../kubernetes/component';
import { Json, apiObject } from '../kubernetes/manifest';

export interface AutoscalerBounds {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly targetCpuPercent: number;
}

/** Scales the component's Deployment by the CPU of its pods. */
export function autoscaler(component: Component, bounds: AutoscalerBounds): ApiObject {
  const target = { type: 'Utilization', averageUtilization: bounds.targetCpuPercent };
  const spec: Json<k8s.HorizontalPodAutoscalerSpecV2> = {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: component.componentName },
    minReplicas: bounds.minReplicas,
    maxReplicas: bounds.maxReplicas,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
  };
  return apiObject(component, 'autoscaler', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    name: `${component.componentName}-hpa`,
    labels: component.labels,
    body: { spec },
  });
}
