import { Exposure, IngressExposureProps, Tls } from '../../lib';
import { errorOf, find, ofKind, snapshotOf } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const host = 'mlflow.example.com';
const ingress = (props: IngressExposureProps) =>
  find(serverObjects({ exposure: Exposure.ingress(props as IngressExposureProps) }), 'Ingress', 'server-ingress');

const all: Required<IngressExposureProps> = {
  host,
  className: 'nginx',
  tls: Tls.fromIssuer('letsencrypt-prod'),
  annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '0' },
};

test('an Ingress with only a host', () => {
  expect(snapshotOf([ingress({ host })])).toMatchSnapshot();
});

test('an Ingress with every prop', () => {
  expect(snapshotOf([ingress(all)])).toMatchSnapshot();
});

test('without an exposure no Ingress or route exists', () => {
  const objects = serverObjects({ exposure: Exposure.none() });
  expect(ofKind(objects, 'Ingress')).toEqual([]);
  expect(ofKind(objects, 'Service').map(({ spec }) => spec.type ?? 'ClusterIP')).toEqual(['ClusterIP', 'ClusterIP']);
  expect(serverObjects()).toEqual(objects);
});

test('the Ingress forwards to an existing port of an existing Service', () => {
  const { service } = ingress({ host }).spec.rules[0].http.paths[0].backend;
  const { ports } = find(serverObjects(), 'Service', service.name).spec;
  expect(ports.map(({ name }: any) => name)).toContain(service.port.name);
});

test('the cluster’s default class is used if none is given', () => {
  expect(ingress({ host }).spec).not.toHaveProperty('ingressClassName');
  expect(ingress({ host, className: 'traefik' }).spec.ingressClassName).toBe('traefik');
});

test('annotations of the user are merged with those of the certificate and take precedence', () => {
  const { annotations } = ingress({
    ...all,
    annotations: { ...all.annotations, 'cert-manager.io/cluster-issuer': 'own' },
  }).metadata;
  expect(annotations).toEqual({
    'nginx.ingress.kubernetes.io/proxy-body-size': '0',
    'cert-manager.io/cluster-issuer': 'own',
  });
});

test('without annotations the field is omitted', () => {
  expect(ingress({ host }).metadata).not.toHaveProperty('annotations');
});

test.each([{}, { tls: Tls.fromSecret('certificate') }])('refuses an Ingress without a host: %j', (props) => {
  expect(errorOf(() => Exposure.ingress(props as IngressExposureProps))).toContain(
    "Exposure.ingress: host is undefined; expected a host name, e.g. 'mlflow.example.com'",
  );
});

describe('an exposure refuses', () => {
  const name = "expected only a host name, in lower case, without scheme, port or path, e.g. 'mlflow.example.com'";
  test.each<[Partial<IngressExposureProps>, string, string]>([
    [{ host: 'https://mlflow.example.com' }, "host is 'https://mlflow.example.com'", name],
    [{ host: 'mlflow.example.com:8443' }, "host is 'mlflow.example.com:8443'", name],
    [{ host: 'mlflow.example.com/ui' }, "host is 'mlflow.example.com/ui'", name],
    [{ host: 'MLflow.example.com' }, "host is 'MLflow.example.com'", name],
    [{ host: 'mlflow.example.com.' }, "host is 'mlflow.example.com.'", name],
    [{ host: 'ml_flow.example.com' }, "host is 'ml_flow.example.com'", name],
    [{ host: '-mlflow.example.com' }, "host is '-mlflow.example.com'", name],
    [{ host: `${'a'.repeat(64)}.example.com` }, `host is '${'a'.repeat(64)}.example.com'`, name],
    [{ host: '' }, "host is ''", name],
    // Kubernetes accepts no IP addresses there.
    [{ host: '192.168.1.10' }, "host is '192.168.1.10'", name],
    [{ host, className: '' }, "className is ''", "or leave it out for the cluster's default"],
  ])('%j', (props, given, want) => {
    expect(serverError({ exposure: Exposure.ingress(props as IngressExposureProps) })).toContain(
      `chart/server: ${given}; `,
    );
    expect(serverError({ exposure: Exposure.ingress(props as IngressExposureProps) })).toContain(want);
  });
});

test('nginx redirects plain http only with a certificate', () => {
  const configuration = (props: IngressExposureProps) =>
    find(serverObjects({ exposure: Exposure.ingress(props) }), 'ConfigMap', 'server-proxy').data['nginx.conf'];
  expect(configuration(all)).toContain(`return 308 https://${host}$request_uri;`);
  expect(configuration({ host })).not.toContain('308');
});
