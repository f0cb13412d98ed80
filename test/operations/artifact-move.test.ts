import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  ArtifactAccess,
  ArtifactMove,
  ArtifactMoveProps,
  ArtifactStore,
  Credentials,
  DataVolume,
  Database,
  IArtifactStore,
  MinioStore,
  MlflowPlatform,
  SeaweedStore,
  TrackingServerProps,
} from '../../lib';
import { environmentOf } from '../support/components';
import { Rendered, errorOf, find, namesOf, snapshotOf, synth } from '../support/synth';
import { addServer } from '../tracking/servers';

type Options = Omit<ArtifactMoveProps, 'server' | 'to'>;
const all: Required<Options> = {
  bytesPerSecond: Size.mebibytes(50),
  resources: { cpu: { request: Cpu.millis(200) }, memory: { limit: Size.gibibytes(2) } },
  image: 'registry.example.com/rclone:1.75.1',
};
const bucket = ArtifactStore.fromBucket({
  bucket: 'models',
  prefix: 'team-a',
  endpoint: 'https://s3.example.com',
  region: 'eu-west-1',
  pathStyle: false,
  credentials: Credentials.fromSecret('new-key', { usernameKey: 'id', passwordKey: 'key' }),
  authoritySecretName: 'store-ca',
  uploadArguments: { ServerSideEncryption: 'aws:kms' },
  cidr: '10.0.0.0/8',
});
const google = ArtifactStore.fromGoogleBucket({ bucket: 'models', credentials: Credentials.fromSecret('gcs-key') });
const azure = ArtifactStore.fromAzureContainer({
  account: 'models',
  container: 'mlflow',
  credentials: Credentials.fromSecret('azure-key'),
});
const claim = (claimName: string) => ArtifactStore.fromClaim({ claimName });

const move = (to: IArtifactStore = bucket, server: Partial<TrackingServerProps> = {}, options: Options = {}) =>
  synth((chart) => new ArtifactMove(chart, 'move', { ...options, to, server: addServer(chart, server) }));
const own = (objects: Rendered[]) => objects.filter(({ metadata }) => metadata.name.startsWith('move'));
const podOf = (objects: Rendered[]) => find(objects, 'CronJob', 'move').spec.jobTemplate.spec.template.spec;
const rcloneOf = (objects: Rendered[]) => podOf(objects).initContainers[0];

test('a move with the required props only', () => {
  expect(snapshotOf(own(move()))).toMatchSnapshot();
});

test('a move with every option', () => {
  expect(snapshotOf(own(move(bucket, {}, all)))).toMatchSnapshot();
});

test('both embedded stores and the database admit its pods, and no other object of a platform changes', () => {
  const platform = (moves: boolean) =>
    synth((chart) => {
      const to = new SeaweedStore(chart, 'seaweedfs');
      const { server } = new MlflowPlatform(chart, 'mlflow');
      if (moves) new ArtifactMove(chart, 'move', { server, to });
    });
  const policies = ['mlflow-postgres', 'mlflow-minio', 'seaweedfs'];
  const isPolicy = ({ kind, metadata }: Rendered) => kind === 'NetworkPolicy' && policies.includes(metadata.name);
  const [objects, before] = [platform(true), platform(false)];
  for (const name of policies) {
    const text = JSON.stringify(find(objects, 'NetworkPolicy', name).spec.ingress);
    expect(text).toContain('"app.kubernetes.io/component":"artifact-move"');
  }
  const others = objects.filter((each) => !own([each]).length && !isPolicy(each));
  expect(others).toEqual(before.filter((each) => !isPolicy(each)));
  const egress = JSON.stringify(find(objects, 'NetworkPolicy', 'move').spec.egress);
  for (const port of [5432, 9000, 8333]) expect(egress).toContain(`"port":${port}`);
});

test('no Kubernetes schedule starts it, and a retry continues unless it is useless', () => {
  const { spec } = find(move(), 'CronJob', 'move');
  expect(spec.suspend).toBe(true);
  expect(spec.jobTemplate.spec.backoffLimit).toBe(6);
  expect(spec.jobTemplate.spec.podFailurePolicy.rules).toEqual([
    { action: 'FailJob', onExitCodes: { containerName: 'artifact-move', operator: 'In', values: [3] } },
  ]);
});

test('only rclone has the keys of the stores, and no key of one is taken for the other', () => {
  const pod = podOf(move());
  const secretsOf = (container: Rendered) => {
    const mounts = container.volumeMounts.map(({ name }: Rendered) => name);
    const volumes = pod.volumes.filter(({ name }: Rendered) => mounts.includes(name));
    return volumes.flatMap(({ projected }: Rendered) =>
      (projected?.sources ?? []).flatMap(({ secret }: Rendered) =>
        secret.items.map(({ path }: Rendered) => `${secret.name} ${path}`),
      ),
    );
  };
  expect(secretsOf(pod.initContainers[0])).toEqual([
    'bucket AWS_ACCESS_KEY_ID',
    'bucket AWS_SECRET_ACCESS_KEY',
    'new-key DESTINATION_AWS_ACCESS_KEY_ID',
    'new-key DESTINATION_AWS_SECRET_ACCESS_KEY',
  ]);
  expect(secretsOf(pod.containers[0]).join()).toMatch(/^[\w-]+ PGUSER,[\w-]+ PGPASSWORD$/);
});

describe('the destination', () => {
  const environmentTo = (to: IArtifactStore) => environmentOf(rcloneOf(move(to)));
  test.each<[string, IArtifactStore, object]>([
    [
      'a bucket',
      bucket,
      {
        DESTINATION_URI: 's3://models/team-a',
        DESTINATION_MLFLOW_S3_ENDPOINT_URL: 'https://s3.example.com',
        DESTINATION_AWS_DEFAULT_REGION: 'eu-west-1',
        DESTINATION_MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'virtual',
        DESTINATION_AWS_CA_BUNDLE: '/destination/etc/mlflow-store/ca.crt',
      },
    ],
    [
      'a bucket of Google Cloud Storage',
      google,
      {
        DESTINATION_URI: 'gs://models',
        DESTINATION_GOOGLE_APPLICATION_CREDENTIALS: '/destination/etc/mlflow-store/key.json',
      },
    ],
    ['a container of Azure Blob Storage', azure, { DESTINATION_URI: 'wasbs://mlflow@models.blob.core.windows.net' }],
    ['a claim', claim('other'), { DESTINATION_URI: 'file:///destination/mlartifacts' }],
  ])('is %s', (_, to, expected) => {
    const ofDestination = Object.entries(environmentTo(to)).filter(([name]) => name.startsWith('DESTINATION_'));
    expect(Object.fromEntries(ofDestination)).toEqual(expected);
  });

  test('is a volume of the same kind as the source: each has its own folder', () => {
    const objects = move(claim('new'), { artifacts: claim('old'), replicas: 1 });
    const pod = podOf(objects);
    const claims = pod.volumes.filter((volume: Rendered) => volume.persistentVolumeClaim);
    const mounted = claims.map(({ name, persistentVolumeClaim }: Rendered) => [
      persistentVolumeClaim.claimName,
      rcloneOf(objects).volumeMounts.find((mount: Rendered) => mount.name === name).mountPath,
    ]);
    expect(mounted).toEqual([
      ['old', '/mlartifacts'],
      ['new', '/destination/mlartifacts'],
    ]);
    expect(environmentOf(rcloneOf(objects))).toMatchObject({
      STORE_URI: 'file:///mlartifacts',
      DESTINATION_URI: 'file:///destination/mlartifacts',
    });
  });

  test('is the old embedded store on the way back, with the names that it had in the platform', () => {
    const before = namesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow')));
    const objects = synth((chart) => {
      const platform = new MlflowPlatform(chart, 'mlflow', { artifacts: new SeaweedStore(chart, 'mlflow-seaweedfs') });
      const to = new MinioStore(platform, 'minio');
      new ArtifactMove(chart, 'move', { server: platform.server, to });
    });
    const ofStore = (names: string[]) => names.filter((name) => name.includes('mlflow-minio'));
    expect(ofStore(namesOf(objects))).toEqual(ofStore(before));
    expect(environmentOf(rcloneOf(objects))).toMatchObject({
      MLFLOW_S3_ENDPOINT_URL: expect.stringContaining('mlflow-seaweedfs'),
      DESTINATION_MLFLOW_S3_ENDPOINT_URL: expect.stringContaining('mlflow-minio'),
    });
  });
});

test('it runs on the node that has the volume of the artifacts, if only one node can have it', () => {
  const { affinity } = podOf(move(bucket, { artifacts: claim('artifacts'), replicas: 1 }));
  expect(affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
});

test('the program knows whether the server refuses uploads', () => {
  const paused = (pauseArtifactWrites: boolean) =>
    environmentOf(podOf(move(bucket, { pauseArtifactWrites })).containers[0]).WRITES_PAUSED;
  expect([paused(false), paused(true)]).toEqual(['no', 'yes']);
});

test('the limit of the rate is in the unit of rclone', () => {
  expect(environmentOf(rcloneOf(move(bucket, {}, all))).RCLONE_BWLIMIT).toBe('51200Ki');
});

describe('is refused', () => {
  test('to the store that the server has', () => {
    expect(errorOf(() => move(bucket, { artifacts: bucket }))).toContain(
      'to is the store of the server; expected the other',
    );
  });

  test('for a server whose clients connect to the store themselves', () => {
    const server = { artifactAccess: ArtifactAccess.DIRECT, artifacts: google };
    expect(errorOf(() => move(bucket, server))).toContain("artifactAccess of the server is 'direct'");
  });

  test('with SQLite, which only the pod of the server can open', () => {
    const error = errorOf(() =>
      synth((chart) => {
        const volume = new DataVolume(chart, 'data');
        const { server } = new MlflowPlatform(chart, 'mlflow', {
          database: Database.sqlite({ volume }),
          artifacts: ArtifactStore.volume({ volume }),
        });
        new ArtifactMove(chart, 'move', { server, to: bucket });
      }),
    );
    expect(error).toContain(
      'expected no ArtifactMove: copy the folder as docs/how-to/from-sqlite-to-postgresql.md describes',
    );
  });

  test('with two identities of one kind, as a pod has one', () => {
    const role = (name: string) =>
      ArtifactStore.fromBucket({
        bucket: name,
        credentials: Credentials.fromServiceAccount({ 'eks.amazonaws.com/role-arn': `arn:aws:iam::1:role/${name}` }),
      });
    expect(errorOf(() => move(role('new'), { artifacts: role('old') }))).toContain(
      "the two stores give the annotation 'eks.amazonaws.com/role-arn' of the ServiceAccount different values",
    );
    expect(namesOf(move(role('old'), { artifacts: role('old') }))).toContain('CronJob move');
  });

  test.each<[string, Options, RegExp]>([
    [
      'a rate of zero',
      { bytesPerSecond: Size.kibibytes(0) },
      /bytesPerSecond is 0Ki; expected at least 1 KiB and less than 1 PiB/,
    ],
    ['an image without a tag', { image: 'rclone/rclone' }, /image is 'rclone\/rclone'/],
  ])('with %s', (_, options, message) => {
    expect(errorOf(() => move(bucket, {}, options))).toMatch(message);
  });

  test('pauseArtifactWrites if clients write without the server', () => {
    const server = { artifactAccess: ArtifactAccess.DIRECT, artifacts: google, pauseArtifactWrites: true };
    expect(errorOf(() => synth((chart) => addServer(chart, server)))).toContain(
      "pauseArtifactWrites is true, and artifactAccess is 'direct'",
    );
  });
});
