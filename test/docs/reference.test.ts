import { join } from 'path';
import { referencePages } from '../../docs/generate/pages';
import { ROOT, filesOf } from '../support/run';

test('docs/reference/ is equal to the output of `npm run docs:reference`', () => {
  expect(filesOf(join(ROOT, 'docs', 'reference'))).toEqual(referencePages());
});

test('the reference has the ports, users, Secrets, rights and variables of the platform', () => {
  const pages = referencePages();
  const row = (page: string, ...parts: string[]) =>
    expect(pages[page].split('\n').filter((line) => parts.every((part) => line.includes(part)))).not.toEqual([]);
  row('ports.md', 'Deployment `mlflow-server`', '`nginx`', '8080', '`mlflow-server:5000`');
  row('users.md', 'StatefulSet `mlflow-postgres`', '999');
  row(
    'secrets.md',
    '`mlflow/mlflow-s3-secret`',
    '`AWS_ACCESS_KEY_ID`: generated (access-key)',
    'Job `mlflow-minio-set-up-<hash>`',
  );
  row('network-policies.md', '`mlflow/mlflow-postgres`', 'Deployment `mlflow-server` on 5432', '| no destination |');
  row('service-accounts.md', '`mlflow/mlflow-deployer`', '| yes |', 'get, patch deployments');
  row('claims.md', '`postgres-data-mlflow-postgres-0`', '50Gi');
  row('labels.md', 'Deployment `mlflow-server`', '`app.kubernetes.io/component: server`', '`app: mlflow-server`');
  row('environment.md', '`PGHOST`', '`mlflow-postgres`');
  row('tracking-server.md', '`ingress`', 'Ingress `mlflow-ingress`', 'with an option');
  row('model-serving.md', '`route`', 'HTTPRoute `churn-serving-route`', 'with an option');
});

// With a hash, each edit of a program would change the pages.
test('the reference contains neither hashes nor texts of programs', () => {
  const text = Object.values(referencePages()).join('\n');
  expect(text).not.toMatch(/-[0-9a-f]{8}`/);
  expect(text).not.toMatch(/config-hash: [0-9a-f]{16}/);
  expect(text).not.toContain('import os');
});
