import { Chart } from 'cdk8s';
import { MlflowPlatform, MlflowPlatformProps, RegisteredModel, SeaweedStore } from '../../lib';
import { Rendered, synth } from '../support/synth';

const metrics: MlflowPlatformProps = {
  postgres: { metrics: true },
  minio: { metrics: true },
  pods: { scrapeAnnotations: true },
};

/** The annotations of Prometheus, by workload. */
function annotations(props: MlflowPlatformProps, build = (_: Chart, __: MlflowPlatform) => {}) {
  const objects = synth((chart) => {
    const platform = new MlflowPlatform(chart, 'mlflow', props);
    platform.addModelServing('churn', { chart, model: RegisteredModel.byAlias('churn', 'champion') });
    build(chart, platform);
  });
  return Object.fromEntries(
    workloads(objects).map((object): [string, Record<string, string>] => [object.metadata.name, scrape(object)]),
  );
}

function workloads(objects: Rendered[]) {
  return objects.filter(({ spec }) => spec?.template);
}

function scrape({ spec }: Rendered): Record<string, string> {
  const all: [string, string][] = Object.entries(spec.template.metadata.annotations ?? {});
  return Object.fromEntries(all.filter(([key]) => key.startsWith('prometheus.io/')));
}

const at = (port: number, path = '/metrics') => ({
  'prometheus.io/scrape': 'true',
  'prometheus.io/port': String(port),
  'prometheus.io/path': path,
});

describe('scrapeAnnotations', () => {
  test('name the port and the path of each component with metrics, and no Job', () => {
    const found = annotations(metrics);
    const withMetrics = Object.entries(found).filter(([, each]) => Object.keys(each).length > 0);
    expect(Object.fromEntries(withMetrics)).toEqual({
      'mlflow-server': at(9090),
      'mlflow-deployer': at(9090),
      'churn-serving': at(9090),
      'mlflow-postgres': at(9187),
      'mlflow-minio': at(9000, '/minio/v2/metrics/cluster'),
    });
    expect(Object.keys(found).length).toBeGreaterThan(withMetrics.length);
  });

  test('name a port that the NetworkPolicy opens for Prometheus', () => {
    const objects = synth((chart) => {
      const platform = new MlflowPlatform(chart, 'mlflow', {
        ...metrics,
        artifacts: new SeaweedStore(chart, 'store', { metrics: true, scrapeAnnotations: true }),
        minio: undefined,
      });
      platform.addModelServing('churn', { chart, model: RegisteredModel.byAlias('churn', 'champion') });
    });
    const scraped = workloads(objects).filter((object) => Object.keys(scrape(object)).length > 0);
    expect(scraped).toHaveLength(5);
    for (const workload of scraped) {
      const { name } = workload.metadata;
      const policy = objects.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name)!;
      const ports = policy.spec.ingress
        .filter(({ from }: Rendered) => JSON.stringify(from)?.includes('"monitoring"'))
        .flatMap((rule: Rendered) => rule.ports.map(({ port }: Rendered) => String(port)));
      expect({ name, ports }).toEqual({ name, ports: [scrape(workload)['prometheus.io/port']] });
    }
  });

  test('name https for metrics with a certificate', () => {
    const found = annotations({ ...metrics, minio: { metrics: true, tlsSecretName: 'minio-tls' } });
    expect(found['mlflow-minio']).toEqual({
      ...at(9000, '/minio/v2/metrics/cluster'),
      'prometheus.io/scheme': 'https',
    });
  });

  test('are left out without metrics, and for a component that says so', () => {
    const found = annotations({ pods: { scrapeAnnotations: true }, server: { scrapeAnnotations: false } });
    for (const name of ['mlflow-postgres', 'mlflow-minio', 'mlflow-server']) expect(found[name]).toEqual({});
    expect(found['mlflow-deployer']).toEqual(at(9090));
  });

  test('are left out by default', () => {
    for (const each of Object.values(annotations({ ...metrics, pods: {} }))) expect(each).toEqual({});
  });

  test('stay beside other annotations of the pods', () => {
    const podAnnotations = { 'example.com/owner': 'ml' };
    const [server] = synth((chart) => {
      new MlflowPlatform(chart, 'mlflow', { pods: { scrapeAnnotations: true, podAnnotations } });
    }).filter(({ kind }) => kind === 'Deployment');
    expect(server.spec.template.metadata.annotations).toMatchObject({ ...podAnnotations, ...at(9090) });
  });

  test('refuses annotations of the user with the same prefix', () => {
    const server = { scrapeAnnotations: true, podAnnotations: { 'prometheus.io/port': '1' } };
    expect(() => synth((chart) => new MlflowPlatform(chart, 'mlflow', { server }))).toThrow(
      "mlflow/server: podAnnotations has 'prometheus.io/port' and scrapeAnnotations is true; expected one of the two",
    );
  });
});
