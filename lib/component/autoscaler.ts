import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Autoscaling, ScalingBehavior, ScalingPolicy } from './autoscaling';
import { Component } from './component';
import { durationRule, seconds } from '../kubernetes/durations';
import { Json, apiObject } from '../kubernetes/manifest';
import { Rule, wholeRule } from '../kubernetes/rules';

/** The props of an autoscaler, with every default filled in. */
export interface AutoscalerPlan extends Autoscaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly targetCpuPercent: number;
}

/** The props of a component for the number of its pods. */
export interface Scaling {
  readonly autoscaling?: Autoscaling;
  readonly replicas?: number;
}

/** The autoscaler with every default filled in, or nothing if the number is fixed. */
export function autoscalerPlan({ replicas, autoscaling = {} }: Scaling): AutoscalerPlan | undefined {
  if (replicas !== undefined) return undefined;
  const { minReplicas = 3, targetCpuPercent = 70 } = autoscaling;
  const maxReplicas = autoscaling.maxReplicas ?? Math.max(10, minReplicas);
  return { ...autoscaling, minReplicas, maxReplicas, targetCpuPercent };
}

/**
 * What is wrong with the number of pods.
 *
 * @param canSleep whether KEDA may remove all of them
 */
export function scalingRules(given: Scaling, canSleep = false): Rule[] {
  const { minReplicas, maxReplicas, targetCpuPercent } = autoscalerPlan(given) ?? {};
  const { targetMemoryPercent, metrics = [], scaleUp, scaleDown, byKeda } = given.autoscaling ?? {};
  return [
    wholeRule('replicas', given.replicas, 1),
    wholeRule('autoscaling.minReplicas', minReplicas, byKeda && canSleep ? 0 : 1),
    {
      wrong: byKeda === true && metrics.length > 0,
      given: 'autoscaling has byKeda: true and metrics',
      want: 'expected triggers of the KedaScaler in place of metrics, e.g. ScalingTrigger.prometheus({ … })',
    },
    wholeRule('autoscaling.maxReplicas', maxReplicas, 1),
    wholeRule('autoscaling.targetCpuPercent', targetCpuPercent, 1),
    wholeRule('autoscaling.targetMemoryPercent', targetMemoryPercent, 1),
    ...metrics.flatMap((metric, index) => metric._rules(`autoscaling.metrics[${index}]`)),
    ...behaviorRules('autoscaling.scaleUp', scaleUp),
    ...behaviorRules('autoscaling.scaleDown', scaleDown),
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

function behaviorRules(what: string, { stabilizationWindow, policies }: ScalingBehavior = {}): Rule[] {
  return [
    durationRule(`${what}.stabilizationWindow`, stabilizationWindow, 0, 3600),
    {
      wrong: policies?.length === 0,
      given: `${what}.policies is an empty list`,
      want: 'expected at least one policy, or the prop left out; e.g. [{ pods: 1, period: Duration.minutes(1) }]',
    },
    ...(policies ?? []).flatMap((policy, index) => policyRules(`${what}.policies[${index}]`, policy)),
  ];
}

function policyRules(what: string, { pods, percent, period }: ScalingPolicy): Rule[] {
  const [neither, both] = [pods === undefined && percent === undefined, pods !== undefined && percent !== undefined];
  return [
    {
      wrong: neither || both,
      given: `${what} has ${neither ? 'neither pods nor' : 'both pods and'} percent`,
      want: 'expected one of the two, e.g. { pods: 1, period: Duration.minutes(1) }',
    },
    wholeRule(`${what}.pods`, pods, 1),
    wholeRule(`${what}.percent`, percent, 1),
    durationRule(`${what}.period`, period, 1, 1800),
  ];
}

/** A policy has a `value`, by which `Json` takes it for a quantity. */
type Spec = Omit<Json<k8s.HorizontalPodAutoscalerSpecV2>, 'behavior'> & { readonly behavior?: object };

/** What a `KedaScaler` can scale: a tracking server or a serving. */
export interface IScaledComponent {
  /** Name of its Deployment. */
  readonly componentName: string;
  /**
   * Namespace of its Deployment.
   * @default - `kubectl` decides
   */
  readonly namespace?: string;
  /** Labels of its objects. */
  readonly labels: Record<string, string>;
  /**
   * Its bounds and targets.
   * @default - the number of its pods is fixed
   */
  readonly autoscaling?: Autoscaling;
}

/** Scales the component's Deployment by the CPU of its pods, and by what else is given. */
export function autoscaler(component: Component, plan: AutoscalerPlan): ApiObject {
  const { targetMemoryPercent, metrics = [], scaleUp, scaleDown } = plan;
  const spec: Spec = {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: component.componentName },
    minReplicas: plan.minReplicas,
    maxReplicas: plan.maxReplicas,
    metrics: [
      utilization('cpu', plan.targetCpuPercent),
      ...(targetMemoryPercent === undefined ? [] : [utilization('memory', targetMemoryPercent)]),
      ...metrics.map(({ _metric }) => _metric),
    ],
    behavior: scaleUp || scaleDown ? { scaleUp: behavior(scaleUp), scaleDown: behavior(scaleDown) } : undefined,
  };
  return apiObject(component, 'autoscaler', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    name: `${component.componentName}-hpa`,
    labels: component.labels,
    body: { spec },
  });
}

function utilization(name: 'cpu' | 'memory', averageUtilization: number): Json<k8s.MetricSpecV2> {
  return { type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization } } };
}

export function behavior(given: ScalingBehavior | undefined): object | undefined {
  if (given === undefined || Object.values(given).every((value) => value === undefined)) return undefined;
  const { stabilizationWindow, policies, selectPolicy } = given;
  return {
    stabilizationWindowSeconds: stabilizationWindow && seconds(stabilizationWindow),
    selectPolicy,
    policies: policies?.map(({ pods, percent, period }) => ({
      type: pods === undefined ? 'Percent' : 'Pods',
      value: pods ?? percent!,
      periodSeconds: seconds(period),
    })),
  };
}
