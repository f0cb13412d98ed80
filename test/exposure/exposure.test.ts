import { Authentication, Credentials, Exposure, IngressController, IngressExposureProps, Tls } from '../../lib';
import { errorOf, find, ofKind, snapshotOf } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const host = 'mlflow.example.com';
const ingress = (props: IngressExposureProps) =>
  find(serverObjects({ exposure: Exposure.ingress(props as IngressExposureProps) }), 'Ingress', 'server-ingress');

const all: Required<IngressExposureProps> = {
  host,
  otherHosts: ['models.example.com'],
  path: '/mlflow',
  className: 'nginx',
  tls: Tls.fromIssuer('letsencrypt-prod'),
  controller: IngressController.haproxy(),
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
    'haproxy.org/timeout-server': '1h',
  });
});

describe('the annotations of a controller', () => {
  const controllers: [string, IngressController, Record<string, string>, Record<string, string>][] = [
    [
      'ingress-nginx',
      IngressController.nginx(),
      {
        'nginx.ingress.kubernetes.io/proxy-body-size': '0',
        'nginx.ingress.kubernetes.io/proxy-request-buffering': 'off',
        'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600',
        'nginx.ingress.kubernetes.io/proxy-send-timeout': '3600',
        'nginx.ingress.kubernetes.io/proxy-buffer-size': '16k',
      },
      { 'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS' },
    ],
    [
      'the AWS Load Balancer Controller',
      IngressController.awsLoadBalancer(),
      {
        'alb.ingress.kubernetes.io/target-type': 'ip',
        'alb.ingress.kubernetes.io/load-balancer-attributes': 'idle_timeout.timeout_seconds=3600',
        'alb.ingress.kubernetes.io/healthcheck-path': '/health',
      },
      {
        'alb.ingress.kubernetes.io/backend-protocol': 'HTTPS',
        'alb.ingress.kubernetes.io/healthcheck-protocol': 'HTTPS',
      },
    ],
    [
      'HAProxy',
      IngressController.haproxy(),
      { 'haproxy.org/timeout-server': '1h' },
      { 'haproxy.org/server-ssl': 'true' },
    ],
    [
      'the Application Gateway',
      IngressController.azureApplicationGateway(),
      {
        'appgw.ingress.kubernetes.io/request-timeout': '3600',
        'appgw.ingress.kubernetes.io/health-probe-path': '/health',
      },
      { 'appgw.ingress.kubernetes.io/backend-protocol': 'https' },
    ],
  ];

  test.each(controllers)('let long and large uploads pass %s', (_, controller, plain) => {
    expect(ingress({ host, controller }).metadata.annotations).toEqual(plain);
  });

  test.each(controllers)('use https to pods with a certificate behind %s', (_, controller, plain, https) => {
    const exposure = Exposure.ingress({ host, controller });
    const objects = serverObjects({ exposure, tlsSecretName: 'server-tls' });
    expect(find(objects, 'Ingress', 'server-ingress').metadata.annotations).toEqual({ ...plain, ...https });
  });

  test('are replaced by those of the user', () => {
    const own = { 'nginx.ingress.kubernetes.io/proxy-body-size': '10g' };
    const { annotations } = ingress({ host, controller: IngressController.nginx(), annotations: own }).metadata;
    expect(annotations).toMatchObject({ ...own, 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' });
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
    [{ host, otherHosts: ['a.example.com/x'] }, "otherHosts is 'a.example.com/x'", name],
    [{ host, otherHosts: [host] }, `the hosts of the Ingress are '${host}', '${host}'`, 'expected each host once'],
    ...['mlflow', '/mlflow/', '/', '/Mlflow', '/a//b', '/a b', '/../api', `/${'a'.repeat(64)}`].map(
      (path): [Partial<IngressExposureProps>, string, string] => [
        { host, path },
        `path is '${path}'`,
        "e.g. '/mlflow'",
      ],
    ),
    [{ host, path: '/api/mlflow' }, "path is '/api/mlflow'", "MLflow has pages of its own below '/api'"],
  ])('%j', (props, given, want) => {
    expect(serverError({ exposure: Exposure.ingress(props as IngressExposureProps) })).toContain(
      `chart/server: ${given}; `,
    );
    expect(serverError({ exposure: Exposure.ingress(props as IngressExposureProps) })).toContain(want);
  });
});

describe('further hosts', () => {
  const server = serverObjects({ exposure: Exposure.ingress(all) });

  test('have a rule each, and the certificate is for all of them', () => {
    const { spec } = find(server, 'Ingress', 'server-ingress');
    expect(spec.rules.map(({ host: name }: any) => name)).toEqual([host, 'models.example.com']);
    expect(spec.tls[0].hosts).toEqual([host, 'models.example.com']);
  });

  test('are hosts and origins that MLflow allows', () => {
    const { containers, initContainers } = find(server, 'Deployment', 'server').spec.template.spec;
    const { env } = [...containers, ...initContainers].find(({ name }: any) => name === 'mlflow');
    const value = (name: string) => env.find((variable: any) => variable.name === name).value.split(',');
    expect(value('MLFLOW_SERVER_ALLOWED_HOSTS')).toEqual(expect.arrayContaining([host, 'models.example.com']));
    expect(value('MLFLOW_SERVER_CORS_ALLOWED_ORIGINS')).toContain('https://models.example.com');
  });

  test('are redirected to https each to itself', () => {
    const text = find(server, 'ConfigMap', 'server-proxy').data['nginx.conf'];
    expect(text).toContain(`'http:${host}' 1; 'http:models.example.com' 1; default 0;`);
    expect(text).toContain('return 308 https://$host$request_uri;');
  });

  test('are refused with single sign-on, which leads back to one host', () => {
    const authentication = Authentication.oidc({
      issuer: 'https://login.example.com',
      clientId: 'mlflow',
      credentials: Credentials.fromSecret('sso'),
    });
    expect(serverError({ authentication, exposure: Exposure.ingress(all) })).toContain(
      "chart/server: authentication is Authentication.oidc(…), and otherHosts of the exposure are 'models.example.com'; expected no otherHosts",
    );
  });
});

test('nginx redirects plain http only with a certificate', () => {
  const configuration = (props: IngressExposureProps) =>
    find(serverObjects({ exposure: Exposure.ingress(props) }), 'ConfigMap', 'server-proxy').data['nginx.conf'];
  expect(configuration({ host, tls: all.tls })).toContain(`return 308 https://${host}$request_uri;`);
  expect(configuration({ host })).not.toContain('308');
});
