import { Duration } from 'cdk8s';
import {
  Autoscaling,
  KedaScaler,
  KedaScalerProps,
  MlflowPlatform,
  RegisteredModel,
  ScalingMetric,
  ScalingTrigger,
  SecretValue,
} from '../../lib';
import { schema } from '../output/checks/schema';
import { Rendered, errorOf, find, ofKind, synth } from '../support/synth';

const days = ScalingTrigger.cron({ timeZone: 'Europe/Berlin', start: '0 7 * * 1-5', end: '0 19 * * 1-5', replicas: 2 });

function scaled(autoscaling: Autoscaling, more: Partial<KedaScalerProps> = {}): Rendered[] {
  return synth((chart) => {
    const mlflow = new MlflowPlatform(chart, 'mlflow', { server: { autoscaling: { byKeda: true } } });
    const model = RegisteredModel.byAlias('churn', 'champion');
    const target = mlflow.addModelServing('churn', { model, autoscaling });
    new KedaScaler(chart, 'churn', { target, triggers: [days], ...more });
    new KedaScaler(chart, 'server', { target: mlflow.server, triggers: [days] });
  });
}

test('a serving runs at certain times, and has no pod at others', () => {
  const objects = scaled({ byKeda: true, minReplicas: 0, maxReplicas: 4 });
  const scaler = find(objects, 'ScaledObject', 'churn');
  expect(scaler.spec).toEqual({
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'churn-serving' },
    minReplicaCount: 0,
    maxReplicaCount: 4,
    pollingInterval: 30,
    cooldownPeriod: 300,
    triggers: [
      { type: 'cpu', metricType: 'Utilization', metadata: { value: '70' } },
      {
        type: 'cron',
        metadata: { timezone: 'Europe/Berlin', start: '0 7 * * 1-5', end: '0 19 * * 1-5', desiredReplicas: '2' },
      },
    ],
  });
  expect(schema([scaler])).toEqual([]);
});

test('the component has neither an autoscaler of its own nor a number of pods', () => {
  const objects = scaled({ byKeda: true });
  expect(ofKind(objects, 'HorizontalPodAutoscaler')).toEqual([]);
  for (const name of ['churn-serving', 'mlflow-server']) {
    expect(find(objects, 'Deployment', name).spec).not.toHaveProperty('replicas');
  }
  expect(find(objects, 'ScaledObject', 'server').spec).toMatchObject({ minReplicaCount: 3, maxReplicaCount: 10 });
});

test('the targets and the speed of Autoscaling, a query of Prometheus and a trigger with a Secret', () => {
  const triggers = [
    ScalingTrigger.prometheus({
      serverAddress: 'http://prometheus.monitoring.svc:9090',
      query: 'sum(up)',
      threshold: 20,
    }),
    ScalingTrigger.of({
      type: 'rabbitmq',
      metadata: { queueName: 'scores', mode: 'QueueLength', value: '30' },
      secretParameters: { host: SecretValue.fromSecret('queue', 'url') },
    }),
  ];
  const scaleDown = { policies: [{ pods: 1, period: Duration.minutes(2) }] };
  const autoscaling = { byKeda: true, targetCpuPercent: 50, targetMemoryPercent: 250, scaleDown };
  const objects = scaled(autoscaling, { triggers, pollingInterval: Duration.seconds(10), cooldown: Duration.hours(1) });
  const custom = [find(objects, 'ScaledObject', 'churn'), find(objects, 'TriggerAuthentication', 'churn-1')];
  expect(custom[0].spec).toMatchObject({
    pollingInterval: 10,
    cooldownPeriod: 3600,
    advanced: {
      horizontalPodAutoscalerConfig: {
        behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }] } },
      },
    },
    triggers: [
      { type: 'cpu', metadata: { value: '50' } },
      { type: 'memory', metadata: { value: '250' } },
      { type: 'prometheus', metadata: { query: 'sum(up)', threshold: '20' } },
      { type: 'rabbitmq', authenticationRef: { name: 'churn-1' } },
    ],
  });
  expect(custom[1].spec).toEqual({ secretTargetRef: [{ parameter: 'host', name: 'queue', key: 'url' }] });
  expect(schema(custom)).toEqual([]);
});

test.each<[string, Autoscaling, Partial<KedaScalerProps>, string]>([
  ['a component that it does not scale', {}, {}, 'churn-serving is not scaled by KEDA'],
  ['no trigger', { byKeda: true }, { triggers: [] }, 'triggers is an empty list'],
  ['no pod without KEDA', { minReplicas: 0 }, {}, 'autoscaling.minReplicas is 0'],
  [
    'metrics of an adapter',
    { byKeda: true, metrics: [ScalingMetric.perPod({ name: 'a', averageValue: 1 })] },
    {},
    'autoscaling has byKeda: true and metrics',
  ],
  [
    'a wrong schedule',
    { byKeda: true },
    { triggers: [ScalingTrigger.cron({ timeZone: 'Europe/Berlin', start: '7', end: '0 19 * * *', replicas: 1 })] },
    "triggers[0].start is '7'",
  ],
  [
    'a URL with a login',
    { byKeda: true },
    { triggers: [ScalingTrigger.prometheus({ serverAddress: 'http://a:b@c', query: 'up', threshold: 1 })] },
    "triggers[0].serverAddress is 'http://a:b@c'",
  ],
])('refuses %s', (_what, autoscaling, props, message) => {
  expect(errorOf(() => scaled(autoscaling, props))).toContain(message);
});

test('refuses to leave the server without a pod', () => {
  const build = () =>
    synth((chart) => {
      new MlflowPlatform(chart, 'mlflow', { server: { autoscaling: { byKeda: true, minReplicas: 0 } } });
    });
  expect(errorOf(build)).toContain('autoscaling.minReplicas is 0; expected a whole number of at least 1');
});
