import { readFileSync } from 'fs';
import { join } from 'path';
import { EXAMPLES, expectExample } from './example';
import { ROOT } from '../support/run';

expectExample('quickstart', { files: ['mlflow.k8s.yaml'] });

test("the quickstart example is equal to the app of the library's README, except for an unused name", () => {
  const app = "new MlflowPlatform(chart, 'mlflow');";
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').replace(`const mlflow = ${app}`, app);
  expect(readme).toContain(readFileSync(join(EXAMPLES, 'quickstart/main.ts'), 'utf8'));
});
