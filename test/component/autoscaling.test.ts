import { Duration } from 'cdk8s';
import { Autoscaling, PolicySelection, ScalingMetric } from '../../lib';
import { servingObjects } from '../serving/servings';
import { errorOf, ofKind } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const HPA = 'HorizontalPodAutoscaler';
const minute = Duration.minutes(1);
const { perPod, external } = ScalingMetric;

describe.each([
  ['a tracking server', (autoscaling: Autoscaling) => ofKind(serverObjects({ autoscaling }), HPA)],
  ['a serving', (autoscaling: Autoscaling) => ofKind(servingObjects({ autoscaling }), HPA)],
])('the autoscaler of %s', (_what, autoscaler) => {
  const specOf = (autoscaling: Autoscaling) => autoscaler(autoscaling)[0].spec;

  test('follows the CPU only, with the behavior of Kubernetes, if nothing else is given', () => {
    const { metrics, behavior } = specOf({});
    expect(metrics.map(({ resource }: any) => resource.name)).toEqual(['cpu']);
    expect(behavior).toBeUndefined();
  });

  test('follows memory beside the CPU', () => {
    expect(specOf({ targetMemoryPercent: 150 }).metrics[1]).toEqual({
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 150 } },
    });
  });

  test('follows metrics of the pods and of something else', () => {
    const metrics = [
      perPod({ name: 'requests_per_second', averageValue: 0.5 }),
      external({ name: 'queue_messages', averageValue: 30, selector: { queue: 'churn' } }),
      external({ name: 'queue_messages', value: 2000 }),
    ];
    expect(specOf({ metrics }).metrics.slice(1)).toEqual([
      {
        type: 'Pods',
        pods: { metric: { name: 'requests_per_second' }, target: { type: 'AverageValue', averageValue: '500m' } },
      },
      {
        type: 'External',
        external: {
          metric: { name: 'queue_messages', selector: { matchLabels: { queue: 'churn' } } },
          target: { type: 'AverageValue', averageValue: '30' },
        },
      },
      {
        type: 'External',
        external: { metric: { name: 'queue_messages' }, target: { type: 'Value', value: '2000' } },
      },
    ]);
  });

  test('adds and removes pods as fast as its policies allow', () => {
    const { behavior } = specOf({
      scaleUp: { stabilizationWindow: Duration.seconds(0), policies: [{ percent: 100, period: minute }] },
      scaleDown: {
        stabilizationWindow: Duration.minutes(15),
        policies: [
          { pods: 1, period: minute },
          { percent: 10, period: Duration.minutes(2) },
        ],
        selectPolicy: PolicySelection.MIN,
      },
    });
    expect(behavior).toEqual({
      scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent', value: 100, periodSeconds: 60 }] },
      scaleDown: {
        stabilizationWindowSeconds: 900,
        selectPolicy: 'Min',
        policies: [
          { type: 'Pods', value: 1, periodSeconds: 60 },
          { type: 'Percent', value: 10, periodSeconds: 120 },
        ],
      },
    });
  });

  test('never removes a pod with the policy DISABLED', () => {
    expect(specOf({ scaleDown: { selectPolicy: PolicySelection.DISABLED } }).behavior).toEqual({
      scaleDown: { selectPolicy: 'Disabled' },
    });
  });
});

test.each<[Autoscaling, string]>([
  [{ targetMemoryPercent: 0 }, 'autoscaling.targetMemoryPercent is 0; expected a whole number of at least 1'],
  [
    { metrics: [perPod({ name: 'requests per second', averageValue: 1 })] },
    "autoscaling.metrics[0].name is 'requests per second'; expected the name of a metric",
  ],
  [{ metrics: [perPod({ name: 'a/b', averageValue: 1 })] }, "autoscaling.metrics[0].name is 'a/b'"],
  [
    { metrics: [perPod({ name: 'a', averageValue: 0 })] },
    'autoscaling.metrics[0].averageValue is 0; expected a number',
  ],
  [{ metrics: [perPod({ name: 'a', averageValue: 0.0005 })] }, 'averageValue is 0.0005'],
  [{ metrics: [external({ name: 'a' })] }, 'autoscaling.metrics[0] has neither value nor averageValue'],
  [{ metrics: [external({ name: 'a', value: 1, averageValue: 1 })] }, 'has both value and averageValue'],
  [{ metrics: [external({ name: 'a', value: 1, selector: { 'a b': '1' } })] }, "selector has the key 'a b'"],
  [
    { scaleUp: { stabilizationWindow: Duration.hours(2) } },
    'autoscaling.scaleUp.stabilizationWindow is 7200 seconds; expected whole seconds, from 0 to 3600',
  ],
  [{ scaleDown: { policies: [] } }, 'autoscaling.scaleDown.policies is an empty list; expected at least one policy'],
  [{ scaleDown: { policies: [{ period: minute }] } }, 'scaleDown.policies[0] has neither pods nor percent'],
  [{ scaleDown: { policies: [{ pods: 1, percent: 1, period: minute }] } }, 'policies[0] has both pods and percent'],
  [{ scaleDown: { policies: [{ pods: 0, period: minute }] } }, 'policies[0].pods is 0'],
  [{ scaleDown: { policies: [{ pods: 1, period: Duration.hours(1) }] } }, 'policies[0].period is 3600 seconds'],
])('refuses %j', (autoscaling, message) => {
  expect(serverError({ autoscaling })).toContain(message);
  expect(errorOf(() => servingObjects({ autoscaling }))).toContain(message);
});
