import { Chart, Size } from 'cdk8s';
import {
  CertificateAuthority,
  Credentials,
  Database,
  MinioStore,
  MlflowPlatform,
  PlacementOptions,
  PostgresStatefulSet,
  SeaweedStore,
  TrackingServer,
} from '../../lib';
import { mergePlacement } from '../../lib/component/pod-options';
import { Rendered, synth } from '../support/synth';

const all: Required<PlacementOptions> = {
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'ml', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  priorityClassName: 'important',
  runtimeClassName: 'nvidia',
  labels: { 'cost-center': '4711' },
  annotations: { 'example.com/contact': 'ml@example.com' },
  jobPodLabels: { 'sidecar.istio.io/inject': 'false' },
  jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
  imagePullSecrets: ['one', 'two'],
  podAnnotations: { 'example.com/owner': 'ml' },
  podLabels: { team: 'ml' },
  scrapeAnnotations: true,
  imageRegistry: 'mirror.example.com',
  apiServerEgress: [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }],
  jobResources: { memory: { request: Size.mebibytes(96), limit: Size.mebibytes(300) } },
  reserveEphemeralStorage: true,
  clusterAssignsUsers: true,
  authority: CertificateAuthority.fromConfigMap('company-ca'),
  images: { mlflow: 'mirror.example.com/own/mlflow:1', node: 'mirror.example.com/own/node:1' },
};

/** Each pod of the library, by the name of its workload without the hash. */
function pods(build: (chart: Chart) => void): [string, Rendered][] {
  return synth(build)
    .filter((object) => object.spec?.template)
    .map((object) => [object.metadata.name.replace(/-[0-9a-f]{8}$/, ''), object.spec.template]);
}

function expectAll({ metadata, spec }: Rendered): void {
  expect(spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', ...all.nodeSelector });
  expect(spec.tolerations).toEqual(all.tolerations);
  expect(spec.affinity).toEqual(all.affinity);
  expect(spec.priorityClassName).toBe('important');
  expect(JSON.stringify(spec)).not.toMatch(/runAsUser|runAsGroup|fsGroup"/);
  expect(spec.runtimeClassName).toBe('nvidia');
  expect(spec.imagePullSecrets).toEqual([{ name: 'one' }, { name: 'two' }]);
  expect(metadata.annotations).toMatchObject(all.podAnnotations);
  expect(metadata.labels).toMatchObject(all.podLabels);
  for (const { image } of [...(spec.initContainers ?? []), ...spec.containers]) expect(image).toMatch(/^mirror\./);
}

const database = () =>
  Database.fromExisting({
    host: 'db',
    credentials: Credentials.fromSecret('db'),
    clientImage: 'mirror.example.com/x:1',
  });

describe('the options of a component apply to all its pods, those of its Jobs included', () => {
  const components: [string, (chart: Chart) => void, string[]][] = [
    [
      'PostgresStatefulSet',
      (chart) => new PostgresStatefulSet(chart, 'postgres', all),
      ['postgres', 'postgres-credentials', 'postgres-set-up'],
    ],
    ['MinioStore', (chart) => new MinioStore(chart, 'minio', all), ['minio', 'minio-credentials', 'minio-set-up']],
    ['SeaweedStore', (chart) => new SeaweedStore(chart, 'store', all), ['store', 'store-credentials']],
    [
      'TrackingServer',
      (chart) =>
        new TrackingServer(chart, 'server', {
          ...all,
          database: database(),
          artifacts: new MinioStore(chart, 'minio', all),
        }),
      ['minio', 'minio-credentials', 'minio-set-up', 'server', 'server-credentials', 'server-migration'],
    ],
  ];

  test.each(components)('%s', (_, build, names) => {
    const found = pods(build);
    expect(found.map(([name]) => name).sort()).toEqual(names);
    for (const [, pod] of found) expectAll(pod);
  });
});

describe('the options `pods` of a platform', () => {
  const platform = (props: object) => pods((chart) => new MlflowPlatform(chart, 'mlflow', props));

  test.each(platform({ pods: all }))('apply to %s', (_, pod) => {
    expectAll(pod);
  });

  test('apply to seven pods', () => {
    expect(
      platform({ pods: all })
        .map(([name]) => name)
        .sort(),
    ).toEqual([
      'mlflow-credentials',
      'mlflow-minio',
      'mlflow-minio-set-up',
      'mlflow-postgres',
      'mlflow-postgres-set-up',
      'mlflow-server',
      'mlflow-server-migration',
    ]);
  });

  test("are replaced by a component's own, only in its pods", () => {
    const props = { pods: { nodeSelector: { disk: 'ssd' } }, postgres: { nodeSelector: { disk: 'nvme' } } };
    for (const [name, { spec }] of platform(props)) {
      expect(spec.nodeSelector.disk).toBe(name.startsWith('mlflow-postgres') ? 'nvme' : 'ssd');
    }
  });

  test("are added to a component's own labels and annotations", () => {
    const props = { pods: { podLabels: { team: 'ml' } }, postgres: { podLabels: { tier: 'data' } } };
    const [, { metadata }] = platform(props).find(([name]) => name === 'mlflow-postgres')!;
    expect(metadata.labels).toMatchObject({ team: 'ml', tier: 'data' });
  });
});

test("the library's labels take precedence, because selectors use them", () => {
  const podLabels = { 'app.kubernetes.io/instance': 'mine', 'app.kubernetes.io/component': 'mine', app: 'mine' };
  for (const [name, { metadata }] of pods((chart) => new MlflowPlatform(chart, 'mlflow', { pods: { podLabels } }))) {
    expect(metadata.labels['app.kubernetes.io/instance']).toBe('mlflow');
    expect(metadata.labels['app.kubernetes.io/component']).not.toBe('mine');
    if (metadata.labels.app !== 'mine') expect(metadata.labels.app).toBe(name);
  }
});

test("the library's annotations take precedence, because they trigger rollouts", () => {
  const podAnnotations = { 'cdk8s-mlflow/config-hash': 'mine' };
  for (const [name, { metadata }] of pods(
    (chart) => new MlflowPlatform(chart, 'mlflow', { pods: { podAnnotations } }),
  )) {
    if (['mlflow-server', 'mlflow-postgres'].includes(name)) {
      expect(metadata.annotations['cdk8s-mlflow/config-hash']).toMatch(/^[0-9a-f]{16}$/);
    }
  }
});

test('a node selector of the user takes precedence', () => {
  const nodeSelector = { 'kubernetes.io/os': 'bottlerocket' };
  for (const [, { spec }] of pods((chart) => new MlflowPlatform(chart, 'mlflow', { pods: { nodeSelector } }))) {
    expect(spec.nodeSelector).toEqual(nodeSelector);
  }
});

test('without options pods have only a node selector for Linux', () => {
  for (const [, { spec, metadata }] of pods((chart) => new MlflowPlatform(chart, 'mlflow'))) {
    expect(spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' });
    for (const field of ['tolerations', 'priorityClassName', 'runtimeClassName', 'imagePullSecrets']) {
      expect(spec[field]).toBeUndefined();
    }
    expect(metadata.annotations).not.toEqual({});
  }
});

describe('mergePlacement', () => {
  test('replaces defaults by given options, and merges labels and annotations', () => {
    const defaults = { ...all, podLabels: { a: '1', b: '1' }, podAnnotations: { a: '1' } };
    expect(mergePlacement(defaults, { nodeSelector: { x: 'y' }, podLabels: { b: '2' } })).toEqual({
      ...defaults,
      nodeSelector: { x: 'y' },
      podLabels: { a: '1', b: '2' },
    });
  });

  test('handles every option', () => {
    expect(mergePlacement({}, all)).toEqual(all);
    expect(mergePlacement(all, {})).toEqual(all);
  });

  test('merges chosen images', () => {
    const merged = mergePlacement({ images: { node: 'a:1', nginx: 'b:1' } }, { images: { node: 'c:1' } });
    expect(merged.images).toEqual({ node: 'c:1', nginx: 'b:1' });
  });

  test('removes a default for an empty list', () => {
    expect(mergePlacement(all, { tolerations: [], imagePullSecrets: [] })).toMatchObject({
      tolerations: [],
      imagePullSecrets: [],
    });
  });
});
