import { target } from './seen';
import { problemsOfTargets } from '../../../runtime/deployer/targets';

const right = { pollSeconds: 5, trackingUri: 'http://mlflow-server:5000', targets: [target] };
const { alias: _, ...nothing } = target;

test('accepts the targets that the constructs write', () => {
  expect(problemsOfTargets(right)).toEqual([]);
  expect(problemsOfTargets({ ...right, trackingUri: 'https://mlflow.example.com/base' })).toEqual([]);
  expect(problemsOfTargets({ ...right, targets: [] })).toEqual([]);
  expect(problemsOfTargets({ ...right, targets: [{ ...nothing, stage: 'Production' }] })).toEqual([]);
});

test.each<[string, unknown, string]>([
  ['no object', 7, 'expected an object with pollSeconds, trackingUri and targets'],
  ['no list', { ...right, targets: {} }, 'expected an object'],
  ['no pause', { ...right, pollSeconds: 0 }, 'pollSeconds is 0; expected a number from 1 to 3600'],
  ['no URL', { ...right, trackingUri: 'mlflow:5000' }, 'trackingUri is none'],
  ['a password in the URL', { ...right, trackingUri: 'http://a:b@mlflow' }, 'without a login'],
  ['a target that is none', { ...right, targets: [null] }, 'targets[0] is null; expected an object'],
  ['no model', { ...right, targets: [{ ...target, model: ' ' }] }, 'targets[0].model is " "'],
  ['a name that is none', { ...right, targets: [{ ...target, namespace: 'A_b' }] }, 'targets[0].namespace is "A_b"'],
  ['nothing to follow', { ...right, targets: [nothing] }, 'targets[0] follows nothing; expected alias or stage'],
  ['two to follow', { ...right, targets: [{ ...target, stage: 'Production' }] }, 'targets[0] follows two'],
  ['a misspelt field', { ...right, targets: [{ ...target, alais: 'x' }] }, 'targets[0] gives "alais"'],
  ['one Deployment twice', { ...right, targets: [target, target] }, '"ml-serving/churn-serving" is there twice'],
])('refuses targets with %s', (_case, input, problem) => {
  expect(problemsOfTargets(input).join('\n')).toContain(problem);
});
