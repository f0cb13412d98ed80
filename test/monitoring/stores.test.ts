import { App, Chart } from 'cdk8s';
import {
  MetricsMonitor,
  MinioStore,
  MinioStoreProps,
  PostgresStatefulSet,
  PostgresStatefulSetProps,
  SeaweedStore,
} from '../../lib';
import { minio, postgres, seaweed } from '../support/components';
import { Rendered, errorOf, find, findByPrefix, ofKind, render } from '../support/synth';

const serving = () => new Chart(new App(), 'chart', { namespace: 'mlflow' });
const fromMonitoring = (port: number) => ({
  from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
  ports: [{ port, protocol: 'TCP' }],
});
const rulesFor = (policy: Rendered, port: number) =>
  (policy.spec.ingress as Rendered[]).filter((rule) => rule.ports.some((each: Rendered) => each.port === port));

/** Returns the monitor of a target, and the Services that it selects. */
function monitored(build: (chart: Chart) => MinioStore | PostgresStatefulSet | SeaweedStore) {
  const chart = serving();
  const monitors = new Chart(chart.node.root as App, 'monitors');
  new MetricsMonitor(monitors, 'metrics', { target: build(chart) });
  const [{ metadata, spec }] = render(monitors);
  const services = ofKind(render(chart), 'Service').filter((each) =>
    Object.entries(spec.selector.matchLabels).every(([key, value]) => each.metadata.labels[key] === value),
  );
  return { metadata, endpoint: spec.endpoints[0], services };
}

describe('metrics of a PostgresStatefulSet', () => {
  const withMetrics = (props: PostgresStatefulSetProps = {}) => postgres({ metrics: true, ...props });
  const exporterOf = ({ pod }: { pod: Rendered }) => pod.containers.find(({ name }: Rendered) => name === 'exporter');

  test('are off by default', () => {
    const { pod, objects } = postgres();
    expect(pod.containers).toHaveLength(1);
    expect(ofKind(objects, 'Service')).toHaveLength(1);
  });

  test('come from a container that logs in over the loopback with files of a Secret', () => {
    const rendered = withMetrics();
    const { image, env, volumeMounts } = exporterOf(rendered);
    expect(image).toBe('quay.io/prometheuscommunity/postgres-exporter:v0.19.1');
    expect(env).toEqual([
      { name: 'DATA_SOURCE_URI', value: '127.0.0.1:5432/postgres?sslmode=disable' },
      { name: 'DATA_SOURCE_USER_FILE', value: '/run/secrets/exporter/username' },
      { name: 'DATA_SOURCE_PASS_FILE', value: '/run/secrets/exporter/password' },
    ]);
    expect(volumeMounts).toEqual([{ name: 'exporter', mountPath: '/run/secrets/exporter', readOnly: true }]);
    const volume = rendered.pod.volumes.find(({ name }: Rendered) => name === 'exporter');
    expect(volume.projected.sources).toEqual([
      {
        secret: {
          name: 'mlflow-postgres-exporter-secret',
          items: [
            { key: 'username', path: 'username' },
            { key: 'password', path: 'password' },
          ],
        },
      },
    ]);
    expect(rendered.container.volumeMounts.map(({ name }: Rendered) => name)).not.toContain('exporter');
  });

  test('are scraped from port 9187 of the pod', () => {
    const { endpoint, services } = monitored((chart) => new PostgresStatefulSet(chart, 'postgres', { metrics: true }));
    expect(endpoint).toMatchObject({ port: 'metrics', path: '/metrics' });
    expect(services.map(({ metadata }) => metadata.name)).toEqual(['postgres-metrics']);
    expect(services[0].spec.ports).toEqual([{ name: 'metrics', port: 9187, targetPort: 'metrics' }]);
  });

  test('admit the namespace monitoring or the given clients, to their port only', () => {
    expect(rulesFor(withMetrics().policy, 9187)).toEqual([fromMonitoring(9187)]);
    const { policy } = withMetrics({ metricsClients: [{ podLabels: { app: 'prometheus' } }] });
    expect(rulesFor(policy, 9187)).toEqual([
      {
        from: [{ podSelector: { matchLabels: { app: 'prometheus' } } }],
        ports: [{ port: 9187, protocol: 'TCP' }],
      },
    ]);
    expect(JSON.stringify(rulesFor(policy, 5432))).not.toContain('prometheus');
  });

  // test/runtime/python/test_setup_exporter.py tests the same text on a real server.
  test.each([
    ['host', {}],
    ['hostssl', { tlsSecretName: 'postgres-tls' }],
  ])("allow the exporter's role only from inside the pod (%s)", (host, props) => {
    const { objects } = withMetrics(props);
    expect(find(objects, 'ConfigMap', 'mlflow-postgres').data['pg_hba.conf'].split('\n').slice(1)).toEqual([
      'local all all trust',
      `${host} "mlflow" +cdk8s_mlflow all scram-sha-256`,
      'host all +cdk8s_mlflow all reject',
      'host postgres +cdk8s_metrics 127.0.0.1/32 scram-sha-256',
      'host all +cdk8s_metrics all reject',
      `${host} all all all scram-sha-256`,
      '',
    ]);
  });

  test('have a role that the set-up Job creates, with its own Secret', () => {
    const { jobContainer, job, objects } = withMetrics();
    expect(jobContainer.command).toEqual(['sh', '/opt/cdk8s-mlflow/setup-exporter.sh']);
    const program = job.spec.template.spec.volumes.find(({ name }: Rendered) => name === 'program');
    expect(program.configMap.items.map(({ key }: Rendered) => key)).toEqual(
      expect.arrayContaining(['setup-database.sh', 'setup-exporter.sh']),
    );
    const plan = findByPrefix(objects, 'ConfigMap', 'mlflow-postgres-credentials').data['credentials.json'];
    expect(JSON.parse(plan).secrets).toContainEqual(
      expect.objectContaining({
        name: 'mlflow-postgres-exporter-secret',
        keys: { username: { value: 'exporter' }, password: { generate: 'password' } },
      }),
    );
  });
});

describe('metrics of a MinioStore', () => {
  const withMetrics = (props: MinioStoreProps = {}) => minio({ metrics: true, ...props });

  test('need a login by default', () => {
    const { container, objects } = minio();
    expect(container.env.map(({ name }: Rendered) => name)).not.toContain('MINIO_PROMETHEUS_AUTH_TYPE');
    expect(ofKind(objects, 'Service')).toHaveLength(1);
  });

  test('need no login if they are on', () => {
    expect(withMetrics().container.env).toContainEqual({ name: 'MINIO_PROMETHEUS_AUTH_TYPE', value: 'public' });
  });

  test.each([1, 4])('are scraped from the port of the S3 API of %i pods', (replicas) => {
    const { endpoint, services } = monitored((chart) => new MinioStore(chart, 'minio', { metrics: true, replicas }));
    expect(endpoint).toMatchObject({ port: 'metrics', path: '/minio/v2/metrics/cluster' });
    expect(services.map(({ metadata }) => metadata.name)).toEqual(['minio-metrics']);
    expect(services[0].spec.ports).toEqual([{ name: 'metrics', port: 9000, targetPort: 'api' }]);
  });

  test('admit the namespace monitoring or the given clients', () => {
    expect(rulesFor(withMetrics().policy, 9000)).toContainEqual(fromMonitoring(9000));
    const { policy } = withMetrics({ metricsClients: [{ podLabels: { app: 'prometheus' } }] });
    expect(JSON.stringify(policy)).toContain('prometheus');
    expect(JSON.stringify(policy)).not.toContain('monitoring');
  });
});

describe('metrics of a SeaweedStore', () => {
  test('are off by default: no port, no Service, no argument', () => {
    const { container, objects } = seaweed();
    expect(container.ports).toHaveLength(1);
    expect(ofKind(objects, 'Service')).toHaveLength(1);
    expect(container.args.join(' ')).not.toContain('metrics');
  });

  test('are scraped from port 9327 of the pod', () => {
    const { endpoint, services } = monitored((chart) => new SeaweedStore(chart, 'store', { metrics: true }));
    expect(endpoint).toMatchObject({ port: 'metrics', path: '/metrics' });
    expect(services.map(({ metadata }) => metadata.name)).toEqual(['store-metrics']);
    expect(services[0].spec.ports).toEqual([{ name: 'metrics', port: 9327, targetPort: 'metrics' }]);
    const { container } = seaweed({ metrics: true });
    expect(container.args).toEqual(expect.arrayContaining(['-metricsIp=0.0.0.0', '-metricsPort=9327']));
  });

  test('admit the namespace monitoring, or the clients that are given, to their port only', () => {
    expect(seaweed({ metrics: true }).policy.spec.ingress).toEqual([fromMonitoring(9327)]);
    const { policy } = seaweed({ metrics: true, metricsClients: [{ podLabels: { app: 'prometheus' } }] });
    expect(policy.spec.ingress).toEqual([
      { from: [{ podSelector: { matchLabels: { app: 'prometheus' } } }], ports: [{ port: 9327, protocol: 'TCP' }] },
    ]);
  });
});

test.each([
  ['PostgresStatefulSet', (chart: Chart) => new PostgresStatefulSet(chart, 'target')],
  ['MinioStore', (chart: Chart) => new MinioStore(chart, 'target')],
  ['SeaweedStore', (chart: Chart) => new SeaweedStore(chart, 'target')],
])('a monitor refuses a %s whose metrics are off', (_, build) => {
  expect(errorOf(() => monitored(build))).toBe(
    'monitors/metrics: the metrics of chart/target are off; expected metrics: true among its props',
  );
});

test.each<[string, () => unknown]>([
  ['metricsClients', () => minio({ metricsClients: [] })],
  ['metricsClients', () => seaweed({ metricsClients: [] })],
  ['exporterImage', () => postgres({ exporterImage: 'exporter:v1', metrics: false })],
  ['exporterResources', () => postgres({ exporterResources: {} })],
])('refuses %s without metrics', (prop, build) => {
  expect(errorOf(build)).toMatch(
    new RegExp(`^chart/mlflow-\\w+: ${prop} is given and metrics is \\w+; expected metrics: true with it`),
  );
});
