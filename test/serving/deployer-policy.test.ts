import { App, Chart } from 'cdk8s';
import { DeployerPolicy, MlflowPlatform, RegisteredModel } from '../../lib';
import { WRITTEN } from '../../lib/serving/deployer-policy';
import { createdAnnotation, stateAnnotation, versionLabel, versionVariable } from '../../runtime/deployer/names';
import { errorOf, find, render } from '../support/synth';

function build({ id = 'mlflow-deployer', namespace }: { id?: string; namespace?: string } = {}) {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'ml' });
  const platform = new MlflowPlatform(chart, 'mlflow');
  platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
  const own = new Chart(app, 'policy', { namespace });
  return { own, policy: new DeployerPolicy(own, id, { deployer: platform.deployer }) };
}

test('it permits what the program of the deployer writes', () => {
  expect(WRITTEN).toEqual({
    variable: versionVariable,
    label: versionLabel,
    state: stateAnnotation,
    created: createdAnnotation,
  });
});

test('it concerns the ServiceAccount of the deployer only, and denies', () => {
  const objects = render(build().own);
  const { spec } = find(objects, 'ValidatingAdmissionPolicy', 'mlflow-deployer');
  expect(spec.matchConditions).toEqual([
    { name: 'by-the-deployer', expression: "request.userInfo.username == 'system:serviceaccount:ml:mlflow-deployer'" },
  ]);
  expect(spec.failurePolicy).toBe('Fail');
  expect(find(objects, 'ValidatingAdmissionPolicyBinding', 'mlflow-deployer').spec).toEqual({
    policyName: 'mlflow-deployer',
    validationActions: ['Deny'],
  });
});

test('its objects have no namespace', () => {
  for (const { metadata } of render(build().own)) expect(metadata.namespace).toBeUndefined();
});

test('its objects have ids', () => {
  const { policy } = build();
  expect(policy.apiObject('policy').kind).toBe('ValidatingAdmissionPolicy');
  expect(policy.apiObject('binding').kind).toBe('ValidatingAdmissionPolicyBinding');
  expect(policy.node.defaultChild).toBe(policy.apiObject('policy'));
});

test('a chart with a namespace is refused', () => {
  expect(errorOf(() => build({ namespace: 'ml' }))).toContain(
    "policy/mlflow-deployer: the chart of the policy has the namespace 'ml'; expected a chart of its own without one",
  );
});

test('a name that Kubernetes refuses is refused', () => {
  expect(errorOf(() => build({ id: 'Deployer' }))).toContain(
    "the id of the policy is 'Deployer'; expected a DNS label",
  );
});
