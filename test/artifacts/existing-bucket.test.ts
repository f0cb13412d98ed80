import { ArtifactStore, BackupTarget, Credentials, MlflowPlatform, ExistingBucketProps } from '../../lib';
import { client, environmentOf } from '../support/components';
import { Rendered, errorOf, find, findByPrefix, synth } from '../support/synth';

const minimal: ExistingBucketProps = { bucket: 'models', credentials: Credentials.fromSecret('s3-key') };

/** All props but `cidr`, because `egress` replaces it. */
const allProps: Required<Omit<ExistingBucketProps, 'cidr'>> = {
  bucket: 'models',
  prefix: 'team-a/mlflow',
  region: 'eu-west-1',
  endpoint: 'https://s3.example.com:9443',
  pathStyle: true,
  credentials: Credentials.fromSecret('s3-key', { usernameKey: 'id', passwordKey: 'key' }),
  egress: [{ peer: { cidr: '10.1.2.0/24' }, port: 9443 }],
  authoritySecretName: 'store-ca',
  uploadArguments: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/mlflow' },
};

const connect = (props: Partial<ExistingBucketProps>) =>
  ArtifactStore.fromBucket({ ...minimal, ...props }).connectFrom(client(0));

test('a connection to an existing bucket, without props', () => {
  expect(connect({})).toMatchSnapshot();
});

test('a connection to an existing bucket, with all props', () => {
  expect(connect(allProps)).toMatchSnapshot();
});

test('an existing bucket is shared with servers and clients outside the cluster', () => {
  expect(ArtifactStore.fromBucket(minimal)).toMatchObject({ sharedByReplicas: true, reachableByClients: true });
});

test('the URI includes the folder in the bucket', () => {
  expect(ArtifactStore.fromBucket(minimal).uri).toBe('s3://models');
  expect(ArtifactStore.fromBucket(allProps).uri).toBe('s3://models/team-a/mlflow');
});

test.each<[string, Partial<ExistingBucketProps>, string | undefined]>([
  ["Amazon's own", {}, undefined],
  ['an endpoint', { endpoint: 'https://s3.example.com' }, 'path'],
  ['an endpoint with the bucket in its host name', { endpoint: 'https://s3.example.com', pathStyle: false }, 'virtual'],
  ["Amazon's own, by path", { pathStyle: true }, 'path'],
  ["Amazon's own, by host name", { pathStyle: false }, 'virtual'],
])('chooses the addressing style of %s', (_, props, style) => {
  expect(connect(props).environment.MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE).toBe(style);
});

test.each<[string, Partial<ExistingBucketProps>, string | undefined]>([
  ["Amazon's own", {}, undefined],
  ['an endpoint', { endpoint: 'https://s3.example.com' }, 'when_required'],
])('chooses the checksums of %s', (_, props, when) => {
  const { AWS_REQUEST_CHECKSUM_CALCULATION: sent, AWS_RESPONSE_CHECKSUM_VALIDATION: read } = connect(props).environment;
  expect([sent, read]).toEqual([when, when]);
});

test.each([
  [undefined, 443],
  ['https://s3.example.com', 443],
  ['http://store', 80],
  ['http://store:9000', 9000],
  ['https://s3.example.com:9443', 9443],
  ['http://[fd00::1]:9000', 9000],
])('the policy allows the port of endpoint %p: %d', (endpoint, port) => {
  expect(connect({ ...(endpoint && { endpoint }) }).egress).toEqual([{ peer: { anyone: true }, port }]);
});

test('the policy allows only the addresses of the endpoint if they are known', () => {
  expect(connect({ cidr: '10.1.2.0/24' }).egress).toEqual([{ peer: { cidr: '10.1.2.0/24' }, port: 443 }]);
});

test('the policy allows the pods behind a Service instead of the host of the URL', () => {
  const rook = {
    peer: { podLabels: { app: 'rook-ceph-rgw' }, namespaceLabels: { 'kubernetes.io/metadata.name': 'rook-ceph' } },
    port: 8080,
  };
  expect(connect({ endpoint: 'http://rook-ceph-rgw-store.rook-ceph.svc', egress: [rook] }).egress).toEqual([rook]);
});

test('a bucket with a key from a Secret needs no egress to an agent', () => {
  expect(JSON.stringify(connect({}).egress)).not.toContain('169.254');
});

describe('with credentials from a service account', () => {
  const agent = ['169.254.170.23/32', 'fd00:ec2::23/128'].map((cidr) => ({ peer: { cidr }, port: 80 }));
  const credentials = Credentials.fromServiceAccount({ 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/mlflow' });

  test('no Secret is used', () => {
    expect(connect({ credentials }).secretVariables).toEqual([]);
  });

  test('only the ServiceAccounts of the server and its migration have the annotation', () => {
    const artifacts = ArtifactStore.fromBucket({ ...minimal, credentials });
    const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow', { artifacts }));
    const annotated = objects
      .filter(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.annotations)
      .map(({ metadata }) => [metadata.name, metadata.annotations]);
    const annotation = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/mlflow' };
    expect(annotated).toEqual([
      ['mlflow-server', annotation],
      ['mlflow-server-migration', annotation],
    ]);
  });

  // The cloud's own service exchanges the token for a key, and that service has none of the endpoint's addresses.
  test('the policy allows HTTPS to any address in addition to those of the endpoint', () => {
    const { egress } = connect({ credentials, endpoint: 'https://s3.example.com:9443', cidr: '10.1.2.0/24' });
    expect(egress).toEqual([
      { peer: { cidr: '10.1.2.0/24' }, port: 9443 },
      { peer: { anyone: true }, port: 443 },
      ...agent,
    ]);
  });

  test.each<[string, Partial<ExistingBucketProps>]>([
    ['no other props', {}],
    ['an endpoint', { endpoint: 'https://s3.example.com:9443' }],
    ['egress', { egress: [{ peer: { podLabels: { app: 'rgw' } }, port: 8080 }] }],
  ])('the policy allows the agent of EKS Pod Identity, over IPv4 and IPv6, with %s', (_, props) => {
    expect(connect({ credentials, ...props }).egress).toEqual(expect.arrayContaining(agent));
  });

  test('the policies of the server and the migration allow that agent', () => {
    const artifacts = ArtifactStore.fromBucket({ ...minimal, credentials: Credentials.fromServiceAccount({}) });
    const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow', { artifacts }));
    for (const name of ['mlflow-server', 'mlflow-server-migration']) {
      for (const cidr of ['169.254.170.23/32', 'fd00:ec2::23/128']) {
        const rule = { to: [{ ipBlock: { cidr } }], ports: [{ port: 80, protocol: 'TCP' }] };
        expect(find(objects, 'NetworkPolicy', name).spec.egress).toContainEqual(rule);
      }
    }
  });
});

test('the server, its init container and its migration have the same variables of the endpoint', () => {
  const objects = synth(
    (chart) => new MlflowPlatform(chart, 'mlflow', { artifacts: ArtifactStore.fromBucket(allProps) }),
  );
  const pods = [
    find(objects, 'Deployment', 'mlflow-server').spec.template.spec,
    findByPrefix(objects, 'Job', 'mlflow-server-migration-').spec.template.spec,
  ];
  const told = pods
    .flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers])
    .filter(({ env = [] }) => env.some(({ name }: Rendered) => name === 'MLFLOW_S3_ENDPOINT_URL'));
  expect(told.map(({ name }) => name)).toEqual(['wait-for-schema', 'mlflow', 'migrate']);
  for (const container of told) {
    expect(environmentOf(container)).toMatchObject({
      MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'path',
      AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
      AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
    });
  }
});

test('every container that reaches the store trusts its authority, also those of a backup, each store by its own', () => {
  const target = BackupTarget.bucket({ ...allProps, bucket: 'backups', authoritySecretName: 'target-ca' });
  const objects = synth(
    (chart) =>
      new MlflowPlatform(chart, 'mlflow', {
        artifacts: ArtifactStore.fromBucket(allProps),
        backup: { schedule: '0 2 * * *', target },
        garbageCollection: { schedule: '0 4 * * 6' },
      }),
  );
  const authorities = (pod: Rendered, container: string) => {
    const all = [...(pod.initContainers ?? []), ...pod.containers];
    const { env, volumeMounts } = all.find(({ name }: Rendered) => name === container);
    return env
      .filter(({ name }: Rendered) => name.endsWith('CA_BUNDLE'))
      .map(({ name, value }: Rendered) => {
        const mount = volumeMounts.find(({ mountPath }: Rendered) => value === `${mountPath}/ca.crt`);
        const { secret } = pod.volumes.find((volume: Rendered) => volume.name === mount.name);
        return `${name} ${secret.secretName} ${JSON.stringify(secret.items)}`;
      });
  };
  const store = 'AWS_CA_BUNDLE store-ca [{"key":"ca.crt","path":"ca.crt"}]';
  const ofTarget = 'TARGET_CA_BUNDLE target-ca [{"key":"ca.crt","path":"ca.crt"}]';
  const cron = (name: string) => find(objects, 'CronJob', name).spec.jobTemplate.spec.template.spec;
  const { spec: server } = find(objects, 'Deployment', 'mlflow-server').spec.template;
  expect(authorities(server, 'mlflow')).toEqual([store]);
  const { spec: migration } = findByPrefix(objects, 'Job', 'mlflow-server-migration-').spec.template;
  expect(authorities(migration, 'migrate')).toEqual([store]);
  expect(authorities(cron('mlflow-garbage-collection'), 'garbage-collection')).toEqual([store]);
  expect(authorities(cron('mlflow-backup'), 'rclone')).toEqual([store, ofTarget]);
  expect(authorities(cron('mlflow-restore-drill'), 'rclone')).toEqual([ofTarget]);
});

test('the server and its migration have the key as files, and egress to the bucket', () => {
  const artifacts = ArtifactStore.fromBucket(allProps);
  const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow', { artifacts }));
  const egress = { to: [{ ipBlock: { cidr: '10.1.2.0/24' } }], ports: [{ port: 9443, protocol: 'TCP' }] };
  const workloads = {
    'mlflow-server': find(objects, 'Deployment', 'mlflow-server'),
    'mlflow-server-migration': findByPrefix(objects, 'Job', 'mlflow-server-migration-'),
  };
  for (const [name, workload] of Object.entries(workloads)) {
    expect(find(objects, 'NetworkPolicy', name).spec.egress).toContainEqual(egress);
    expect(JSON.stringify(workload.spec.template.spec.volumes)).toContain('{"secret":{"items":[{"key":"id"');
  }
});

const refused: [string, Partial<ExistingBucketProps>, string][] = [
  ['a bucket outside of the rules', { bucket: 's3://models' }, "bucket is 's3://models'; expected 3 to 63"],
  [
    'an authority without TLS',
    { endpoint: 'http://store:9000', authoritySecretName: 'ca' },
    "authoritySecretName is given, and endpoint is 'http://store:9000'; expected an endpoint with https",
  ],
  [
    'an authority of Amazon',
    { authoritySecretName: 'ca' },
    'authoritySecretName is given, and endpoint is not; expected',
  ],
  ['a wrong name of a Secret', { endpoint: 'https://store', authoritySecretName: 'A' }, "authoritySecretName is 'A'"],
  [
    'a secret among the arguments of uploads',
    { uploadArguments: { SSECustomerKey: 'x' } },
    "uploadArguments has 'SSECustomerKey'; expected an argument of boto3's upload_file",
  ],
  ['a slash before the folder', { prefix: '/a' }, "prefix is '/a'; expected a folder without slashes at its ends"],
  ['a slash after the folder', { prefix: 'a/' }, "prefix is 'a/'"],
  ['an empty folder', { prefix: '' }, "prefix is ''"],
  ['a folder in the middle without a name', { prefix: 'a//b' }, "prefix is 'a//b'"],
  [
    'an endpoint without scheme',
    { endpoint: 's3.example.com' },
    "endpoint is 's3.example.com'; expected a URL with scheme",
  ],
  ['another scheme', { endpoint: 's3://models' }, "endpoint is 's3://models'"],
  [
    'a path in the endpoint',
    { endpoint: 'https://s3.example.com/models' },
    "endpoint is 'https://s3.example.com/models'",
  ],
  ['a key in the endpoint', { endpoint: 'https://id:key@s3.example.com' }, "endpoint is 'https://id:"],
  ['a query in the endpoint', { endpoint: 'https://s3.example.com?x=1' }, "endpoint is 'https://s3.example.com?x=1'"],
  ['a port above 65535', { endpoint: 'https://s3.example.com:99999' }, "endpoint is 'https://s3.example.com:99999'"],
  ['an endpoint without host', { endpoint: 'https://:9000' }, "endpoint is 'https://:9000'"],
  [
    'a key that would have to be made',
    { credentials: Credentials.generated() },
    "the bucket's credentials are generated; expected Credentials.fromSecret('name') or fromServiceAccount(…)",
  ],
  [
    'a Secret that cannot be',
    { credentials: Credentials.fromSecret('My_Key') },
    "the name of the Secret of the bucket's credentials is 'My_Key'",
  ],
  ['an address without a mask', { cidr: '10.0.0.1' }, "cidr is '10.0.0.1'"],
  [
    'cidr and egress together',
    { cidr: '10.0.0.1/32', egress: [{ peer: { anyone: true }, port: 9000 }] },
    'cidr and egress are both given',
  ],
  ['port 0 of egress', { egress: [{ peer: { anyone: true }, port: 0 }] }, 'the port of egress is 0'],
];

test.each(refused)('refuses %s, with the path of the construct that connects', (_, props, message) => {
  expect(errorOf(() => connect(props))).toContain(`chart/server: ${message}`);
});
