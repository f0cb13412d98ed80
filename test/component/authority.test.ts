import { readFileSync } from 'fs';
import { join } from 'path';
import { Chart } from 'cdk8s';
import {
  Authentication,
  BackupTarget,
  CertificateAuthority,
  Credentials,
  Exposure,
  HttpRouteExposureProps,
  IngressExposureProps,
  MetricsMonitor,
  MlflowPlatform,
  MlflowPlatformProps,
  PlatformServingOptions,
  RegisteredModel,
  RouteTermination,
  ServiceCertificate,
} from '../../lib';
import { schema } from '../output/checks/schema';
import { Rendered, errorOf, find, findByPrefix, ofKind, synth } from '../support/synth';

const authority = CertificateAuthority.fromConfigMap('company-ca');
const FILE = '/etc/mlflow-authority/ca.crt';

function platform(props: MlflowPlatformProps = {}, serving: Partial<PlatformServingOptions> = {}): Rendered[] {
  return synth((chart) => {
    const mlflow = new MlflowPlatform(chart, 'mlflow', props);
    mlflow.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion'), ...serving });
  });
}

const target = BackupTarget.bucket({ bucket: 'backups', credentials: Credentials.fromSecret('backup') });
const whole: MlflowPlatformProps = {
  authority,
  backup: { schedule: '0 2 * * *', target },
  garbageCollection: { schedule: '0 4 * * 6' },
  exposure: Exposure.ingress({ host: 'mlflow.example.com' }),
  authentication: Authentication.oidc({
    issuer: 'https://login.example.com',
    clientId: 'mlflow',
    credentials: Credentials.fromSecret('sso'),
  }),
};

/** Each container of the workload that has the file, with the variable that tells its program. */
function trusting(pod: Rendered): Record<string, string | undefined> {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const withFile = containers.filter(({ volumeMounts = [] }: any) =>
    volumeMounts.some(({ mountPath }: any) => mountPath === '/etc/mlflow-authority'),
  );
  return Object.fromEntries(
    withFile.map(({ name, env = [] }: any) => [name, env.find(({ value }: any) => value === FILE)?.name]),
  );
}
const template = ({ spec }: Rendered) => (spec.jobTemplate?.spec ?? spec).template;

describe('the authority of a platform', () => {
  const objects = platform(whole, { exposure: Exposure.ingress({ host: 'churn.example.com' }) });

  test.each<[string, Rendered, Record<string, string | undefined>]>([
    [
      'the server, and the sign-on beside it',
      find(objects, 'Deployment', 'mlflow-server'),
      { 'wait-for-schema': 'AUTHORITY_FILE', mlflow: 'AUTHORITY_FILE', 'oauth2-proxy': undefined },
    ],
    [
      'a serving, and its proxy',
      find(objects, 'Deployment', 'churn-serving'),
      { 'download-model': 'AUTHORITY_FILE', 'model-server': 'AUTHORITY_FILE', nginx: undefined },
    ],
    ['the deployer', find(objects, 'Deployment', 'mlflow-deployer'), { deployer: 'NODE_EXTRA_CA_CERTS' }],
    ['the migration', findByPrefix(objects, 'Job', 'mlflow-server-migration'), { migrate: 'AUTHORITY_FILE' }],
    ['rclone of the backup', find(objects, 'CronJob', 'mlflow-backup'), { rclone: 'AUTHORITY_FILE' }],
    ['rclone of the restore', find(objects, 'CronJob', 'mlflow-restore'), { rclone: 'AUTHORITY_FILE' }],
    [
      'the garbage collection',
      find(objects, 'CronJob', 'mlflow-garbage-collection'),
      { 'garbage-collection': 'AUTHORITY_FILE' },
    ],
    ['no database', find(objects, 'StatefulSet', 'mlflow-postgres'), {}],
  ])('reaches %s', (_what, workload, containers) => {
    expect(trusting(template(workload))).toEqual(containers);
  });

  test('is one file, whatever its key is called, and nothing else of its Secret', () => {
    const own = platform({ authority: CertificateAuthority.fromSecret('issuer', 'tls.crt') });
    const { volumes } = find(own, 'Deployment', 'mlflow-server').spec.template.spec;
    expect(volumes).toContainEqual({
      name: 'authority',
      secret: { secretName: 'issuer', defaultMode: 0o440, items: [{ key: 'tls.crt', path: 'ca.crt' }] },
    });
  });

  test('is told to the sign-on, which has one of its own if that is given', () => {
    const args = ({ spec }: Rendered) =>
      spec.template.spec.initContainers.find(({ name }: any) => name === 'oauth2-proxy').args;
    expect(args(find(objects, 'Deployment', 'mlflow-server'))).toContain(`--provider-ca-file=${FILE}`);
    const authentication = Authentication.oidc({
      issuer: 'https://login.example.com',
      clientId: 'mlflow',
      credentials: Credentials.fromSecret('sso'),
      authoritySecretName: 'login-ca',
    });
    const own = platform({ ...whole, authentication });
    expect(args(find(own, 'Deployment', 'mlflow-server'))).toContain(
      '--provider-ca-file=/run/secrets/oauth2-proxy/ca.crt',
    );
  });

  test('may be another one for a serving', () => {
    const own = platform({ authority }, { authority: CertificateAuthority.fromConfigMap('team-ca') });
    expect(JSON.stringify(find(own, 'Deployment', 'churn-serving'))).toContain('team-ca');
    expect(JSON.stringify(find(own, 'Deployment', 'mlflow-server'))).not.toContain('team-ca');
  });

  test('changes nothing if it is not given', () => {
    expect(JSON.stringify(platform())).not.toMatch(/mlflow-authority|NODE_EXTRA_CA_CERTS/);
  });

  test.each<[CertificateAuthority, string]>([
    [CertificateAuthority.fromSecret('A B'), "mlflow: the name of the Secret of authority is 'A B'"],
    [CertificateAuthority.fromConfigMap('a', 'a/b'), "mlflow: the key of authority is 'a/b'"],
  ])('is refused with a wrong name: %#', (wrong, message) => {
    expect(errorOf(() => platform({ authority: wrong }))).toContain(message);
  });
});

describe('TLS to the pods of the server', () => {
  const tls = { authority, server: { tlsSecretName: 'server-tls' } };
  const proxyOf = (objects: Rendered[], name: string, container = 'nginx') =>
    find(objects, 'Deployment', name).spec.template.spec.containers.find((each: any) => each.name === container);

  test('has the certificate of the Secret, and probes by https', () => {
    const objects = platform(tls);
    const nginx = proxyOf(objects, 'mlflow-server');
    expect(nginx.readinessProbe.httpGet).toEqual({ path: '/health', port: 'http', scheme: 'HTTPS' });
    expect(nginx.volumeMounts).toContainEqual({ name: 'tls', mountPath: '/run/secrets/mlflow-tls', readOnly: true });
    expect(find(objects, 'ConfigMap', 'mlflow-server-proxy').data['nginx.conf']).toContain('listen 8080 ssl;');
  });

  test('is what the deployer and the servings connect to, and what MLflow allows as an origin', () => {
    const objects = platform(tls, { exposure: Exposure.ingress({ host: 'churn.example.com' }) });
    const url = 'https://mlflow-server.mlflow.svc:5000';
    expect(find(objects, 'ConfigMap', 'mlflow-deployer-targets').data['targets.json']).toContain(url);
    expect(JSON.stringify(proxyOf(objects, 'churn-serving', 'model-server').env)).toContain(url);
    const site = find(objects, 'ConfigMap', 'churn-serving-proxy').data['nginx.conf'];
    expect(site).toContain('proxy_ssl_verify on');
    expect(site).toContain('proxy_ssl_trusted_certificate /tmp/authorities.crt;');
    expect(JSON.stringify(find(objects, 'Deployment', 'mlflow-server'))).toContain(url);
  });

  test('is told to meshes and Gateways by the port of the Service, whose name stays', () => {
    const [port] = find(platform(tls), 'Service', 'mlflow-server').spec.ports;
    expect(port).toMatchObject({ name: 'http', appProtocol: 'https', port: 5000 });
    expect(find(platform(), 'Service', 'mlflow-server').spec.ports[0]).not.toHaveProperty('appProtocol');
  });

  test('is what a Gateway verifies, by a BackendTLSPolicy', () => {
    const exposure = (props: Partial<HttpRouteExposureProps> = {}) =>
      Exposure.httpRoute({ host: 'mlflow.example.com', gateway: 'public', ...props });
    const objects = platform({ ...tls, exposure: exposure() });
    const policy = find(objects, 'BackendTLSPolicy', 'mlflow-route');
    expect(policy.spec).toEqual({
      targetRefs: [{ group: '', kind: 'Service', name: 'mlflow-server', sectionName: 'http' }],
      validation: {
        hostname: 'mlflow-server.mlflow.svc',
        caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'company-ca' }],
      },
    });
    expect(schema([policy])).toEqual([]);
    expect(ofKind(platform({ exposure: exposure() }), 'BackendTLSPolicy')).toEqual([]);
  });

  test('is what the router of OpenShift speaks, with RouteTermination.REENCRYPT', () => {
    const exposure = Exposure.route({ host: 'mlflow.example.com', termination: RouteTermination.REENCRYPT });
    expect(find(platform({ ...tls, exposure }), 'Route', 'mlflow-route').spec.tls).toEqual({
      termination: 'reencrypt',
      insecureEdgeTerminationPolicy: 'Redirect',
    });
  });

  test.each<[string, MlflowPlatformProps, Partial<PlatformServingOptions>, string]>([
    [
      'a deployer that trusts nothing',
      { server: { tlsSecretName: 'a' } },
      {},
      'has tlsSecretName, and authority is not',
    ],
    ['a wrong name', { authority, server: { tlsSecretName: 'A' } }, {}, "tlsSecretName is 'A'"],
    ['a serving without an exposure', { authority }, { tlsSecretName: 'a' }, 'tlsSecretName is given, and no exposure'],
    [
      'a Route that ends TLS at the router',
      { ...tls, exposure: Exposure.route({ host: 'mlflow.example.com' }) },
      {},
      "tlsSecretName is given, and termination of the Route is 'edge'",
    ],
    [
      'a Route that expects TLS of pods that have none',
      { exposure: Exposure.route({ host: 'mlflow.example.com', termination: RouteTermination.REENCRYPT }) },
      {},
      "termination of the Route is 'reencrypt', without tlsSecretName",
    ],
    [
      'a Gateway that cannot read the key of the authority',
      {
        authority: CertificateAuthority.fromConfigMap('company-ca', 'root.pem'),
        server: { tlsSecretName: 'a' },
        exposure: Exposure.httpRoute({ host: 'mlflow.example.com', gateway: 'public' }),
      },
      {},
      "the key of authority is 'root.pem'",
    ],
  ])('refuses %s', (_what, props, serving, message) => {
    expect(errorOf(() => platform(props, serving))).toContain(message);
  });

  test('also to the port of the exposure of a serving', () => {
    const ingress: IngressExposureProps = { host: 'churn.example.com' };
    const objects = platform({ authority }, { exposure: Exposure.ingress(ingress), tlsSecretName: 'churn-tls' });
    const nginx = proxyOf(objects, 'churn-serving');
    expect(nginx.command.slice(-3)).toEqual(['/etc/resolv.conf', FILE, 'ssl']);
    expect(nginx.readinessProbe.httpGet.scheme).toBe('HTTPS');
    const { ports } = find(objects, 'Service', 'churn-serving').spec;
    expect(ports.map(({ name, appProtocol }: any) => [name, appProtocol])).toEqual([
      ['http', undefined],
      ['login', 'https'],
    ]);
  });
});

test('a store with a certificate is reached by https, and its clients verify it', () => {
  const objects = platform({ minio: { tlsSecretName: 'minio-tls', replicas: 4 } });
  const [store] = find(objects, 'StatefulSet', 'mlflow-minio').spec.template.spec.containers;
  expect(store.args).toEqual(expect.arrayContaining(['--certs-dir', '/etc/minio-tls']));
  expect(store.args[1]).toMatch(/^https:/);
  expect(store.readinessProbe.httpGet.scheme).toBe('HTTPS');
  const [, mlflow] = find(objects, 'Deployment', 'mlflow-server').spec.template.spec.initContainers;
  expect(mlflow.env).toEqual(
    expect.arrayContaining([
      { name: 'MLFLOW_S3_ENDPOINT_URL', value: 'https://mlflow-minio.mlflow.svc:9000' },
      { name: 'AWS_CA_BUNDLE', value: '/etc/mlflow-store/ca.crt' },
    ]),
  );
  expect(JSON.stringify(findByPrefix(objects, 'Job', 'mlflow-minio-set-up'))).toContain('SSL_CERT_FILE');
});

test('the metrics of a store with a certificate are scraped by https', () => {
  const objects = synth((chart) => {
    const mlflow = new MlflowPlatform(chart, 'mlflow', { minio: { tlsSecretName: 'minio-tls', metrics: true } });
    new MetricsMonitor(chart, 'minio', { target: mlflow.artifacts as any });
  });
  const monitor = find(objects, 'ServiceMonitor', 'minio');
  expect(monitor.spec.endpoints[0]).toMatchObject({
    scheme: 'https',
    tlsConfig: { ca: { secret: { name: 'minio-tls', key: 'ca.crt' } }, serverName: 'mlflow-minio.mlflow.svc' },
  });
  expect(schema([monitor])).toEqual([]);
});

describe('ServiceCertificate', () => {
  const certificate = (
    more: object = {},
    id = 'server-tls',
    build = (chart: Chart) => new MlflowPlatform(chart, 'mlflow'),
  ) =>
    synth((chart) => {
      new ServiceCertificate(chart, id, { service: build(chart).server, issuer: 'company-ca', ...more });
    });

  test('has the names of the Service, for cert-manager', () => {
    const made = find(certificate({ dnsNames: ['mlflow.example.com'] }), 'Certificate', 'server-tls');
    expect(made.spec).toEqual({
      secretName: 'server-tls',
      duration: '7776000s',
      dnsNames: [
        'mlflow-server',
        'mlflow-server.mlflow',
        'mlflow-server.mlflow.svc',
        'mlflow-server.mlflow.svc.cluster.local',
        'mlflow.example.com',
      ],
      issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'company-ca' },
      privateKey: { rotationPolicy: 'Always' },
      usages: ['digital signature', 'key encipherment', 'server auth'],
    });
    expect(schema([made])).toEqual([]);
    expect(readFileSync(join(__dirname, '../../crds/certificates.yaml'), 'utf8')).toContain('cert-manager.io');
  });

  test.each([
    [{ issuer: 'A' }, "issuer is 'A'"],
    [{ clusterDomain: 'A' }, "clusterDomain is 'A'"],
    [{ dnsNames: ['https://a'] }, "dnsNames has 'https://a'"],
  ])('refuses %j', (props, message) => {
    expect(errorOf(() => certificate(props))).toContain(message);
  });
});
