import { Credentials, MinioStore, MlflowPlatform } from '../../lib';
import { client, environmentOf, minio, readersOf } from '../support/components';
import { Rendered, errorOf, find, synth } from '../support/synth';

const platform = synth((chart) => new MlflowPlatform(chart, 'mlflow'));

test('the root user is known to MinIO and the set-up alone', () => {
  expect(readersOf('mlflow-minio-secret', platform)).toEqual(['Job/mlflow-minio-set-up', 'StatefulSet/mlflow-minio']);
});

test("MLflow's own key is known to the set-up, the server and the migration, and not to MinIO", () => {
  expect(readersOf('mlflow-s3-secret', platform)).toEqual([
    'Deployment/mlflow-server',
    'Job/mlflow-minio-set-up',
    'Job/mlflow-server-migration',
  ]);
});

test('the name of the root user is random, as its password is', () => {
  const { data } = find(platform, 'ConfigMap', 'mlflow-credentials');
  const { secrets } = JSON.parse(data['credentials.json']);
  expect(secrets.find(({ name }: Rendered) => name === 'mlflow-minio-secret').keys).toEqual({
    MINIO_ROOT_USER: { generate: 'access-key' },
    MINIO_ROOT_PASSWORD: { generate: 'password' },
  });
});

test('the root user reaches MinIO as files', () => {
  expect(environmentOf(minio().container)).toMatchObject({
    MINIO_ROOT_USER_FILE: '/run/secrets/mlflow/MINIO_ROOT_USER',
    MINIO_ROOT_PASSWORD_FILE: '/run/secrets/mlflow/MINIO_ROOT_PASSWORD',
  });
  expect(JSON.stringify(minio().objects)).not.toMatch(/secretKeyRef|envFrom/);
});

test('alone in its chart, its key is named by itself', () => {
  expect(readersOf('mlflow-minio-s3-secret', minio().objects)).toEqual(['Job/mlflow-minio-set-up']);
});

test('keys of Secrets that exist are taken as they are called', () => {
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

test('a client finds the store by the variables of boto3, and its key as files', () => {
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
])('%s cannot be those of a service account', (prop, secret) => {
  expect(errorOf(() => minio({ [prop]: Credentials.fromServiceAccount({}) }))).toContain(
    `chart/mlflow-minio: credentials for ${secret} are a service account's; expected Credentials.generated() or`,
  );
});

describe('the set-up', () => {
  test('is told where the store is and which bucket to make', () => {
    expect(environmentOf(minio({ bucket: 'models' }).jobContainer)).toMatchObject({
      ENDPOINT: 'http://mlflow-minio.mlflow.svc:9000',
      BUCKET: 'models',
    });
  });

  test.each([
    [undefined, undefined],
    [false, undefined],
    [true, 'enabled'],
  ])('versioning %p', (versioning, expected) => {
    expect(environmentOf(minio({ versioning }).jobContainer).VERSIONING).toBe(expected);
  });

  test('writes to /tmp alone: the configuration of mc would lie in a home', () => {
    expect(environmentOf(minio().jobContainer)).toMatchObject({ HOME: '/tmp', MC_CONFIG_DIR: '/tmp/mc' });
  });

  test('may reach the store and name look-ups, nothing else', () => {
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

  test('uses the image of the server, which has mc in it', () => {
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
