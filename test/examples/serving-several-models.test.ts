import { expectExample, objectOf } from './example';

const example = expectExample('serving-several-models', {
  files: ['mlflow.k8s.yaml', 'ml-serving.k8s.yaml', 'mlflow-monitoring.k8s.yaml'],
});

test('the deployer follows aliases, and the fixed version is in the YAML', () => {
  const { data } = objectOf(example, 'ConfigMap', 'mlflow-deployer-targets');
  expect(JSON.parse(data['targets.json']).targets.map(({ deployment }: any) => deployment)).toEqual([
    'churn-serving',
    'spam-serving',
  ]);
  const { containers } = objectOf(example, 'Deployment', 'prices-serving').spec.template.spec;
  expect(containers[0].env).toContainEqual({ name: 'MODEL_VERSION', value: '3' });
});

test('each serving has a monitor', () => {
  const monitors = example.objects.filter(({ kind }) => kind === 'ServiceMonitor').map(({ metadata }) => metadata.name);
  expect(monitors.sort()).toEqual([
    'churn-serving-metrics',
    'mlflow-deployer-metrics',
    'prices-serving-metrics',
    'spam-serving-metrics',
  ]);
});
