import { join } from 'path';
import { parseManifests } from './output/manifests';
import { ROOT, filesOf, written } from './support/run';

const main = join(ROOT, 'main.ts');
const files = written(main);

test('main.ts writes files for any cluster, and one for the Prometheus Operator', () => {
  expect(Object.keys(files).sort()).toEqual(['ml-serving.k8s.yaml', 'mlflow-monitoring.k8s.yaml', 'mlflow.k8s.yaml']);
  const kinds = (file: string) => [...new Set(parseManifests(files[file]).map(({ kind }) => kind))];
  expect(kinds('mlflow-monitoring.k8s.yaml')).toEqual(['ServiceMonitor']);
  expect(kinds('mlflow.k8s.yaml')).not.toContain('ServiceMonitor');
});

test('dist/ is equal to what main.ts writes', () => {
  expect(filesOf(join(ROOT, 'dist'))).toEqual(files);
});

test.each(['mlflow', 'ml-serving'])('the first object of %s is the namespace of all others', (name) => {
  const [first, ...others] = parseManifests(files[`${name}.k8s.yaml`]);
  expect([first.kind, first.metadata.name]).toEqual(['Namespace', name]);
  expect(others.filter(({ metadata }) => metadata.namespace !== name)).toEqual([]);
});

// The seed's deployer finds the Deployment by its name, its labels and its container.
test("the serving has the name and the port of the seed's", () => {
  const { metadata, spec } = parseManifests(files['ml-serving.k8s.yaml']).find(({ kind }) => kind === 'Deployment')!;
  expect([metadata.name, metadata.labels?.app]).toEqual(Array(2).fill('churn-prediction-model-serving'));
  const [container] = spec.template.spec.containers;
  expect([container.name, container.ports[0].containerPort]).toEqual(['model-server', 8080]);
  expect(container.resources).toMatchObject({
    requests: { cpu: '500m', memory: '1Gi' },
    limits: { cpu: '2', memory: '4Gi' },
  });
});
