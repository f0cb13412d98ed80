import { readFileSync } from 'fs';
import { join } from 'path';
import { EXAMPLES, expectExample, objectOf } from './example';
import { Images } from '../../lib';

const example = expectExample('serving-own-image', {
  files: ['mlflow.k8s.yaml', 'ml-serving.k8s.yaml'],
  external: ['Secret/registry-login'],
});

test('both containers of the serving run in the image', () => {
  const { initContainers, containers } = objectOf(example, 'Deployment', 'churn-prediction-model-serving').spec.template
    .spec;
  expect([...initContainers, ...containers].map(({ image }) => image)).toEqual(
    Array(2).fill('registry.example.com/team/churn-serving:1.0.0'),
  );
});

test('the Dockerfile begins with the image of the platform', () => {
  const dockerfile = readFileSync(join(EXAMPLES, 'serving-own-image/Dockerfile'), 'utf8');
  expect(dockerfile).toContain(`\nFROM ${Images.MLFLOW}\n`);
});
