import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Component } from './component';
import { Json, apiObject } from '../kubernetes/manifest';
import { Rule, wholeRule } from '../kubernetes/rules';

export interface AutoscalerBounds {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly targetCpuPercent: number;
}

/** The props of a component for the number of its pods. */
export interface Scaling {
  readonly autoscaling?: Partial<AutoscalerBounds>;
  readonly replicas?: number;
}

/** The bounds with every default filled in, or nothing if the number is fixed. */
export function autoscalerBounds({ replicas, autoscaling = {} }: Scaling): AutoscalerBounds | undefined {
  if (replicas !== undefined) return undefined;
  const { minReplicas = 3, targetCpuPercent = 70 } = autoscaling;
  return { minReplicas, maxReplicas: autoscaling.maxReplicas ?? Math.max(10, minReplicas), targetCpuPercent };
}

/** What is wrong with the number of pods. */
export function scalingRules(given: Scaling): Rule[] {
  const { minReplicas, maxReplicas, targetCpuPercent } = autoscalerBounds(given) ?? {};
  return [
    wholeRule('replicas', given.replicas, 1),
    wholeRule('autoscaling.minReplicas', minReplicas, 1),
    wholeRule('autoscaling.maxReplicas', maxReplicas, 1),
    wholeRule('autoscaling.targetCpuPercent', targetCpuPercent, 1),
    {
      wrong: minReplicas !== undefined && maxReplicas !== undefined && minReplicas > maxReplicas,
      given: `autoscaling has minReplicas ${minReplicas} and maxReplicas ${maxReplicas}`,
      want: 'expected minReplicas of at most maxReplicas',
    },
    {
      wrong: given.replicas !== undefined && given.autoscaling !== undefined,
      given: `replicas is ${given.replicas} and autoscaling is given`,
      want: 'expected one of the two: each apply would put the number back that the autoscaler has changed',
    },
  ];
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
