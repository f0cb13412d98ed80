import { join } from 'path';
import { parseManifests } from './output/manifests';
import { ROOT, filesOf, written } from './support/run';

const main = join(ROOT, 'main.ts');
const files = written(main);

test('main.ts writes one file for any cluster and one for the Prometheus Operator', () => {
  expect(Object.keys(files).sort()).toEqual(['mlflow-monitoring.k8s.yaml', 'mlflow.k8s.yaml']);
  const kinds = (file: string) => [...new Set(parseManifests(files[file]).map(({ kind }) => kind))];
  expect(kinds('mlflow-monitoring.k8s.yaml')).toEqual(['ServiceMonitor']);
  expect(kinds('mlflow.k8s.yaml')).not.toContain('ServiceMonitor');
});

test('dist/ is what main.ts writes', () => {
  expect(filesOf(join(ROOT, 'dist'))).toEqual(files);
});

test('the first object is the namespace, so that one apply makes everything', () => {
  const [first, ...others] = parseManifests(files['mlflow.k8s.yaml']);
  expect([first.kind, first.metadata.name]).toEqual(['Namespace', 'mlflow']);
  expect(others.filter(({ metadata }) => metadata.namespace !== 'mlflow')).toEqual([]);
});
