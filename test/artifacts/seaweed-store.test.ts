import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Credentials, MlflowPlatform, SeaweedStore, SeaweedStoreProps } from '../../lib';
import { client, environmentOf, readersOf, seaweed } from '../support/components';
import { Rendered, errorOf, find, findByPrefix, ofKind, synth } from '../support/synth';

const valueOf = (flag: string, { container }: { container: Rendered }) =>
  container.args.find((each: string) => each.startsWith(`-${flag}=`))?.slice(flag.length + 2);

test('defaults: 100Gi of the default storage class, 250m/512Mi to 2/2Gi', () => {
  const { statefulSet, container } = seaweed();
  const [claim] = statefulSet.spec.volumeClaimTemplates;
  expect(claim.metadata.name).toBe('seaweedfs-data');
  expect(claim.spec).toMatchObject({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100Gi' } } });
  expect(claim.spec.storageClassName).toBeUndefined();
  expect(container.image).toBe('docker.io/chrislusf/seaweedfs:4.46');
  expect(container.resources.requests).toMatchObject({ cpu: '250m', memory: '512Mi' });
  expect(container.resources.limits).toMatchObject({ cpu: '2', memory: '2Gi' });
});

test('storage and its class reach the claim', () => {
  const { statefulSet } = seaweed({ storage: Size.gibibytes(200), storageClassName: 'fast-ssd' });
  expect(statefulSet.spec.volumeClaimTemplates[0].spec).toMatchObject({
    storageClassName: 'fast-ssd',
    resources: { requests: { storage: '200Gi' } },
  });
});

test('a deleted StatefulSet keeps its volume', () => {
  const policy = seaweed().statefulSet.spec.persistentVolumeClaimRetentionPolicy;
  expect(policy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
});

test('only S3 listens beyond the pod; what knows no login listens on the loopback', () => {
  const rendered = seaweed();
  expect(valueOf('ip', rendered)).toBe('127.0.0.1');
  expect(valueOf('ip.bind', rendered)).toBe('127.0.0.1');
  expect(rendered.container.args.filter((each: string) => each.includes('0.0.0.0'))).toEqual(['-s3.ip.bind=0.0.0.0']);
  expect(rendered.service.spec.ports).toEqual([{ name: 's3', port: 8333, targetPort: 's3' }]);
  for (const catalog of ['s3.port.iceberg', 's3.port.lance']) expect(valueOf(catalog, rendered)).toBe('0');
});

test('no upload makes a bucket, no request changes a login, and nothing is reported to the makers', () => {
  const rendered = seaweed();
  const flags = ['s3.autoCreateBucket', 's3.iam', 'master.telemetry'];
  expect(flags.map((flag) => valueOf(flag, rendered))).toEqual(['false', 'false', 'false']);
});

test.each<[SeaweedStoreProps['resources'], string]>([
  [undefined, '1331MiB'],
  [{ memory: { limit: Size.gibibytes(8) } }, '5324MiB'],
  [{ memory: { request: Size.mebibytes(300), limit: Size.mebibytes(600) } }, '390MiB'],
])('the heap of %j is kept at 65 percent of the limit', (resources, expected) => {
  expect(environmentOf(seaweed({ resources }).container).GOMEMLIMIT).toBe(expected);
});

test('the program is that of the revision of the pod', () => {
  const { pod, objects, statefulSet } = seaweed();
  const { data } = find(objects, 'ConfigMap', 'mlflow-seaweedfs');
  const { configMap } = pod.volumes.find(({ name }: Rendered) => name === 'program');
  expect(configMap.items.map(({ key }: Rendered) => key).sort()).toEqual(Object.keys(data).sort());
  expect(Object.keys(data).find((key) => /^revision-[0-9a-f]{16}$/.test(key))).toBe(
    `revision-${statefulSet.spec.template.metadata.annotations['cdk8s-mlflow/config-hash']}`,
  );
});

describe('probes', () => {
  const { startupProbe, livenessProbe, readinessProbe } = seaweed().container;

  test('live is a server that answers, for five minutes at the start', () => {
    expect(startupProbe.httpGet).toEqual({ path: '/healthz', port: 's3' });
    expect(livenessProbe.httpGet).toEqual({ path: '/healthz', port: 's3' });
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(300);
  });

  // /healthz of S3 answers 200 even if the filer's database does not exist.
  test('ready is the bucket, the master, the filer and S3', () => {
    const [, , command] = readinessProbe.exec.command;
    expect(command).toMatch(/^\[ -e \/run\/seaweedfs\/ready \] && exec curl /);
    for (const url of ['9333/readyz', '8888/healthz', '8333/healthz']) expect(command).toContain(`127.0.0.1:${url}`);
  });
});

test('the pod may go nowhere, and is reached by its clients only, on S3', () => {
  const { policy } = seaweed({}, (store) => store.connectFrom(client(0)));
  expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
  expect(policy.spec.egress ?? []).toEqual([]);
  expect(policy.spec.ingress).toEqual([
    { from: [{ podSelector: { matchLabels: { app: 'server' } } }], ports: [{ port: 8333, protocol: 'TCP' }] },
  ]);
});

test('one pod has no budget, which would block a drain', () => {
  expect(ofKind(seaweed().objects, 'PodDisruptionBudget')).toEqual([]);
});

describe('keys', () => {
  test('are generated, both with random names', () => {
    const plan = findByPrefix(seaweed().objects, 'ConfigMap', 'mlflow-seaweedfs-credentials').data['credentials.json'];
    const keys = { AWS_ACCESS_KEY_ID: { generate: 'access-key' }, AWS_SECRET_ACCESS_KEY: { generate: 'password' } };
    expect(JSON.parse(plan).secrets).toEqual([
      expect.objectContaining({ name: 'mlflow-seaweedfs-secret', keys }),
      expect.objectContaining({ name: 'mlflow-seaweedfs-s3-secret', keys }),
    ]);
  });

  test("the administrator's is known to the store alone", () => {
    const objects = synth((chart) => {
      new MlflowPlatform(chart, 'mlflow', { artifacts: new SeaweedStore(chart, 'mlflow-seaweedfs') });
    });
    expect(readersOf('mlflow-seaweedfs-secret', objects)).toEqual(['StatefulSet/mlflow-seaweedfs']);
    expect(readersOf('mlflow-seaweedfs-s3-secret', objects)).toEqual([
      'Deployment/mlflow-server',
      'Job/mlflow-server-migration',
      'StatefulSet/mlflow-seaweedfs',
    ]);
  });

  test('reach the store as files, of Secrets that exist by the keys that they have', () => {
    const { pod, objects } = seaweed({
      rootCredentials: Credentials.fromSecret('root', { usernameKey: 'u', passwordKey: 'p' }),
      credentials: Credentials.fromSecret('key', { usernameKey: 'id', passwordKey: 'secret' }),
    });
    const { projected } = pod.volumes.find(({ name }: Rendered) => name === 'secrets');
    const pair = (u: string, user: string, p: string, password: string) => [
      { key: u, path: user },
      { key: p, path: password },
    ];
    expect(projected.sources.map(({ secret }: Rendered) => secret)).toEqual([
      { name: 'root', items: pair('u', 'ROOT_ACCESS_KEY_ID', 'p', 'ROOT_SECRET_ACCESS_KEY') },
      { name: 'key', items: pair('id', 'AWS_ACCESS_KEY_ID', 'secret', 'AWS_SECRET_ACCESS_KEY') },
    ]);
    expect(JSON.stringify(objects)).not.toMatch(/secretKeyRef|envFrom/);
  });

  test('are written to memory, not to the disk of the node', () => {
    const { pod, container } = seaweed();
    const { name } = container.volumeMounts.find(({ mountPath }: Rendered) => mountPath === '/run/seaweedfs');
    expect(pod.volumes.find((volume: Rendered) => volume.name === name).emptyDir.medium).toBe('Memory');
  });
});

test('a client finds the store by the variables of boto3, and its key as files', () => {
  synth((chart) => {
    const store = new SeaweedStore(chart, 'seaweedfs', { bucket: 'models' });
    expect(store).toMatchObject({ sharedByReplicas: true, reachableByClients: false, uri: 's3://models' });
    expect(store.connectFrom(client(0))).toEqual({
      environment: {
        MLFLOW_S3_ENDPOINT_URL: 'http://seaweedfs.mlflow.svc:8333',
        AWS_DEFAULT_REGION: 'us-east-1',
        MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'path',
      },
      secretVariables: [
        { variable: 'AWS_ACCESS_KEY_ID', secretName: 'seaweedfs-s3-secret', key: 'AWS_ACCESS_KEY_ID' },
        { variable: 'AWS_SECRET_ACCESS_KEY', secretName: 'seaweedfs-s3-secret', key: 'AWS_SECRET_ACCESS_KEY' },
      ],
      egress: [{ peer: { podLabels: store.podSelector }, port: 8333 }],
    });
  });
});

const refused: [string, SeaweedStoreProps, string][] = [
  [
    'an image that moves',
    { image: 'chrislusf/seaweedfs:latest' },
    "image is 'chrislusf/seaweedfs:latest'; expected a tag",
  ],
  ['storage of zero', { storage: Size.gibibytes(0) }, 'storage is 0Gi; expected more than zero'],
  [
    'storage that a bucket fills at once',
    { storage: Size.mebibytes(5119) },
    'storage is 5119Mi; expected at least 5Gi, e.g. Size.gibibytes(50)',
  ],
  [
    'a request above the limit',
    { resources: { cpu: { request: Cpu.millis(2500) } } },
    'resources.cpu requests 2500m with a limit of 2; expected amounts above zero',
  ],
  ['a bucket outside of the rules', { bucket: 'My_Models' }, "bucket is 'My_Models'; expected 3 to 63"],
  [
    "a Secret's name",
    { credentials: Credentials.fromSecret('My_Secret') },
    "the name of the Secret of credentials is 'My_Secret'; expected",
  ],
  [
    'the identity of a ServiceAccount',
    { rootCredentials: Credentials.fromServiceAccount({}) },
    "credentials for mlflow-seaweedfs-secret are a service account's; expected Credentials.generated() or",
  ],
];

test.each(refused)('%s is refused', (_, props, message) => {
  expect(errorOf(() => seaweed(props))).toContain(`chart/mlflow-seaweedfs: ${message}`);
});

test('storage of 5Gi is taken', () => {
  expect(() => seaweed({ storage: Size.gibibytes(5) })).not.toThrow();
});

test.each<[string, object, string]>([
  [
    'labels that no pod can have',
    { podLabels: { app: 'a b' } },
    'chart/mlflow-seaweedfs: client.podLabels has the value',
  ],
  [
    'another namespace',
    { namespace: 'other' },
    "chart/server: the store is in namespace 'mlflow', and who connects in 'other'",
  ],
])('a client with %s is refused', (_, wrong, message) => {
  expect(errorOf(() => seaweed({}, (store) => store.connectFrom({ ...client(5), ...wrong })))).toContain(message);
});
