import { expectExample, objectOf } from './example';

const example = expectExample('serving-canary', {
  files: ['mlflow.k8s.yaml', 'ml-serving.k8s.yaml', 'churn-split.k8s.yaml'],
});

test('the route forwards to ports of the two Services, with weights in percent', () => {
  const { backendRefs } = objectOf(example, 'HTTPRoute', 'churn').spec.rules[0];
  for (const { name, port } of backendRefs) {
    expect(objectOf(example, 'Service', name).spec.ports.map((each: any) => each.port)).toContain(port);
  }
  expect(backendRefs.map(({ weight }: any) => weight)).toEqual([90, 10]);
});

test('the gateway’s pods may reach both servings, which follow different aliases of one model', () => {
  const targets = JSON.parse(objectOf(example, 'ConfigMap', 'mlflow-deployer-targets').data['targets.json']).targets;
  expect(targets.map(({ deployment, model, alias }: any) => [deployment, model, alias])).toEqual([
    ['churn-champion-serving', 'churn-prediction-model', 'champion'],
    ['churn-challenger-serving', 'churn-prediction-model', 'challenger'],
  ]);
  for (const { deployment } of targets) {
    const { ingress } = objectOf(example, 'NetworkPolicy', deployment).spec;
    expect(JSON.stringify(ingress)).toContain('"kubernetes.io/metadata.name":"gateway"');
  }
});
