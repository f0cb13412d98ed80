import { expectExample, objectOf } from './example';

const example = expectExample('customise', { files: ['mlflow.k8s.yaml'] });

test('the output has the changes of every patch', () => {
  expect(objectOf(example, 'Deployment', 'mlflow-server').spec.minReadySeconds).toBe(10);
  expect(objectOf(example, 'HorizontalPodAutoscaler', 'mlflow-server-hpa').spec.behavior).toEqual({
    scaleDown: { stabilizationWindowSeconds: 600 },
  });
  expect(objectOf(example, 'Ingress', 'mlflow-ingress').metadata.annotations).toEqual({
    'external-dns.alpha.kubernetes.io/ttl': '60',
  });
  const { spec } = objectOf(example, 'StatefulSet', 'mlflow-postgres').spec.template;
  expect(spec.terminationGracePeriodSeconds).toBe(300);
});
