import { readdirSync } from 'fs';
import { join } from 'path';
import { Duration, Size } from 'cdk8s';
import { argumentOf, containerOf, environmentOf, filesOf, podOf, serverObjects } from './servers';
import { ArtifactAccess, ArtifactStore, Authentication, Credentials } from '../../lib';
import { find, ofKind } from '../support/synth';

const pod = podOf(serverObjects());
const mlflow = containerOf(pod, 'mlflow');
const nginx = containerOf(pod, 'nginx');
const mountOf = (container: any, name: string) => container.volumeMounts.find((mount: any) => mount.name === name);

describe('the proxy as the only port', () => {
  test('MLflow listens on the pod’s loopback', () => {
    expect(argumentOf(mlflow, '--host')).toBe('127.0.0.1');
  });

  test("no container port, Service or policy has MLflow's port", () => {
    const objects = serverObjects();
    const declared = [...pod.spec.initContainers, ...pod.spec.containers].flatMap(({ ports = [] }: any) => ports);
    expect(declared).toEqual([
      { name: 'http', containerPort: 8080 },
      { name: 'metrics', containerPort: 9090 },
    ]);
    const targets = ofKind(objects, 'Service').flatMap(({ spec }) => spec.ports.map((port: any) => port.targetPort));
    expect(targets).toEqual(['http', 'metrics']);
    const { ingress } = find(objects, 'NetworkPolicy', 'server').spec;
    expect(ingress.flatMap(({ ports }: any) => ports.map((port: any) => port.port))).toEqual([8080, 9090]);
  });

  test('nginx forwards to the port on which MLflow listens', () => {
    const configuration = find(serverObjects(), 'ConfigMap', 'server-proxy').data['nginx.conf'];
    expect(configuration).toContain(`server 127.0.0.1:${argumentOf(mlflow, '--port')};`);
  });

  test('only the namespace monitoring reaches the metrics', () => {
    const { ingress } = find(serverObjects(), 'NetworkPolicy', 'server').spec;
    const rule = ingress.find(({ ports }: any) => ports[0].port === 9090);
    expect(rule.from).toEqual([
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
    ]);
  });
});

describe('the order of starting and stopping', () => {
  test('the pod waits for the schema, starts MLflow as a sidecar, then nginx', () => {
    expect(pod.spec.initContainers.map(({ name, restartPolicy }: any) => [name, restartPolicy])).toEqual([
      ['wait-for-schema', undefined],
      ['mlflow', 'Always'],
    ]);
    expect(pod.spec.containers.map(({ name }: any) => name)).toEqual(['nginx']);
  });

  test('nginx starts only once MLflow listens', () => {
    expect(mlflow.startupProbe.exec.command.join(' ')).toContain("create_connection(('127.0.0.1', 5000)");
  });

  test('nginx waits before it stops, until all endpoints are updated', () => {
    expect(nginx.lifecycle).toEqual({ preStop: { sleep: { seconds: 8 } } });
    expect(mlflow.lifecycle).toBeUndefined();
  });

  test.each([[undefined], [10], [300]])(
    'the grace period is longer than a drain of %s seconds and all later steps',
    (given) => {
      const objects = serverObjects({ drainTimeout: given === undefined ? undefined : Duration.seconds(given) });
      const { spec } = podOf(objects);
      const drain = given ?? 60;
      const uvicorn = Number(
        /--timeout-graceful-shutdown (\d+)/.exec(argumentOf(containerOf({ spec }, 'mlflow'), '--uvicorn-opts')!)![1],
      );
      const pause = containerOf({ spec }, 'nginx').lifecycle.preStop.sleep.seconds;
      expect(spec.terminationGracePeriodSeconds).toBe(pause + drain + uvicorn + 5);
      expect(find(objects, 'ConfigMap', 'server-proxy').data['nginx.conf']).toContain(
        `worker_shutdown_timeout ${drain}s;`,
      );
    },
  );

  test('a pod is ready when MLflow answers through nginx', () => {
    expect(nginx.readinessProbe.httpGet).toEqual({ path: '/health', port: 'http' });
  });

  // With /health, Kubernetes would restart a server whose threads are all busy with uploads.
  test('the liveness probe sends a preflight, which needs no thread of MLflow', () => {
    for (const probe of [mlflow.startupProbe, mlflow.livenessProbe]) {
      expect(probe.exec.command.slice(0, 4)).toEqual(['python', '-S', '-E', '-c']);
      expect(probe.exec.command[4]).toContain('OPTIONS /health HTTP/1.1\\r\\n');
    }
  });
});

describe('the secrets of a pod', () => {
  const containers = [...pod.spec.initContainers, ...pod.spec.containers];

  test('are files: neither in the environment nor in an argument', () => {
    for (const container of containers) {
      const names = Object.keys(environmentOf(container));
      expect(names.filter((name) => /PASSWORD|SECRET|PASSPHRASE|KEY/.test(name))).toEqual([]);
      expect(container).not.toHaveProperty('envFrom');
      expect([...(container.command ?? []), ...(container.args ?? [])].join(' ')).not.toMatch(/:\/\/[^/ ]*@/);
    }
    expect(argumentOf(mlflow, '--backend-store-uri')).toMatch(/^postgresql\+psycopg2:\/\/\?/);
  });

  test('are named like the variables that MLflow and its libraries read', () => {
    expect(filesOf(pod, 'secrets')).toEqual({
      PGUSER: { secret: 'database', key: 'username' },
      PGPASSWORD: { secret: 'database', key: 'password' },
      AWS_ACCESS_KEY_ID: { secret: 'bucket', key: 'AWS_ACCESS_KEY_ID' },
      AWS_SECRET_ACCESS_KEY: { secret: 'bucket', key: 'AWS_SECRET_ACCESS_KEY' },
      MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY: {
        secret: 'server-secret',
        key: 'MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY',
      },
      MLFLOW_CRYPTO_KEK_PASSPHRASE: { secret: 'server-secret', key: 'MLFLOW_CRYPTO_KEK_PASSPHRASE' },
    });
    expect(mountOf(mlflow, 'secrets')).toEqual({ name: 'secrets', mountPath: '/run/secrets/mlflow', readOnly: true });
  });

  test('are mounted for nginx only as the files of its users', () => {
    expect(nginx.volumeMounts.map(({ name }: any) => name)).toEqual(['proxy', 'proxy-tmp', 'users', 'program-users']);
  });
});

describe('the artifacts of a server', () => {
  test('pass through the server, so that clients need one login', () => {
    expect(argumentOf(mlflow, '--artifacts-destination')).toBe('s3://models/artifacts');
    expect(mlflow.args).not.toContain('--no-serve-artifacts');
    expect(mlflow.args).not.toContain('--default-artifact-root');
  });

  test('are read and written by the client in direct mode', () => {
    const direct = containerOf(podOf(serverObjects({ artifactAccess: ArtifactAccess.DIRECT })), 'mlflow');
    expect(direct.args).toContain('--no-serve-artifacts');
    expect(argumentOf(direct, '--default-artifact-root')).toBe('s3://models/artifacts');
    expect(direct.args).not.toContain('--artifacts-destination');
  });

  test.each([
    [ArtifactAccess.PROXIED, false],
    [ArtifactAccess.DIRECT, false],
    [ArtifactAccess.PRESIGNED, true],
  ])('with %s can be accessed by signed URLs through the proxy: %s', (artifactAccess, pass) => {
    const configuration = find(serverObjects({ artifactAccess }), 'ConfigMap', 'server-proxy').data['nginx.conf'];
    expect(!configuration.includes('/mlflow/artifacts/presigned- { return 501; }')).toBe(pass);
  });

  test('on a volume are in a claim that the server mounts writable', () => {
    const template = podOf(serverObjects({ replicas: 1, artifacts: ArtifactStore.fromClaim({ claimName: 'files' }) }));
    const volume = template.spec.volumes.find((each: any) => each.persistentVolumeClaim);
    expect(volume.persistentVolumeClaim).toEqual({ claimName: 'files' });
    const server = containerOf(template, 'mlflow');
    expect(mountOf(server, volume.name).mountPath).toBe('/mlartifacts');
    expect(argumentOf(server, '--artifacts-destination')).toBe('file:///mlartifacts/artifacts');
  });

  test('with a service account’s login need no Secret', () => {
    const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/mlflow' };
    const artifacts = ArtifactStore.fromBucket({ bucket: 'models', credentials: Credentials.fromServiceAccount(role) });
    const objects = serverObjects({ artifacts });
    expect(find(objects, 'ServiceAccount', 'server').metadata.annotations).toEqual(role);
    expect(find(objects, 'ServiceAccount', 'server-migration').metadata.annotations).toEqual(role);
    expect(Object.keys(filesOf(podOf(objects), 'secrets')).filter((name) => name.startsWith('AWS'))).toEqual([]);
  });

  test.each([
    ['10Gi', undefined],
    ['30Gi', 30],
  ])('may fill a /tmp of %s before the pod is over its limit', (sizeLimit, gibibytes) => {
    const template = podOf(serverObjects({ spool: gibibytes === undefined ? undefined : Size.gibibytes(gibibytes) }));
    expect(template.spec.volumes.find(({ name }: any) => name === 'tmp').emptyDir).toEqual({ sizeLimit });
    const limit = containerOf(template, 'mlflow').resources.limits['ephemeral-storage'];
    expect(parseInt(limit)).toBeGreaterThan(1024 * parseInt(sizeLimit));
  });
});

describe('the settings of a server', () => {
  const environment = environmentOf(mlflow);

  test('disable jobs and telemetry, and set /tmp as the home', () => {
    expect(environment).toMatchObject({
      HOME: '/tmp',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS: 'false',
    });
  });

  test('can be overridden by the user', () => {
    const given = { MLFLOW_LOGGING_LEVEL: 'DEBUG', MLFLOW_DISABLE_TELEMETRY: 'false' };
    expect(environmentOf(containerOf(podOf(serverObjects({ environment: given })), 'mlflow'))).toMatchObject(given);
  });
});

/** The modules of runtime/mlflow that one of our programs imports. */
function imports(text: string): string[] {
  const ours = readdirSync(join(__dirname, '../../runtime/mlflow')).map((file) => file.replace(/\.py$/, ''));
  return [...text.matchAll(/^\s*(?:import|from) (\w+)/gm)]
    .map(([, name]) => name)
    .filter((name) => ours.includes(name));
}

test.each([
  ['basic', Authentication.basic()],
  ['mlflow', Authentication.mlflow()],
])('with the login %s, each program has the modules that it imports in its folder', (_kind, authentication) => {
  for (const { data, metadata } of ofKind(serverObjects({ authentication }), 'ConfigMap')) {
    const wanted = Object.entries<string>(data).flatMap(([file, text]) => (file.endsWith('.py') ? imports(text) : []));
    const missing = wanted.map((name) => `${name}.py`).filter((file) => !(file in data));
    expect([metadata.name, ...new Set(missing)]).toEqual([metadata.name]);
  }
});

test('a changed configuration triggers a rollout', () => {
  const hash = (props: Parameters<typeof serverObjects>[0]) =>
    podOf(serverObjects(props)).metadata.annotations['cdk8s-mlflow/config-hash'];
  expect(hash({})).toBe(hash({}));
  expect(hash({ authentication: Authentication.basic({ realm: 'Other' }) })).not.toBe(hash({}));
});
