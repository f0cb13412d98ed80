import fc from 'fast-check';
import { iso, start, target, v } from './seen';
import { look, patch } from '../../../runtime/deployer/deployment';
import { readState, type State, writeState } from '../../../runtime/deployer/state';

const state: State = { ...v(4), phase: 'rolling', since: iso(start), good: v(3) };
const variable = (value: string) => [
  { name: 'OTHER', value: 'x' },
  { name: 'MODEL_VERSION', value },
];

function stored(change: (object: any) => void = () => undefined): any {
  const object = {
    kind: 'Deployment',
    metadata: {
      ...{ name: target.deployment, namespace: target.namespace, uid: 'u', resourceVersion: '9', generation: 4 },
      annotations: { 'cdk8s-mlflow/deployer': writeState(state) },
    },
    spec: {
      ...{ replicas: 3, progressDeadlineSeconds: 300 },
      template: {
        metadata: { annotations: { 'cdk8s-mlflow/model-version-created': '4000' } },
        spec: {
          initContainers: [{ name: 'download-model', env: variable('4') }],
          containers: [{ name: 'beside' }, { name: 'model-server', env: variable('4') }],
        },
      },
    },
    status: {
      ...{ observedGeneration: 4, replicas: 4, updatedReplicas: 1, availableReplicas: 3 },
      conditions: [
        {
          ...{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' },
          lastUpdateTime: '2026-11-24T12:00:00Z',
        },
        { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' },
      ],
    },
  };
  change(object);
  return object;
}

test('reads the version, the state and the rollout of a Deployment', () => {
  expect(look(stored(), target)).toEqual({
    ...{ uid: 'u', resourceVersion: '9', template: v(4), state },
    rollout: {
      ...{ observed: true, desired: 3, updated: 1, total: 4, available: 3, deadlineSeconds: 300 },
      ...{ timedOut: true, progressAt: start, refused: 'exceeded quota' },
    },
  });
});

test.each<[string, (object: any) => void, object]>([
  ['not observed yet', (o) => (o.metadata.generation = 5), { rollout: { observed: false } }],
  ['without a status', (o) => delete o.status, { rollout: { observed: false, updated: 0, timedOut: false } }],
  ['with two versions', (o) => (o.spec.template.spec.initContainers[0].env = variable('3')), { template: undefined }],
  ['without a version', (o) => delete o.spec.template.spec.containers[1].env, { template: undefined }],
  ['of no number', (o) => (o.spec.template.spec.containers[1].env = variable('$(x)')), { template: undefined }],
  ['with a state that is none', (o) => (o.metadata.annotations['cdk8s-mlflow/deployer'] = '{'), { state: undefined }],
  ['being deleted', (o) => (o.metadata.deletionTimestamp = 'now'), { hands: { off: 'leaving' } }],
  ['paused', (o) => (o.spec.paused = true), { hands: { off: 'paused' } }],
  ['without the container', (o) => o.spec.template.spec.containers.pop(), { hands: { off: 'shapeless' } }],
  ['without the init container', (o) => delete o.spec.template.spec.initContainers, { hands: { off: 'shapeless' } }],
])('reads a Deployment %s', (_, change, expected) => {
  expect(look(stored(change), target)).toMatchObject(expected);
});

test.each<[string, (object: any) => void]>([
  ['of another name', (o) => (o.metadata.name = 'other')],
  ['of another namespace', (o) => (o.metadata.namespace = 'other')],
  ['of another kind', (o) => (o.kind = 'Status')],
  ['without a resourceVersion', (o) => delete o.metadata.resourceVersion],
  ['without a template', (o) => delete o.spec.template],
])('ignores an object %s', (_, change) => expect(look(stored(change), target)).toBeUndefined());

test('ignores any other object without an error', () => {
  fc.assert(fc.property(fc.jsonValue(), (body) => look(body, target) === undefined));
  const paths = ['spec', 'status'] as const;
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      look(
        stored((object) => (object[path] = value)),
        target,
      );
      look(
        stored((object) => (object.spec.template.spec = value)),
        target,
      );
      look(
        stored((object) => (object.status.conditions = value)),
        target,
      );
    }),
  );
});

test('the patch has only its own fields, with uid and resourceVersion of the object', () => {
  expect(patch(target, look(stored(), target)!, state)).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...{ name: 'churn-serving', namespace: 'ml-serving', uid: 'u', resourceVersion: '9' },
      labels: { 'model-version': '4' },
      annotations: { 'cdk8s-mlflow/deployer': writeState(state) },
    },
    spec: {
      template: {
        metadata: {
          labels: { 'model-version': '4' },
          annotations: { 'cdk8s-mlflow/model-version-created': '4000' },
        },
        spec: {
          containers: [{ name: 'model-server', env: [{ name: 'MODEL_VERSION', value: '4' }] }],
          initContainers: [{ name: 'download-model', env: [{ name: 'MODEL_VERSION', value: '4' }] }],
        },
      },
    },
  });
});

describe('the state in the annotation', () => {
  const full: State = {
    ...state,
    failed: { ...v(5), reason: 'no "module"' },
    tags: { 5: { outcome: 'failed: x', at: iso(start) } },
  };
  test('is read as written', () => expect(readState(writeState(full))).toEqual(full));

  test.each(['', 'null', '[]', '7', '{}', ...Object.keys(full).map((key) => JSON.stringify({ ...full, [key]: 'x' }))])(
    '%s is read as no state',
    (text) => expect(readState(text)).toBeUndefined(),
  );

  test('any other value is read as no state', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (text, value) => !readState(text) && !readState(JSON.stringify(value))),
    );
  });
});
