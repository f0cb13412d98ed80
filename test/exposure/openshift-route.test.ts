import { Duration } from 'cdk8s';
import { Exposure, RouteExposureProps, RouteTermination } from '../../lib';
import { schema } from '../output/checks/schema';
import { servingObjects } from '../serving/servings';
import { find, ofKind, snapshotOf } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const host = 'mlflow.apps.example.com';
const all: Required<RouteExposureProps> = {
  host,
  path: '/mlflow',
  termination: RouteTermination.REENCRYPT,
  destinationAuthority: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  certificateSecretName: 'mlflow-tls',
  timeout: Duration.minutes(20),
  annotations: { 'example.com/owner': 'ml' },
};
const exposed = (props: RouteExposureProps) =>
  serverObjects({
    exposure: Exposure.route(props),
    ...(props.termination === RouteTermination.REENCRYPT && { tlsSecretName: 'mlflow-server-tls' }),
  });
const route = (props: RouteExposureProps) => find(exposed(props), 'Route', 'server-route');

test('a Route with only a host', () => {
  expect(snapshotOf([route({ host })])).toMatchSnapshot();
});

test('a Route with every prop', () => {
  expect(snapshotOf([route(all)])).toMatchSnapshot();
});

test.each<[string, RouteExposureProps]>([
  ['only a host', { host }],
  ['every prop', all],
  ['TLS that ends at the router', { host, termination: RouteTermination.EDGE, certificateSecretName: 'mlflow-tls' }],
  ['plain HTTP', { host, termination: RouteTermination.NONE }],
])('OpenShift accepts the Route with %s', (_what, props) => {
  expect(schema([route(props)])).toEqual([]);
});

test('leads to a port of the Service, of a server and of a serving', () => {
  for (const objects of [exposed({ host }), servingObjects({ exposure: Exposure.route({ host }) })]) {
    const [{ spec }] = ofKind(objects, 'Route');
    const { ports } = find(objects, 'Service', spec.to.name).spec;
    expect(ports.map(({ name }: any) => name)).toContain(spec.port.targetPort);
  }
});

test('the router gives a request an hour, unless it is told otherwise', () => {
  const annotation = 'haproxy.router.openshift.io/timeout';
  expect(route({ host }).metadata.annotations[annotation]).toBe('3600s');
  expect(route({ host, timeout: Duration.minutes(5) }).metadata.annotations[annotation]).toBe('300s');
  expect(route({ host, annotations: { [annotation]: '2h' } }).metadata.annotations[annotation]).toBe('2h');
});

test('clients use https, unless TLS ends elsewhere', () => {
  const configuration = (props: RouteExposureProps) =>
    find(exposed(props), 'ConfigMap', 'server-proxy').data['nginx.conf'];
  expect(configuration({ host })).toContain(`return 308 https://${host}$request_uri;`);
  expect(configuration({ host, termination: RouteTermination.NONE })).not.toContain('return 308 https');
  expect(route({ host, termination: RouteTermination.NONE }).spec).not.toHaveProperty('tls');
});

test('the router verifies the pods by an authority of your own', () => {
  expect(route(all).spec.tls).toMatchObject({
    termination: 'reencrypt',
    destinationCACertificate: all.destinationAuthority,
  });
});

describe('a Route refuses', () => {
  test.each<[string, string, Partial<RouteExposureProps>]>([
    ["host is 'a b'", 'expected only a host name', { host: 'a b' }],
    ["path is 'mlflow'", "e.g. '/mlflow'", { path: 'mlflow' }],
    ['timeout is 0.5 seconds', 'expected whole seconds', { timeout: Duration.millis(500) }],
    ["certificateSecretName is 'A b'", "e.g. 'mlflow-tls'", { certificateSecretName: 'A b' }],
    [
      'certificateSecretName is given, and termination is RouteTermination.NONE',
      'expected RouteTermination.EDGE',
      { certificateSecretName: 'mlflow-tls', termination: RouteTermination.NONE },
    ],
  ])('%s', (given, want, wrong) => {
    const message = serverError({ exposure: Exposure.route({ host, ...wrong }) });
    expect(message).toContain(`chart/server: ${given}; `);
    expect(message).toContain(want);
  });
});
