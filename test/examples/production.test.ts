import { expectExample } from './example';

const secrets = [
  'mlflow-people',
  'mlflow-postgres-superuser',
  'mlflow-postgres-role',
  'mlflow-postgres-tls',
  'mlflow-minio-root',
  'mlflow-minio-key',
  'mlflow-keys',
  'mlflow-backup-target',
  'mlflow-backup-key',
];

const example = expectExample('production', {
  files: ['mlflow.k8s.yaml', 'mlflow-monitoring.k8s.yaml'],
  external: secrets.map((name) => `Secret/${name}`),
});

test('the production example creates no Secret, and its README names each that it needs', () => {
  expect(example.objects.filter(({ metadata }) => metadata.name.startsWith('mlflow-credentials'))).toEqual([]);
  for (const secret of secrets) expect(example.readme).toContain(`\`${secret}\``);
});
