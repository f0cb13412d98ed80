import { expectExample, objectOf } from './example';

const example = expectExample('serving-repository', {
  files: ['ml-serving.k8s.yaml'],
  external: ['Secret/mlflow-login'],
  meant: [],
});

test('the example creates nothing in the namespace of the platform', () => {
  const namespaces = example.objects.map(({ metadata }) => metadata.namespace);
  expect([...new Set(namespaces)]).toEqual([undefined, 'ml-serving']);
});

test('serving and deployer use the platform’s address and the login of the Secret', () => {
  const names = ['churn-prediction-model-serving', 'model-deployer'];
  for (const name of names) {
    const { volumes } = objectOf(example, 'Deployment', name).spec.template.spec;
    const secrets = volumes.flatMap(({ projected }: any) => projected?.sources ?? []).map(({ secret }: any) => secret);
    expect(secrets.map((secret: any) => secret?.name)).toContain('mlflow-login');
    expect(JSON.stringify(objectOf(example, 'NetworkPolicy', name).spec.egress)).toContain(
      '"kubernetes.io/metadata.name":"mlflow"',
    );
  }
  const targets = objectOf(example, 'ConfigMap', 'model-deployer-targets').data['targets.json'];
  expect(JSON.parse(targets).trackingUri).toBe('http://mlflow-server.mlflow.svc:5000');
});
