import { addServer, containerOf, existingBucket, filesOf, podOf, serverError, serverObjects } from './servers';
import {
  ArtifactStore,
  Authentication,
  Credentials,
  Database,
  Exposure,
  MountedFiles,
  SecretValue,
  TrackingServerProps,
} from '../../lib';
import { Rendered, find, ofKind, synth } from '../support/synth';

const key = SecretValue.fromSecret('llm', 'key');
const secretEnvironment = { OPENAI_API_KEY: key };
const pathOf = (container: Rendered, volume: string) =>
  container.volumeMounts.find(({ name }: Rendered) => name === volume)?.mountPath;

describe('secretEnvironment of a server', () => {
  test('is a file of the folder that the programs of MLflow’s containers read', () => {
    const pod = podOf(serverObjects({ secretEnvironment }));
    expect(filesOf(pod, 'secrets')).toMatchObject({
      OPENAI_API_KEY: { secret: 'llm', key: 'key' },
      // The others stay.
      PGPASSWORD: { secret: 'database', key: 'password' },
    });
    for (const name of ['mlflow', 'wait-for-schema']) {
      expect(pathOf(containerOf(pod, name), 'secrets')).toBe('/run/secrets/mlflow');
    }
  });

  test('reaches neither nginx, nor the migration, nor any other object', () => {
    const objects = serverObjects({ secretEnvironment });
    expect(pathOf(containerOf(podOf(objects), 'nginx'), 'secrets')).toBeUndefined();
    const others = objects.filter((object) => object !== find(objects, 'Deployment', 'server'));
    expect(JSON.stringify(others)).not.toContain('OPENAI_API_KEY');
  });

  test('adds only items of one volume to the pod', () => {
    const without = podOf(serverObjects());
    const pod = podOf(serverObjects({ secretEnvironment }));
    const sources = (template: Rendered) =>
      template.spec.volumes.find(({ name }: Rendered) => name === 'secrets').projected.sources;
    expect(sources(pod)).toEqual([
      ...sources(without),
      { secret: { name: 'llm', items: [{ key: 'key', path: 'OPENAI_API_KEY' }] } },
    ]);
    sources(pod).pop();
    expect(pod).toEqual(without);
  });

  test.each([
    ['MLFLOW_BACKEND_STORE_URI', 'expected the prop database'],
    ['PGPASSWORD', 'expected the prop database'],
    ['MLFLOW_AUTH_ADMIN_PASSWORD', 'expected the prop authentication'],
    ['MLFLOW_CRYPTO_KEK_PASSPHRASE', 'expected the prop keys'],
    ['MLFLOW_FLASK_SERVER_SECRET_KEY', 'expected the prop keys'],
    ['MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE', 'it lets any web site use the server'],
    ['MLFLOW_SECRETS_DIRECTORY', 'the library sets it'],
    ['_MLFLOW_SERVER_FILE_STORE', 'the library sets it'],
  ])('is refused if the library depends on it: %s (%s)', (name, instead) => {
    const message = serverError({ secretEnvironment: { [name]: key } });
    expect(message).toContain(`chart/server: secretEnvironment has ${name}; expected `);
    expect(message).toContain(instead);
  });

  test('is refused if the store sets the variable', () => {
    expect(serverError({ secretEnvironment: { AWS_SECRET_ACCESS_KEY: key } })).toBe(
      "chart/server: secretEnvironment has AWS_SECRET_ACCESS_KEY; expected without it: the library sets it from the Secret 'bucket'",
    );
  });

  test('may have the keys of a cloud that the server does not use otherwise', () => {
    const artifacts = ArtifactStore.fromClaim({ claimName: 'artifacts', readWriteMany: true });
    expect(() => serverObjects({ artifacts, secretEnvironment: { AWS_SECRET_ACCESS_KEY: key } })).not.toThrow();
  });

  test('is named with every other mistake', () => {
    const message = serverError({
      replicas: 0,
      environment: { A: '1' },
      secretEnvironment: { A: key, 'B C': key, TZ: key },
      files: [MountedFiles.fromConfigMap('prompts', '/tmp')],
    });
    expect(message.split('\n').map((line) => line.replace(/;.*/, ''))).toEqual([
      'chart/server: replicas is 0',
      'chart/server: secretEnvironment and environment have A',
      "chart/server: secretEnvironment has the variable 'B C'",
      'chart/server: secretEnvironment has TZ',
      "chart/server: the mountPath of files[0] is '/tmp', and /tmp is taken",
    ]);
  });

  test.each([
    ['a string', 'hunter2'],
    ['an object', { secretName: 'llm', key: 'key' }],
  ])('refuses %s in place of a SecretValue, without showing a value', (what, value) => {
    const message = serverError({ secretEnvironment: { OPENAI_API_KEY: value as unknown as SecretValue } });
    expect(message).toBe(
      `chart/server: secretEnvironment.OPENAI_API_KEY is ${what}; expected a SecretValue, e.g. SecretValue.fromSecret('llm', 'key')`,
    );
  });

  test('is the way out that the message about secrets in environment names', () => {
    expect(serverError({ environment: { OPENAI_API_KEY: 'x' } })).toContain('use the prop secretEnvironment or keys');
  });
});

describe('files of a server', () => {
  test('are read-only folders of MLflow’s containers, and of no other', () => {
    const files = [
      MountedFiles.fromConfigMap('prompts', '/etc/prompts'),
      MountedFiles.fromSecret('llm-certificate', '/etc/llm'),
    ];
    const pod = podOf(serverObjects({ files }));
    for (const name of ['mlflow', 'wait-for-schema']) {
      expect(containerOf(pod, name).volumeMounts).toEqual(
        expect.arrayContaining([
          { name: 'mounted-files-0', mountPath: '/etc/prompts', readOnly: true },
          { name: 'mounted-files-1', mountPath: '/etc/llm', readOnly: true },
        ]),
      );
    }
    expect(pathOf(containerOf(pod, 'nginx'), 'mounted-files-0')).toBeUndefined();
    const jobs = ofKind(serverObjects({ files }), 'Job');
    expect(JSON.stringify(jobs)).not.toContain('mounted-files');
  });

  /** With every mount that a server can have. */
  const props: Partial<TrackingServerProps> = {
    authentication: Authentication.oidc({
      issuer: 'https://login.example.com',
      clientId: 'mlflow',
      credentials: Credentials.fromSecret('sso'),
      authoritySecretName: 'company-ca',
      groups: ['ml-people'],
    }),
    exposure: Exposure.ingress({ host: 'mlflow.example.com' }),
    database: Database.fromExisting({
      host: 'db.example.com',
      credentials: Credentials.fromSecret('database'),
      authoritySecretName: 'database-ca',
      clientCertificateSecretName: 'database-client',
    }),
  };
  const stores = [
    existingBucket(),
    ArtifactStore.fromBucket({
      bucket: 'models',
      endpoint: 'https://s3.example.com',
      authoritySecretName: 'store-ca',
      credentials: Credentials.fromSecret('bucket'),
    }),
    ArtifactStore.fromGoogleBucket({ bucket: 'models', credentials: Credentials.fromSecret('gcs-key') }),
    ArtifactStore.fromClaim({ claimName: 'artifacts', readWriteMany: true }),
  ];
  const cases = stores.flatMap((artifacts) => {
    const pod = podOf(synth((chart) => addServer(chart, { ...props, artifacts })));
    return containerOf(pod, 'mlflow').volumeMounts.map(({ mountPath }: Rendered) => [mountPath, artifacts] as const);
  });

  test('the cases have the mounts of the database and of the store', () => {
    const paths = cases.map(([path]) => path);
    expect(paths).toEqual(expect.arrayContaining(['/opt/cdk8s-mlflow', '/etc/mlflow-database', '/mlartifacts']));
  });

  test.each(cases)('%s, which the library mounts, is refused', (path, artifacts) => {
    for (const mountPath of [path, `${path}/x`]) {
      const files = [MountedFiles.fromConfigMap('prompts', mountPath)];
      expect(serverError({ ...props, artifacts, files })).toContain(
        `chart/server: the mountPath of files[0] is '${mountPath}', and `,
      );
    }
  });
});
