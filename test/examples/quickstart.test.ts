import { readFileSync } from 'fs';
import { join } from 'path';
import { EXAMPLES, expectExample } from './example';
import { ROOT } from '../support/run';

expectExample('quickstart', { files: ['mlflow.k8s.yaml'] });

test('is the app that the README of the library shows, but for the name that it does not need', () => {
  const app = "new MlflowPlatform(chart, 'mlflow');";
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').replace(`const mlflow = ${app}`, app);
  expect(readme).toContain(readFileSync(join(EXAMPLES, 'quickstart/main.ts'), 'utf8'));
});
