import { Credentials, MinioStore, MlflowPlatform } from '../../lib';
import { client, environmentOf, minio, readersOf } from '../support/components';
import { Rendered, errorOf, find, synth } from '../support/synth';

const platform = synth((chart) => new MlflowPlatform(chart, 'mlflow'));

test("only MinIO and the set-up Job have the root user's Secret", () => {
  expect(readersOf('mlflow-minio-secret', platform)).toEqual(['Job/mlflow-minio-set-up', 'StatefulSet/mlflow-minio']);
});

test("the set-up Job, the server and the migration have MLflow's own key, and MinIO does not", () => {
  expect(readersOf('mlflow-s3-secret', platform)).toEqual([
    'Deployment/mlflow-server',
    'Job/mlflow-minio-set-up',
    'Job/mlflow-server-migration',
  ]);
});

test('the name of the root user is random, like its password', () => {
  const { data } = find(platform, 'ConfigMap', 'mlflow-credentials');
  const { secrets } = JSON.parse(data['credentials.json']);
  expect(secrets.find(({ name }: Rendered) => name === 'mlflow-minio-secret').keys).toEqual({
    MINIO_ROOT_USER: { generate: 'access-key' },
    MINIO_ROOT_PASSWORD: { generate: 'password' },
  });
});

test('MinIO reads the root user from files', () => {
  expect(environmentOf(minio().container)).toMatchObject({
    MINIO_ROOT_USER_FILE: '/run/secrets/mlflow/MINIO_ROOT_USER',
    MINIO_ROOT_PASSWORD_FILE: '/run/secrets/mlflow/MINIO_ROOT_PASSWORD',
  });
  expect(JSON.stringify(minio().objects)).not.toMatch(/secretKeyRef|envFrom/);
});

test('a MinioStore without a platform names its Secrets after itself', () => {
  expect(readersOf('mlflow-minio-s3-secret', minio().objects)).toEqual(['Job/mlflow-minio-set-up']);
});

test('an existing Secret is read by the names of its keys', () => {
  const { pod, job } = minio({
    rootCredentials: Credentials.fromSecret('root', { usernameKey: 'u', passwordKey: 'p' }),
    credentials: Credentials.fromSecret('key', { usernameKey: 'id', passwordKey: 'secret' }),
  });
  const items = (volumes: Rendered[], name: string) =>
    volumes.find((volume) => volume.name === name).projected.sources.map(({ secret }: Rendered) => secret);
  const pair = (u: string, user: string, p: string, password: string) => [
    { key: u, path: user },
    { key: p, path: password },
  ];
  expect(items(pod.volumes, 'root')).toEqual([
    { name: 'root', items: pair('u', 'MINIO_ROOT_USER', 'p', 'MINIO_ROOT_PASSWORD') },
  ]);
  expect(items(job.spec.template.spec.volumes, 'secrets')).toEqual([
    { name: 'root', items: pair('u', 'ROOT_USER', 'p', 'ROOT_PASSWORD') },
    { name: 'key', items: pair('id', 'AWS_ACCESS_KEY_ID', 'secret', 'AWS_SECRET_ACCESS_KEY') },
  ]);
});

test('a client gets the address of the store in variables of boto3, and its key as files', () => {
  synth((chart) => {
    const store = new MinioStore(chart, 'minio');
    expect(store.connectFrom(client(0))).toEqual({
      environment: {
        MLFLOW_S3_ENDPOINT_URL: 'http://minio.mlflow.svc:9000',
        AWS_DEFAULT_REGION: 'us-east-1',
        MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'path',
      },
      secretVariables: [
        { variable: 'AWS_ACCESS_KEY_ID', secretName: 'minio-s3-secret', key: 'AWS_ACCESS_KEY_ID' },
        { variable: 'AWS_SECRET_ACCESS_KEY', secretName: 'minio-s3-secret', key: 'AWS_SECRET_ACCESS_KEY' },
      ],
      egress: [{ peer: { podLabels: store.podSelector }, port: 9000 }],
    });
  });
});

test.each([
  ['rootCredentials', 'mlflow-minio-secret'],
  ['credentials', 'mlflow-minio-s3-secret'],
])('refuses %s from a service account', (prop, secret) => {
  expect(errorOf(() => minio({ [prop]: Credentials.fromServiceAccount({}) }))).toContain(
    `chart/mlflow-minio: credentials for ${secret} are a service account's; expected Credentials.generated() or`,
  );
});

describe('the set-up Job', () => {
  test('has the address of the store and the name of the bucket', () => {
    expect(environmentOf(minio({ bucket: 'models' }).jobContainer)).toMatchObject({
      ENDPOINT: 'http://mlflow-minio.mlflow.svc:9000',
      BUCKET: 'models',
    });
  });

  test.each([
    [undefined, undefined],
    [false, undefined],
    [true, 'enabled'],
  ])('sets versioning to %p', (versioning, expected) => {
    expect(environmentOf(minio({ versioning }).jobContainer).VERSIONING).toBe(expected);
  });

  test('writes only to /tmp, also the configuration of mc', () => {
    expect(environmentOf(minio().jobContainer)).toMatchObject({ HOME: '/tmp', MC_CONFIG_DIR: '/tmp/mc' });
  });

  test('may reach only the store and DNS', () => {
    const { objects, statefulSet } = minio();
    const { spec } = find(objects, 'NetworkPolicy', 'mlflow-minio-set-up');
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.ingress ?? []).toEqual([]);
    expect(spec.egress).toHaveLength(4);
    expect(spec.egress[0].ports.map(({ port }: Rendered) => port)).toEqual([53, 5353]);
    expect(spec.egress[3]).toEqual({
      to: [{ podSelector: { matchLabels: statefulSet.spec.selector.matchLabels } }],
      ports: [{ port: 9000, protocol: 'TCP' }],
    });
  });

  test('uses the image of the store, which includes mc', () => {
    const image = 'registry.example.com/minio:1';
    expect(minio({ image }).jobContainer.image).toBe(image);
  });

  test.each([
    ['another bucket', { bucket: 'models' }],
    ['versioning', { versioning: true }],
    ['another key', { credentials: Credentials.fromSecret('key') }],
  ])('runs again for %s', (_, props) => {
    expect(minio(props).job.metadata.name).not.toBe(minio().job.metadata.name);
  });
});
