import { Duration } from 'cdk8s';
import {
  Exposure,
  IpFamily,
  IpFamilyPolicy,
  RegisteredModel,
  MlflowPlatform,
  ServerServiceOptions,
  ServiceType,
} from '../../lib';
import { servingError, servingObjects } from '../serving/servings';
import { find, synth } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const serviceOf = (service: ServerServiceOptions) => find(serverObjects({ service }), 'Service', 'server');

test('without options the Service is as before', () => {
  expect(serviceOf({})).toEqual(find(serverObjects(), 'Service', 'server'));
  expect(serviceOf({}).spec).toEqual({
    type: 'ClusterIP',
    selector: expect.anything(),
    ports: [{ name: 'http', port: 5000, targetPort: 'http' }],
  });
});

test('a load balancer', () => {
  const { metadata, spec } = serviceOf({
    type: ServiceType.LOAD_BALANCER,
    annotations: { 'example.com/internal': 'true' },
    nodePort: 30500,
    loadBalancerClass: 'service.k8s.aws/nlb',
    loadBalancerSourceRanges: ['10.0.0.0/8'],
    keepClientAddress: true,
  });
  expect(metadata.annotations).toEqual({ 'example.com/internal': 'true' });
  expect(spec).toMatchObject({
    type: 'LoadBalancer',
    loadBalancerClass: 'service.k8s.aws/nlb',
    loadBalancerSourceRanges: ['10.0.0.0/8'],
    externalTrafficPolicy: 'Local',
    ports: [{ port: 5000, nodePort: 30500 }],
  });
});

test('both families of addresses, and connections that stay', () => {
  const { spec } = serviceOf({
    ipFamilyPolicy: IpFamilyPolicy.PREFER_DUAL_STACK,
    ipFamilies: [IpFamily.IPV6, IpFamily.IPV4],
    sessionAffinity: Duration.hours(3),
  });
  expect(spec).toMatchObject({
    ipFamilyPolicy: 'PreferDualStack',
    ipFamilies: ['IPv6', 'IPv4'],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
  });
});

test('another port is in the URL, the exposure and what servings and the deployer use', () => {
  const objects = synth((chart) => {
    const platform = new MlflowPlatform(chart, 'mlflow', {
      exposure: Exposure.httpRoute({ host: 'mlflow.example.com', gateway: 'public' }),
      server: { service: { port: 80 } },
    });
    expect(platform.server.url).toMatch(/:80$/);
    platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion'), service: { port: 80 } });
  });
  expect(find(objects, 'HTTPRoute', 'mlflow-route').spec.rules[0].backendRefs[0].port).toBe(80);
  expect(find(objects, 'Service', 'churn-serving').spec.ports[0]).toMatchObject({ port: 80, targetPort: 'http' });
  expect(JSON.stringify(objects)).not.toContain(':5000"');
  // A browser leaves out the port of its scheme.
  expect(JSON.stringify(objects)).toContain('http://mlflow-server,');
});

test('the monitors’ Service is not changed', () => {
  const metrics = (service: ServerServiceOptions) => find(serverObjects({ service }), 'Service', 'server-metrics');
  expect(metrics({ type: ServiceType.NODE_PORT, annotations: { a: 'b' } })).toEqual(metrics({}));
});

describe('a Service refuses', () => {
  test.each<[string, string, ServerServiceOptions]>([
    ['service.port is 65536', 'from 1 to 65535', { port: 65536 }],
    [
      'service.nodePort is given, and the type of the Service is ClusterIP',
      'expected ServiceType.NODE_PORT',
      { nodePort: 30000 },
    ],
    [
      'service.loadBalancerSourceRanges is given, and the type of the Service is NodePort',
      'expected ServiceType.LOAD_BALANCER',
      { type: ServiceType.NODE_PORT, loadBalancerSourceRanges: ['10.0.0.0/8'] },
    ],
    [
      "service.loadBalancerSourceRanges is '10.0.0.0'",
      'in CIDR notation',
      { type: ServiceType.LOAD_BALANCER, loadBalancerSourceRanges: ['10.0.0.0'] },
    ],
    [
      "service.loadBalancerClass is 'a b'",
      "e.g. 'service.k8s.aws/nlb'",
      { type: ServiceType.LOAD_BALANCER, loadBalancerClass: 'a b' },
    ],
    [
      'service.keepClientAddress is given, and the type of the Service is ClusterIP',
      'or no keepClientAddress',
      { keepClientAddress: true },
    ],
    ['service.sessionAffinity is 90000 seconds', 'from 1 to 86400', { sessionAffinity: Duration.hours(25) }],
    ['service.ipFamilies is []', 'expected one or both families', { ipFamilies: [] }],
    [
      'service.ipFamilies has two families, and ipFamilyPolicy is SingleStack',
      'expected IpFamilyPolicy.PREFER_DUAL_STACK',
      { ipFamilies: [IpFamily.IPV4, IpFamily.IPV6] },
    ],
  ])('%s', (given, want, service) => {
    expect(serverError({ service })).toContain(`${given}; `);
    expect(serverError({ service })).toContain(want);
  });
});

describe('the Service of a serving', () => {
  test('has annotations, and is otherwise as before', () => {
    const { metadata, spec } = find(
      servingObjects({ service: { annotations: { a: 'b' } } }),
      'Service',
      'churn-serving',
    );
    expect(metadata.annotations).toEqual({ a: 'b' });
    expect(spec).toEqual(find(servingObjects(), 'Service', 'churn-serving').spec);
  });

  test('refuses wrong options, and the port of the login', () => {
    const exposure = Exposure.ingress({ host: 'churn.example.com' });
    expect(servingError({ service: { port: 0 } })).toContain('service.port is 0; expected a whole number');
    expect(servingError({ exposure, service: { port: 8081 } })).toContain(
      'service.port is 8081; expected another port',
    );
    // There is no login without an exposure.
    expect(find(servingObjects({ service: { port: 8081 } }), 'Service', 'churn-serving').spec.ports[0].port).toBe(8081);
  });
});
