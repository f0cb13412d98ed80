import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { SidecarContainer, ExtraContainerOptions, ExtraVolume, MountedFiles, SecretValue } from '../../lib';
import { platformWithServings, servingError, servingObjects } from '../serving/servings';
import { Rendered, errorOf, find } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const resources = {
  cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
  memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
};
const extra = (given: Partial<SidecarContainer> = {}): SidecarContainer => ({
  ...{ name: 'database-proxy', image: 'registry.example.com/database-proxy:2.1', resources },
  ...given,
});
const nameOf = ({ name }: Rendered) => name;
const deployerObjects = (deployer: ExtraContainerOptions) => platformWithServings({ churn: {} }, { deployer }).mlflow;

describe.each([
  ['a tracking server', 'server', serverObjects, ['wait-for-schema', 'mlflow'], ['wait-for-schema', 'mlflow']],
  ['a serving', 'churn-serving', servingObjects, ['download-model'], ['download-model', 'model-server']],
  ['a deployer', 'mlflow-deployer', deployerObjects, [], ['deployer']],
] as const)('containers of your own in the pod of %s', (_what, name, objectsOf, own, withMlflow) => {
  const specOf = (props: ExtraContainerOptions) => find(objectsOf({ ...props }), 'Deployment', name).spec.template.spec;
  const containersOf = (spec: Rendered): Rendered[] => [...spec.initContainers, ...spec.containers];
  const containerOf = (spec: Rendered, of: string) => containersOf(spec).find((each) => each.name === of)!;

  test('start before those of the library: sidecars first, then what runs once', () => {
    const spec = specOf({ sidecars: [extra()], initContainers: [extra({ name: 'get-dictionary' })] });
    expect(spec.initContainers.map(nameOf)).toEqual(['database-proxy', 'get-dictionary', ...own]);
    expect(containerOf(spec, 'database-proxy').restartPolicy).toBe('Always');
    expect(containerOf(spec, 'get-dictionary').restartPolicy).toBeUndefined();
  });

  test('are restricted, with a user of their own if they have one', () => {
    const restricted = (user: number) => ({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    const spec = specOf({ sidecars: [extra({ user: 20001 })], initContainers: [extra({ name: 'once' })] });
    expect(containerOf(spec, 'database-proxy').securityContext).toEqual(restricted(20001));
    expect(containerOf(spec, 'once').securityContext).toEqual(restricted(10001));
  });

  test('have variables, also from Secrets, and no value of one', () => {
    const { env } = containerOf(
      specOf({
        sidecars: [
          extra({
            environment: { LOG_LEVEL: 'info' },
            secretEnvironment: { PROXY_KEY: SecretValue.fromSecret('database-proxy', 'key') },
          }),
        ],
      }),
      'database-proxy',
    );
    expect(env).toEqual([
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'PROXY_KEY', valueFrom: { secretKeyRef: { name: 'database-proxy', key: 'key' } } },
    ]);
  });

  test('have files and volumes of their own, and reserve disk for the latter', () => {
    const spec = specOf({
      sidecars: [
        extra({
          files: [MountedFiles.fromSecret('certificate', '/etc/proxy')],
          volumes: [ExtraVolume.scratch('/tmp', Size.mebibytes(64))],
        }),
      ],
    });
    const { volumeMounts, resources: of } = containerOf(spec, 'database-proxy');
    expect(volumeMounts.map(({ mountPath }: Rendered) => mountPath)).toEqual(
      expect.arrayContaining(['/tmp', '/etc/proxy']),
    );
    for (const { name: volume } of volumeMounts) expect(spec.volumes.map(nameOf)).toContain(volume);
    expect(of.limits['ephemeral-storage']).toBe('192Mi');
  });

  test('share the volumes of the pod with the containers of MLflow', () => {
    const volumes = [ExtraVolume.scratch('/dictionary', Size.gibibytes(1)), ExtraVolume.fromClaim('data', '/data')];
    const spec = specOf({ volumes, initContainers: [extra()] });
    const isExtra = ({ name: volume }: Rendered) => volume.startsWith('extra-volume');
    expect(spec.volumes.filter(isExtra)).toEqual([
      { name: 'extra-volume-0', emptyDir: { sizeLimit: '1Gi' } },
      { name: 'extra-volume-1', persistentVolumeClaim: { claimName: 'data' } },
    ]);
    expect(
      containersOf(spec)
        .filter(({ volumeMounts }) => volumeMounts.some(isExtra))
        .map(nameOf),
    ).toEqual(['database-proxy', ...withMlflow]);
    expect(containerOf(spec, 'database-proxy').volumeMounts[1]).toEqual({
      ...{ name: 'extra-volume-1', mountPath: '/data', readOnly: true },
    });
  });

  test('have probes of each kind', () => {
    const probes = containerOf(
      specOf({
        sidecars: [
          extra({
            startupProbe: { command: ['/proxy', 'check'] },
            livenessProbe: { port: 9801, path: '/liveness', period: Duration.seconds(20) },
            readinessProbe: { port: 9801, timeout: Duration.seconds(1), failures: 1 },
          }),
        ],
      }),
      'database-proxy',
    );
    const often = { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 };
    expect(probes).toMatchObject({
      startupProbe: { exec: { command: ['/proxy', 'check'] }, ...often },
      livenessProbe: { httpGet: { path: '/liveness', port: 9801 }, ...often, periodSeconds: 20 },
      readinessProbe: { tcpSocket: { port: 9801 }, ...often, timeoutSeconds: 1, failureThreshold: 1 },
    });
  });

  test('listen on ports that only their clients reach', () => {
    const peers = (clients?: ExtraContainerPortClients) => {
      const objects = objectsOf({ sidecars: [extra({ ports: [{ name: 'proxy', port: 9801, clients }] })] });
      const { ingress } = find(objects, 'NetworkPolicy', name).spec;
      return ingress.filter(({ ports }: Rendered) => ports.some(({ port }: Rendered) => port === 9801));
    };
    expect(peers()).toEqual([]);
    expect(peers([{ podLabels: { app: 'probe' } }])).toMatchObject([
      { from: [{ podSelector: { matchLabels: { app: 'probe' } } }] },
    ]);
  });
});

test("containers in the pod of a deployer do not get its token of Kubernetes' API", () => {
  const { spec } = find(
    deployerObjects({ sidecars: [extra()], initContainers: [extra({ name: 'once' })] }),
    'Deployment',
    'mlflow-deployer',
  ).spec.template;
  const folders = ({ volumeMounts }: Rendered) => volumeMounts.map(({ mountPath }: Rendered) => mountPath);
  const token = '/var/run/secrets/kubernetes.io/serviceaccount';
  // Kubernetes mounts the token in each container that has no mount there.
  expect(spec.automountServiceAccountToken).toBe(true);
  for (const container of spec.initContainers) expect(folders(container)).toContain(token);
  expect(folders(spec.containers[0])).not.toContain(token);
});

test('the pod of a deployer without them is the same as before', () => {
  const { spec } = find(deployerObjects({}), 'Deployment', 'mlflow-deployer').spec.template;
  expect(spec.initContainers).toBeUndefined();
  expect(spec.volumes.map(nameOf)).not.toContain('no-token');
});

test.each<[ExtraContainerOptions, string]>([
  [{ sidecars: [extra({ name: 'deployer' })] }, "deployer.sidecars[0].name is 'deployer'; expected one of its own"],
  [{ sidecars: [extra({ ports: [{ name: 'a', port: 9090 }] })] }, 'deployer.sidecars[0].ports[0].port is 9090'],
  [{ volumes: [ExtraVolume.scratch('/etc/deployer', Size.mebibytes(1))] }, '/etc/deployer is taken'],
  [{ volumes: [ExtraVolume.scratch('/a', Size.gibibytes(0))] }, 'the size of volumes[0] is 0Gi'],
])('a deployer refuses %j', (props, message) => {
  expect(errorOf(() => deployerObjects(props))).toContain(message);
});

type ExtraContainerPortClients = NonNullable<SidecarContainer['ports']>[number]['clients'];

test('the disk of a volume is a part of the limit of the container that runs MLflow or the deployer', () => {
  const volumes = [ExtraVolume.scratch('/cache', Size.gibibytes(3))];
  const limit = (objects: Rendered[], deployment: string, list: string, index: number) =>
    find(objects, 'Deployment', deployment).spec.template.spec[list][index].resources.limits['ephemeral-storage'];
  expect(limit(serverObjects({ volumes }), 'server', 'initContainers', 1)).toBe('13824Mi');
  expect(limit(servingObjects({ volumes }), 'churn-serving', 'containers', 0)).toBe('14Gi');
  expect(limit(deployerObjects({ volumes }), 'mlflow-deployer', 'containers', 0)).toBe('3200Mi');
});

test.each<[ExtraContainerOptions, string]>([
  [{ sidecars: [extra({ name: 'nginx' })] }, "sidecars[0].name is 'nginx'; expected one of its own"],
  [{ initContainers: [extra({ name: 'My' })] }, "initContainers[0].name is 'My'; expected at most 40 lower-case"],
  [
    { sidecars: [extra()], initContainers: [extra()] },
    "initContainers[0].name is 'database-proxy'; expected one of its own",
  ],
  [{ sidecars: [extra({ image: 'proxy:latest' })] }, "sidecars[0].image is 'proxy:latest'; expected a tag"],
  [{ sidecars: [extra({ resources: {} })] }, 'sidecars[0].resources.cpu has no request; expected requests and limits'],
  [
    { sidecars: [extra({ resources: { ...resources, memory: { request: Size.gibibytes(1) } } })] },
    'memory has no limit',
  ],
  [{ sidecars: [extra({ user: 0 })] }, 'sidecars[0].user is 0; expected a whole number of at least 1'],
  [
    { sidecars: [extra({ environment: { API_TOKEN: 'x' } })] },
    'sidecars[0]: environment has API_TOKEN; expected no secrets',
  ],
  [
    { sidecars: [extra({ files: [MountedFiles.fromConfigMap('a', '/etc')] })] },
    "the mountPath of sidecars[0].files[0] is '/etc'; expected a folder below it",
  ],
  [
    {
      volumes: [ExtraVolume.scratch('/a', Size.gibibytes(1))],
      sidecars: [extra({ files: [MountedFiles.fromConfigMap('a', '/a/b')] })],
    },
    "the mountPath of sidecars[0].files[0] is '/a/b', and another one is '/a'",
  ],
  [{ volumes: [ExtraVolume.scratch('/tmp/a', Size.gibibytes(1))] }, "volumes[0] is '/tmp/a', and /tmp is taken"],
  [
    { volumes: [ExtraVolume.scratch('/a', Size.gibibytes(0))] },
    'the size of volumes[0] is 0Gi; expected more than zero',
  ],
  [{ volumes: [ExtraVolume.fromClaim('A', '/a')] }, "the claimName of volumes[0] is 'A'"],
  [
    { sidecars: [extra({ ports: [{ name: 'http', port: 9801 }] })] },
    "ports[0].name is 'http'; expected one of its own",
  ],
  [{ sidecars: [extra({ ports: [{ name: 'a', port: 8080 }] })] }, 'ports[0].port is 8080; expected one of its own'],
  [
    { sidecars: [extra({ ports: [{ name: 'a', port: 80 }] })] },
    'ports[0].port is 80; expected a whole number of at least 1024',
  ],
  [{ sidecars: [extra({ livenessProbe: {} })] }, 'livenessProbe has neither command nor port; expected one of the two'],
  [{ sidecars: [extra({ livenessProbe: { command: ['a'], port: 1 } })] }, 'livenessProbe has both command and port'],
  [{ sidecars: [extra({ livenessProbe: { port: 9801, path: 'a' } })] }, "livenessProbe.path is 'a'; expected a path"],
])('refuses %j', (props, message) => {
  expect(serverError({ ...props })).toContain(message);
  expect(servingError({ ...props })).toContain(message);
});
