import { expectFaults } from '../expect-faults';
import { workloads } from './workloads';

const COMPONENT = 'app.kubernetes.io/component';
const pod = (find: any) => find('Deployment/server').spec.template.spec;

expectFaults(workloads, [
  [
    'a selector that is not its own',
    (find) => (find('StatefulSet/postgres').spec.selector.matchLabels[COMPONENT] = 'a'),
    /does not match the labels/,
  ],
  [
    'a selector that is too wide',
    (_, objects) => {
      const deployment = objects.find(({ kind }) => kind === 'Deployment')!;
      objects.push({ ...deployment, metadata: { name: 'b' }, spec: { template: deployment.spec.template } });
      // The new StatefulSet creates pods with the labels of the old one, and selects no pods itself.
      objects.splice(0, objects.length, ...objects.filter(({ kind }) => kind !== 'PodDisruptionBudget'));
    },
    /Deployment\/server: spec.selector matches the pods of Deployment\/b too/,
  ],
  [
    'a mount of nothing',
    (find) => pod(find).containers[0].volumeMounts.push({ name: 'a', mountPath: '/a' }),
    /mounts a, which is no volume/,
  ],
  [
    'a volume that no container mounts',
    (find) => pod(find).volumes.push({ name: 'a', emptyDir: {} }),
    /volume a is mounted by no container/,
  ],
  [
    'a Service that is not headless',
    (find) => delete find('Service/postgres').spec.clusterIP && (find('StatefulSet/postgres').spec.replicas = 2),
    /must be None/,
  ],
  [
    'replicas beside an autoscaler',
    (find) => (find('Deployment/server').spec.replicas = 3),
    /replicas is 3, must be absent/,
  ],
  [
    'a budget of nothing',
    (find) => (find('PodDisruptionBudget/server').spec.selector.matchLabels[COMPONENT] = 'a'),
    /matches no pod template/,
  ],
  [
    'two budgets',
    (_, objects) =>
      objects.push({ ...objects.find(({ kind }) => kind === 'PodDisruptionBudget')!, metadata: { name: 'b' } } as any),
    /more than one budget/,
  ],
  [
    'a budget that blocks drains',
    (find) =>
      (find('PodDisruptionBudget/postgres').spec = {
        ...find('PodDisruptionBudget/postgres').spec,
        maxUnavailable: undefined,
        minAvailable: 1,
      }),
    /no node can be drained/,
  ],
]);
