import { App, Chart } from 'cdk8s';
import { MlflowPlatform, RestrictedNamespace } from '../../lib';
import { errorOf, find, namesOf, snapshotOf, synth, synthWithoutNamespace } from '../support/synth';

test('creates the namespace of the chart', () => {
  expect(snapshotOf(synth((chart) => new RestrictedNamespace(chart, 'namespace')))).toMatchSnapshot();
});

test('enforces the Pod Security Standard "restricted", with warnings and audit annotations', () => {
  const [{ metadata }] = synth((chart) => new RestrictedNamespace(chart, 'namespace'), 'team-a');
  expect(metadata.name).toBe('team-a');
  expect(metadata.labels).toEqual({
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/audit': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  });
});

test('has no namespace itself', () => {
  const [{ metadata }] = synth((chart) => new RestrictedNamespace(chart, 'namespace'));
  expect(metadata).not.toHaveProperty('namespace');
});

test('is first in the file, because kubectl applies in that order', () => {
  const objects = synth((chart) => {
    new RestrictedNamespace(chart, 'namespace');
    new MlflowPlatform(chart, 'mlflow');
  });
  expect(namesOf(objects)[0]).toBe('Namespace mlflow');
  expect(find(objects, 'Namespace', 'mlflow')).toBeDefined();
});

test('refuses a chart without a namespace', () => {
  expect(errorOf(() => synthWithoutNamespace((chart) => new RestrictedNamespace(chart, 'namespace')))).toBe(
    "chart/namespace: the chart has no namespace; expected one: new Chart(app, 'mlflow', { namespace: 'mlflow' })",
  );
});

test.each(['Team', 'team_a', '', 'a'.repeat(64)])('refuses the namespace %p', (namespace) => {
  expect(errorOf(() => synth((chart) => new RestrictedNamespace(chart, 'namespace'), namespace))).toContain(
    `chart/namespace: the namespace of the chart is '${namespace}'; expected a DNS label`,
  );
});

test('refuses two charts that create the same namespace', () => {
  const app = new App();
  for (const id of ['a', 'b']) {
    const chart = new Chart(app, id, { namespace: 'mlflow' });
    new RestrictedNamespace(chart, 'namespace');
    new MlflowPlatform(chart, id);
  }
  expect(errorOf(() => app.synthYaml())).toContain("b/namespace/namespace: Namespace 'mlflow' is made by a/namespace");
});
