import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { churn, placement, podOf, servingObjects, valueOf, elsewhere } from './servings';
import {
  ConfigValue,
  Exposure,
  ExtraVolume,
  ModelServingProps,
  MountedFiles,
  PolicySelection,
  RegisteredModel,
  ScalingMetric,
  SecretValue,
  ServingRuntime,
  Tls,
  WarmUp,
} from '../../lib';
import { find, namesOf, ofKind, snapshotOf } from '../support/synth';

const all: Required<ModelServingProps> = {
  tracking: elsewhere,
  model: RegisteredModel.byVersion('churn-prediction-model', '7'),
  runtime: ServingRuntime.withRequirements({
    indexUrl: 'https://pypi.example.com/simple',
    cacheClaimName: 'packages',
    space: Size.gibibytes(3),
    egress: [{ peer: { cidr: '10.9.0.0/16' }, port: 443 }],
  }),
  autoscaling: {
    minReplicas: 2,
    maxReplicas: 5,
    targetCpuPercent: 60,
    targetMemoryPercent: 150,
    metrics: [ScalingMetric.perPod({ name: 'requests_per_second', averageValue: 20, selector: { path: 'api' } })],
    scaleUp: { policies: [{ percent: 100, period: Duration.minutes(1) }] },
    scaleDown: {
      stabilizationWindow: Duration.minutes(10),
      policies: [{ pods: 1, period: Duration.minutes(1) }],
      selectPolicy: PolicySelection.MIN,
    },
  },
  replicas: undefined as unknown as number,
  resources: { cpu: { request: Cpu.millis(250) }, memory: { limit: Size.gibibytes(8) } },
  gpus: 1,
  gpuResource: 'amd.com/gpu',
  sharedMemory: Size.gibibytes(1),
  sidecars: [
    {
      name: 'database-proxy',
      image: 'registry.example.com/database-proxy:2.1',
      command: ['/proxy'],
      args: ['--port', '5432'],
      resources: {
        cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
        memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
      },
      environment: { LOG_LEVEL: 'info' },
      secretEnvironment: { PROXY_KEY: SecretValue.fromSecret('database-proxy', 'key') },
      files: [MountedFiles.fromConfigMap('database-proxy', '/etc/proxy')],
      volumes: [ExtraVolume.scratch('/tmp', Size.mebibytes(64))],
      user: 20001,
      ports: [{ name: 'proxy-health', port: 9801, clients: [{ podLabels: { app: 'probe' } }] }],
      livenessProbe: { port: 9801, path: '/liveness', period: Duration.seconds(20), timeout: Duration.seconds(3) },
      readinessProbe: { port: 9801, failures: 5 },
      startupProbe: { command: ['/proxy', 'check'] },
    },
  ],
  initContainers: [
    {
      name: 'get-dictionary',
      image: 'registry.example.com/get:1',
      resources: {
        cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
        memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
        ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(512) },
      },
    },
  ],
  volumes: [ExtraVolume.scratch('/dictionary', Size.gibibytes(1)), ExtraVolume.fromClaim('datasets', '/datasets')],
  clients: [{ namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' }, podLabels: { app: 'checkout' } }],
  metricsClients: [{ namespaceLabels: { team: 'observability' } }],
  egress: [{ peer: { cidr: '10.8.0.0/16' }, port: 6379 }],
  exposure: Exposure.ingress({ host: 'churn.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }),
  service: { port: 80, annotations: { 'example.com/owner': 'ml' } },
  tlsSecretName: 'churn-serving-tls',
  configEnvironment: { CHURN_THRESHOLD: ConfigValue.fromConfigMap('settings', 'threshold') },
  proxyImage: 'registry.example.com/nginx:1.28',
  proxyResources: { memory: { limit: Size.mebibytes(64) } },
  maxRequestSize: Size.mebibytes(1),
  maxConcurrentRequests: 20,
  requestTimeout: Duration.seconds(30),
  warmUp: WarmUp.request('{"inputs": [[1, 2]]}'),
  startTimeout: Duration.seconds(300),
  drainTimeout: Duration.seconds(45),
  modelSpace: Size.gibibytes(2),
  acceptAnyPython: true,
  environment: { OMP_NUM_THREADS: '2' },
  secretEnvironment: { OPENAI_API_KEY: SecretValue.fromSecret('llm', 'key') },
  files: [MountedFiles.fromConfigMap('prompts', '/etc/prompts')],
  ...placement,
};

test('a serving that follows an alias, without options, has these objects', () => {
  expect(snapshotOf(servingObjects())).toMatchSnapshot();
});

test('a serving of a fixed version, with every option, has these objects', () => {
  expect(snapshotOf(servingObjects(all))).toMatchSnapshot();
});

describe('the version of a serving', () => {
  const variables = (props: Partial<ModelServingProps>) => {
    const { spec } = podOf(servingObjects(props));
    return [spec.initContainers[0], spec.containers[0]].map((each) => valueOf(each, 'MODEL_VERSION'));
  };

  test('is in the environment of both containers and in the labels if it is fixed', () => {
    const model = RegisteredModel.byVersion('churn', '7');
    expect(variables({ model })).toEqual(['7', '7']);
    const deployment = find(servingObjects({ model }), 'Deployment', 'churn-serving');
    expect(deployment.metadata.labels['model-version']).toBe('7');
    expect(deployment.spec.template.metadata.labels['model-version']).toBe('7');
  });

  // Otherwise each apply of the YAML would reset the version that the deployer has set.
  test.each([churn, RegisteredModel.byStage('churn', 'Production')])(
    'is not in the YAML if it is followed',
    (model) => {
      expect(variables({ model })).toEqual([undefined, undefined]);
      expect(JSON.stringify(servingObjects({ model }))).not.toMatch(/model-version|"MODEL_VERSION"/);
    },
  );

  test('is in no selector', () => {
    const selectors = servingObjects(all).flatMap(({ spec }) => [spec?.selector?.matchLabels ?? spec?.selector ?? {}]);
    for (const selector of selectors) expect(selector).not.toHaveProperty('model-version');
  });
});

describe('the pod of a serving', () => {
  const pod = podOf(servingObjects());
  const [server] = pod.spec.containers;
  const [download] = pod.spec.initContainers;

  test('downloads in an init container; the server mounts the model read-only', () => {
    const mount = ({ volumeMounts }: any) => volumeMounts.find(({ name }: any) => name === 'model');
    expect([download.name, server.name]).toEqual(['download-model', 'model-server']);
    expect([mount(download).readOnly, mount(server).readOnly]).toEqual([undefined, true]);
  });

  test('has its own login as files in both containers', () => {
    const volume = pod.spec.volumes.find(({ name }: any) => name === 'secrets');
    expect(volume.projected.sources[0].secret.name).toBe('login');
    for (const { volumeMounts } of [server, download]) {
      expect(volumeMounts).toContainEqual({ name: 'secrets', mountPath: '/run/secrets/mlflow', readOnly: true });
    }
  });

  test('may load for as long as the deadline of the rollout', () => {
    const { spec } = find(servingObjects({ startTimeout: Duration.seconds(900) }), 'Deployment', 'churn-serving');
    const { periodSeconds, failureThreshold } = spec.template.spec.containers[0].startupProbe;
    expect([spec.progressDeadlineSeconds, periodSeconds * failureThreshold]).toEqual([900, 900]);
  });

  test('requests the disk space of its limits with reserveEphemeralStorage', () => {
    const exposure = Exposure.ingress({ host: 'churn.example.com' });
    const { spec } = podOf(servingObjects({ exposure, reserveEphemeralStorage: true }));
    for (const { resources } of [...spec.initContainers, ...spec.containers]) {
      expect(resources.requests['ephemeral-storage']).toBe(resources.limits['ephemeral-storage']);
    }
    const gibibytes = (volume: string) =>
      parseInt(spec.volumes.find(({ name }: any) => name === volume).emptyDir.sizeLimit, 10);
    const asked = spec.containers[0].resources.requests['ephemeral-storage'];
    expect(asked).toBe(`${gibibytes('model') + gibibytes('tmp')}Gi`);
    // GKE Autopilot gives a pod 10 GiB.
    expect(parseInt(asked, 10)).toBeLessThan(10);
  });

  test('accepts bodies of at most a sixteenth of its memory at once', () => {
    const bytes = (props: Partial<ModelServingProps>) =>
      Number(valueOf(podOf(servingObjects(props)).spec.containers[0], 'MAX_REQUESTS_BYTES')) / 1024 / 1024;
    expect(bytes({})).toBe(256);
    expect(bytes({ resources: { memory: { limit: Size.gibibytes(8) } } })).toBe(512);
    expect(bytes({ maxRequestSize: Size.gibibytes(1) })).toBe(1024);
  });

  test('has as many computing threads as CPUs in its limit, not as cores of the node', () => {
    const threads = ({ env }: any) => env.filter(({ name }: any) => /_NUM_THREADS$/.test(name));
    const from = { resourceFieldRef: { containerName: 'model-server', resource: 'limits.cpu', divisor: '1' } };
    expect(threads(server)).toEqual(
      ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'].map((name) => ({ name, valueFrom: from })),
    );
    const given = podOf(servingObjects({ environment: { OMP_NUM_THREADS: '7' } })).spec.containers[0];
    expect(threads(given).filter(({ name }: any) => name === 'OMP_NUM_THREADS')).toEqual([
      { name: 'OMP_NUM_THREADS', value: '7' },
    ]);
  });

  test('has a grace period for the pause, the requests, and some seconds', () => {
    const { spec } = podOf(servingObjects({ drainTimeout: Duration.seconds(100) }));
    const linger = Number(valueOf(spec.containers[0], 'LINGER_SECONDS'));
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(100 + linger);
  });

  test('stops after nginx if it has one', () => {
    const { spec } = podOf(servingObjects({ exposure: Exposure.ingress({ host: 'churn.example.com' }) }));
    const nginx = spec.containers[1];
    expect(nginx.name).toBe('nginx');
    const linger = Number(valueOf(spec.containers[0], 'LINGER_SECONDS'));
    expect(linger).toBeGreaterThan(nginx.lifecycle.preStop.sleep.seconds);
  });

  test('is rolled out again if the warm-up request changes', () => {
    const hash = (body: string) =>
      podOf(servingObjects({ warmUp: WarmUp.request(body) })).metadata.annotations['cdk8s-mlflow/config-hash'];
    expect(hash('{"inputs": [1]}')).not.toBe(hash('{"inputs": [2]}'));
  });

  test('has no volume for packages and no egress to an index if nothing is installed', () => {
    expect(pod.spec.volumes.map(({ name }: any) => name)).toEqual(['programs', 'model', 'tmp', 'secrets']);
    expect(valueOf(download, 'REQUIREMENTS_INDEX_URL')).toBeUndefined();
  });

  test('runs an image of your own in both containers', () => {
    const { spec } = podOf(servingObjects({ runtime: ServingRuntime.image('registry.example.com/churn:3') }));
    expect([...spec.initContainers, ...spec.containers].map(({ image }) => image)).toEqual([
      'registry.example.com/churn:3',
      'registry.example.com/churn:3',
    ]);
  });
});

describe('the warm-up request', () => {
  const variables = (warmUp?: WarmUp) => {
    const { spec } = podOf(servingObjects({ warmUp }));
    return valueOf(spec.containers[0], 'WARM_UP');
  };

  test('is the model’s own example by default, and can be none', () => {
    expect(variables()).toBe('model-example');
    expect(variables(WarmUp.none())).toBeUndefined();
  });

  test('can be in an existing ConfigMap', () => {
    const objects = servingObjects({ warmUp: WarmUp.fromConfigMap('samples', 'churn.csv', 'text/csv') });
    const { spec } = podOf(objects);
    expect(valueOf(spec.containers[0], 'WARM_UP_CONTENT_TYPE')).toBe('text/csv');
    expect(spec.volumes).toContainEqual({
      name: 'warm-up',
      configMap: { name: 'samples', items: [{ key: 'churn.csv', path: 'request' }] },
    });
    expect(namesOf(objects)).not.toContain('ConfigMap churn-serving-warm-up');
  });
});

describe('the NetworkPolicy of a serving', () => {
  test('admits only its own namespace to the model and Prometheus to the metrics', () => {
    const { ingress } = find(servingObjects(), 'NetworkPolicy', 'churn-serving').spec;
    expect(ingress).toEqual([
      { from: [{ podSelector: {} }], ports: [{ port: 8080, protocol: 'TCP' }] },
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        ports: [{ port: 9090, protocol: 'TCP' }],
      },
    ]);
  });

  test('admits all clients to the port with a login, and none to the port without, if it has an exposure', () => {
    const exposure = Exposure.ingress({ host: 'churn.example.com' });
    const { ingress } = find(servingObjects({ exposure }), 'NetworkPolicy', 'churn-serving').spec;
    expect(ingress.filter(({ from }: any) => !from)).toEqual([{ ports: [{ port: 8081, protocol: 'TCP' }] }]);
    const [ingressObject] = ofKind(servingObjects({ exposure }), 'Ingress');
    expect(ingressObject.spec.rules[0].http.paths[0].backend.service.port.name).toBe('login');
  });

  test('allows egress only to the registry and DNS', () => {
    const { egress } = find(servingObjects(), 'NetworkPolicy', 'churn-serving').spec;
    const ports = egress.flatMap((rule: any) => rule.ports.map(({ port }: any) => port));
    expect([...new Set(ports)].sort()).toEqual([5000, 53, 5353, 8080]);
  });

  test('also allows egress to the package index, if one is given', () => {
    const runtime = ServingRuntime.withRequirements({ indexUrl: 'http://pypi.local:3141/simple' });
    const { egress } = find(servingObjects({ runtime }), 'NetworkPolicy', 'churn-serving').spec;
    expect(egress).toContainEqual({ ports: [{ port: 3141, protocol: 'TCP' }] });
  });
});

describe('nginx of a serving', () => {
  const exposure = Exposure.ingress({ host: 'churn.example.com' });

  test('asks the tracking server for each request, and does not forward the password to the model', () => {
    const conf = find(servingObjects({ exposure }), 'ConfigMap', 'churn-serving-proxy').data['nginx.conf'];
    expect(conf).toContain('proxy_pass http://$tracking/version;');
    expect(conf).toContain('proxy_set_header Host mlflow-server.mlflow.svc:5000;');
    expect(conf).toContain('auth_request /.login;');
    expect(conf).toContain(`proxy_set_header Authorization '';`);
    expect(conf).toContain('client_max_body_size 16777216;');
  });

  const host = 'churn.example.com';
  test.each<[string, Exposure, boolean]>([
    ['behind an Ingress with a certificate is', Exposure.ingress({ host, tls: Tls.fromSecret('certificate') }), true],
    ['behind an Ingress without one is not', exposure, false],
    ['behind a Gateway is', Exposure.httpRoute({ host, gateway: 'public' }), true],
    ['behind a Gateway without TLS is not', Exposure.httpRoute({ host, gateway: 'public', https: false }), false],
  ])('handles plain http before it asks for a password: %s redirected', (_where, way, is) => {
    const conf = find(servingObjects({ exposure: way }), 'ConfigMap', 'churn-serving-proxy').data['nginx.conf'];
    expect(conf.includes(`if ($in_the_clear) { return 308 https://${host}$request_uri; }`)).toBe(is);
    expect(conf.includes(`'http:${host}' 1;`)).toBe(is);
  });

  test('exists only with an exposure', () => {
    expect(JSON.stringify(servingObjects())).not.toContain('nginx');
  });
});

test('a serving with fixed replicas has no autoscaler, and one pod has no PodDisruptionBudget', () => {
  const objects = servingObjects({ replicas: 1 });
  expect(ofKind(objects, 'HorizontalPodAutoscaler')).toEqual([]);
  expect(ofKind(objects, 'PodDisruptionBudget')).toEqual([]);
  expect(find(objects, 'Deployment', 'churn-serving').spec.replicas).toBe(1);
});
