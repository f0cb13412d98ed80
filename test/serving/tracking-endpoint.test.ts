import { servingObjects } from './servings';
import { Credentials, EgressRule, Exposure, TrackingEndpoint } from '../../lib';
import { find } from '../support/synth';

/**
 * The destinations that the policy of a serving allows for a tracking server at this URL: `<peer> <port>`. DNS is left out.
 */
function opened(url: string, egress?: EgressRule[]): string[] {
  const objects = servingObjects({ tracking: TrackingEndpoint.fromUrl(url, { egress }) });
  const rules: any[] = find(objects, 'NetworkPolicy', 'churn-serving').spec.egress;
  return rules
    .filter(({ ports }) => !ports.some(({ port }: any) => port === 53))
    .flatMap(({ to, ports }) => ports.map(({ port }: any) => `${to ? peerOf(to[0]) : 'anyone'} ${port}`));
}

function peerOf({ namespaceSelector, podSelector }: any): string {
  return namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] ?? (podSelector ? 'own namespace' : '?');
}

describe('policies use the port of the pods, 8080, behind', () => {
  test.each([
    ['http://mlflow-server.mlflow.svc:5000', ['mlflow 5000', 'mlflow 8080']],
    ['http://mlflow-server.mlflow.svc.cluster.local:5000', ['mlflow 5000', 'mlflow 8080']],
    ['http://mlflow-server.mlflow.svc.cluster.local.:5000', ['mlflow 5000', 'mlflow 8080']],
    ['http://mlflow-server.mlflow.svc:8080', ['mlflow 8080']],
  ])('%s, only in its namespace', (url, expected) => {
    expect(opened(url)).toEqual(expected);
  });

  // These names can be on the Internet, or in the domain of the nodes.
  test.each([
    ['http://mlflow-server.mlflow:5000', ['mlflow 5000', 'mlflow 8080', 'anyone 5000']],
    ['http://mlflow-server.mlflow.svc.k8s.example.com:5000', ['mlflow 5000', 'mlflow 8080', 'anyone 5000']],
    ['http://mlflow-server:5000', ['own namespace 5000', 'own namespace 8080', 'anyone 5000']],
  ])('%s, and the URL’s port elsewhere', (url, expected) => {
    expect(opened(url)).toEqual(expected);
  });
});

test.each([
  ['https://mlflow.example.com', ['anyone 443']],
  ['http://mlflow.ml.example.com:5000', ['anyone 5000']],
  ['http://10.1.2.3:5000', ['anyone 5000']],
  // With a dot at the end, no search domain is added, so it is not the name of a Service.
  ['http://mlflow.internal.:5000', ['anyone 5000']],
  ['http://mlflow.:5000', ['anyone 5000']],
])('policies allow only the port of the URL for an external host: %s', (url, expected) => {
  expect(opened(url)).toEqual(expected);
});

test('a host that ends with a dot is resolved with it, and requested without it', () => {
  const credentials = Credentials.fromSecret('login');
  const objects = servingObjects({
    tracking: TrackingEndpoint.fromUrl('http://mlflow.internal.:5000', { credentials }),
    exposure: Exposure.ingress({ host: 'churn.example.com' }),
  });
  const { containers } = find(objects, 'Deployment', 'churn-serving').spec.template.spec;
  const nginx = containers.find(({ name }: any) => name === 'nginx');
  expect(nginx.command.slice(-2)).toEqual(['mlflow.internal.', '5000']);
  const { data } = find(objects, 'ConfigMap', 'churn-serving-proxy');
  expect(data['nginx.conf']).toContain('proxy_set_header Host mlflow.internal:5000;');
});

test('the option egress replaces the rules that follow from the URL', () => {
  const egress = [{ peer: { namespaceLabels: { 'kubernetes.io/metadata.name': 'ml' } }, port: 9999 }];
  expect(opened('http://mlflow-server.mlflow:5000', egress)).toEqual(['ml 9999']);
});
