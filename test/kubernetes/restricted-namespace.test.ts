import { App, Chart } from 'cdk8s';
import { MlflowPlatform, RestrictedNamespace } from '../../lib';
import { errorOf, find, namesOf, snapshotOf, synth, synthWithoutNamespace } from '../support/synth';

test('the namespace of the chart, restricted', () => {
  expect(snapshotOf(synth((chart) => new RestrictedNamespace(chart, 'namespace')))).toMatchSnapshot();
});

test('Pod Security "restricted" is enforced, and told to who applies and to the audit log', () => {
  const [{ metadata }] = synth((chart) => new RestrictedNamespace(chart, 'namespace'), 'team-a');
  expect(metadata.name).toBe('team-a');
  expect(metadata.labels).toEqual({
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/audit': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  });
});

test('it lies in no namespace', () => {
  const [{ metadata }] = synth((chart) => new RestrictedNamespace(chart, 'namespace'));
  expect(metadata).not.toHaveProperty('namespace');
});

test('made first, it stands before all that lies in it: kubectl applies in the order of the file', () => {
  const objects = synth((chart) => {
    new RestrictedNamespace(chart, 'namespace');
    new MlflowPlatform(chart, 'mlflow');
  });
  expect(namesOf(objects)[0]).toBe('Namespace mlflow');
  expect(find(objects, 'Namespace', 'mlflow')).toBeDefined();
});

test('a chart without a namespace is refused', () => {
  expect(errorOf(() => synthWithoutNamespace((chart) => new RestrictedNamespace(chart, 'namespace')))).toBe(
    "chart/namespace: the chart has no namespace; expected one: new Chart(app, 'mlflow', { namespace: 'mlflow' })",
  );
});

test.each(['Team', 'team_a', '', 'a'.repeat(64)])('namespace %p is refused', (namespace) => {
  expect(errorOf(() => synth((chart) => new RestrictedNamespace(chart, 'namespace'), namespace))).toContain(
    `chart/namespace: the namespace of the chart is '${namespace}'; expected a DNS label`,
  );
});

test('two charts of one namespace that both make it are refused', () => {
  const app = new App();
  for (const id of ['a', 'b']) {
    const chart = new Chart(app, id, { namespace: 'mlflow' });
    new RestrictedNamespace(chart, 'namespace');
    new MlflowPlatform(chart, id);
  }
  expect(errorOf(() => app.synthYaml())).toContain("b/namespace/namespace: Namespace 'mlflow' is made by a/namespace");
});
