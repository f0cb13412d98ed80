import { expectExample } from './example';

const example = expectExample('external-services', {
  files: ['mlflow.k8s.yaml', 'tracking.k8s.yaml'],
  external: ['Secret/mlflow-database', 'Secret/mlflow-database-ca'],
  meant: [],
});

test('the platform with an existing database and bucket keeps no data in the cluster', () => {
  const kinds = example.objects.filter(({ metadata }) => metadata.namespace === 'mlflow').map(({ kind }) => kind);
  expect(kinds).toContain('Deployment');
  expect(kinds).not.toContain('StatefulSet');
});
