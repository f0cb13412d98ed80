import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { RecordingDatabase, containerOf, environmentOf, podOf, serverError, serverObjects } from './servers';
import { ArtifactAccess, ArtifactStore, Authentication, Credentials, TrackingServerProps } from '../../lib';
import { SERVER_VARIABLES } from '../../lib/tracking/reserved-variables';

type Case = [props: Partial<TrackingServerProps>, given: string, want: string];

const whole = 'expected a whole number of at least 1';
const volume = () => ArtifactStore.fromClaim({ claimName: 'files' });

const cases: Case[] = [
  [{ autoscaling: { minReplicas: 5, maxReplicas: 4 } }, 'minReplicas 5 and maxReplicas 4', 'minReplicas of at most'],
  [{ autoscaling: { minReplicas: 0 } }, 'autoscaling.minReplicas is 0', whole],
  [{ autoscaling: { minReplicas: 1.5 } }, 'autoscaling.minReplicas is 1.5', whole],
  [{ autoscaling: { maxReplicas: -1 } }, 'autoscaling.maxReplicas is -1', whole],
  [{ autoscaling: { targetCpuPercent: 0 } }, 'autoscaling.targetCpuPercent is 0', whole],
  [{ autoscaling: { targetCpuPercent: 70.5 } }, 'autoscaling.targetCpuPercent is 70.5', whole],
  [{ replicas: 0 }, 'replicas is 0', whole],
  [{ replicas: -3 }, 'replicas is -3', whole],
  [{ replicas: 2.5 }, 'replicas is 2.5', whole],
  [{ replicas: NaN }, 'replicas is NaN', whole],
  [{ replicas: 3, autoscaling: {} }, 'replicas is 3 and autoscaling is given', 'expected one of the two'],
  [{ workers: 0 }, 'workers is 0', whole],
  [{ maxDatabaseRequests: 0 }, 'maxDatabaseRequests is 0', 'expected a whole number from 1 to 40'],
  [{ maxDatabaseRequests: 1.5 }, 'maxDatabaseRequests is 1.5', 'expected a whole number from 1 to 40'],
  [{ maxDatabaseRequests: 41 }, 'maxDatabaseRequests is 41', 'expected a whole number from 1 to 40'],
  [{ drainTimeout: Duration.seconds(0) }, 'drainTimeout is 0 seconds', 'expected whole seconds, at least 10'],
  [{ drainTimeout: Duration.seconds(1.5) }, 'drainTimeout is 1.5 seconds', 'expected whole seconds, at least 10'],
  [
    { artifacts: volume() },
    'there can be 10 servers, and the artifact store supports a single replica',
    'expected replicas: 1',
  ],
  [{ artifacts: volume(), replicas: 2 }, 'there can be 2 servers, and the artifact store', 'a ReadWriteMany volume'],
  [{ database: new RecordingDatabase(false) }, 'there can be 10 servers, and the database', 'expected replicas: 1'],
  [
    { artifacts: volume(), replicas: 1, artifactAccess: ArtifactAccess.DIRECT },
    'artifactAccess is direct, and clients have no way into file:///mlartifacts',
    'expected ArtifactAccess.PROXIED',
  ],
  [{ allowedHosts: ['https://mlflow.example.com'] }, "allowedHosts has 'https://mlflow.example.com'", 'without scheme'],
  [{ allowedHosts: ['mlflow.example.com/ui'] }, "allowedHosts has 'mlflow.example.com/ui'", 'or path'],
  [{ allowedHosts: ['a.example.com,b.example.com'] }, "allowedHosts has 'a.example.com,b.example.com'", 'host names'],
  [{ allowedHosts: [''] }, "allowedHosts has ''", 'host names'],
  // Browsers send host names in lower case, and MLflow compares them literally.
  [{ allowedHosts: ['MLflow.example.com'] }, "allowedHosts has 'MLflow.example.com'", 'lower-case'],
  [{ allowedOrigins: ['notebooks.example.com'] }, "allowedOrigins has 'notebooks.example.com'", 'expected a scheme'],
  [{ allowedOrigins: ['https://a.example.com/'] }, "allowedOrigins has 'https://a.example.com/'", 'without a path'],
  [{ allowedOrigins: ['https://A.example.com'] }, "allowedOrigins has 'https://A.example.com'", 'lower-case'],
  [{ image: 'ghcr.io/mlflow/mlflow' }, "image is 'ghcr.io/mlflow/mlflow'", "a tag other than 'latest' or a digest"],
  [{ image: 'ghcr.io/mlflow/mlflow:latest' }, "image is 'ghcr.io/mlflow/mlflow:latest'", "a tag other than 'latest'"],
  [{ image: '' }, "image is ''", "a tag other than 'latest'"],
  [{ proxyImage: 'nginx' }, "proxyImage is 'nginx'", "a tag other than 'latest'"],
  [
    { resources: { cpu: { request: Cpu.units(4), limit: Cpu.units(2) } } },
    'resources.cpu requests 4 with a limit of 2',
    'a request that is not above the limit',
  ],
  [
    { resources: { memory: { request: Size.gibibytes(8) } } },
    'resources.memory requests 8Gi with a limit of 4Gi',
    'a request that is not above the limit',
  ],
  [
    { proxyResources: { memory: { limit: Size.mebibytes(32) } } },
    'proxyResources.memory requests 64Mi with a limit of 32Mi',
    'a request that is not above the limit',
  ],
  [{ spool: Size.gibibytes(0) }, 'spool is 0', 'expected more than zero'],
  [{ dumpSpace: Size.mebibytes(0) }, 'dumpSpace is 0', 'expected more than zero'],
  [{ dumpsKept: 0 }, 'dumpsKept is 0', 'expected a whole number of at least 1'],
  [
    { keys: Credentials.fromServiceAccount({}) },
    "credentials for server-secret are a service account's",
    'fromSecret(',
  ],
  [{ clients: [{ cidr: 'nope' }] }, "the cidr of clients is 'nope'", 'expected addresses in CIDR notation'],
  [{ clients: [{}] }, 'clients has {}', 'expected one of podLabels'],
  [
    { metricsClients: [{ cidr: '10.0.0.0/8', podLabels: { app: 'prometheus' } }] },
    'metricsClients has {"cidr":"10.0.0.0/8","podLabels":{"app":"prometheus"}}',
    'expected one of podLabels',
  ],
  [
    { keys: Credentials.fromSecret('keys', { usernameKey: 'a' }) },
    "the usernameKey of keys is 'a'",
    'expected none: the keys of this Secret have fixed names',
  ],
  [
    { authentication: Authentication.basic({ users: Credentials.fromSecret('users', { passwordKey: 'htpasswd' }) }) },
    "the passwordKey of users is 'htpasswd'",
    'expected none: the keys of this Secret have fixed names',
  ],
  [
    { keys: Credentials.fromSecret('My Keys') },
    "the name of the Secret of keys is 'My Keys'",
    'expected lower-case letters',
  ],
  [{ authentication: Authentication.basic({ realm: 'a"b' }) }, `realm is 'a"b'`, 'without quotes'],
  [{ authentication: Authentication.basic({ realm: '' }) }, "realm is ''", 'expected text'],
  // For nginx this word is not a realm: it turns the login off.
  [{ authentication: Authentication.basic({ realm: 'off' }) }, "realm is 'off'", 'expected text'],
];

test.each(cases.map(([props, given, want]) => [given, want, props] as const))(
  'refuses %s: %s',
  (given, want, props) => {
    const message = serverError(props);
    expect(message).toMatch(/^chart\/server: /);
    expect(message).toContain(given);
    expect(message).toContain(want);
  },
);

test('names every broken rule at once', () => {
  const message = serverError({ replicas: 0, workers: 0, image: 'mlflow' });
  expect(message.split('\n').map((line) => line.split(':')[0])).toEqual(Array(3).fill('chart/server'));
});

describe('a secret in the environment', () => {
  test.each([
    ...['MLFLOW_TRACKING_PASSWORD', 'CLIENT_SECRET', 'HF_TOKEN', 'OPENAI_API_KEY', 'my_password'],
    'AZURE_STORAGE_CONNECTION_STRING',
  ])('%s is refused, without its value in the message', (name) => {
    const message = serverError({ environment: { [name]: 'hunter2' } });
    expect(message).toContain(`chart/server: environment has ${name}; expected no secrets there`);
    expect(message).not.toContain('hunter2');
  });

  test('is refused in an address, under any name', () => {
    const message = serverError({ environment: { HTTPS_PROXY: 'http://me:hunter2@proxy:3128' } });
    expect(message).toContain('chart/server: environment has HTTPS_PROXY; expected no secrets there');
    expect(message).not.toContain('hunter2');
  });

  test.each([
    ['MLFLOW_LOGGING_LEVEL', 'DEBUG'],
    ['HTTPS_PROXY', 'http://proxy:3128'],
    ['TOKENIZERS_PARALLELISM', 'false'],
  ])('is not found in a harmless value: %s=%s', (name, value) => {
    expect(() => serverObjects({ environment: { [name]: value } })).not.toThrow();
  });
});

describe('a variable of the prop environment', () => {
  test.each([
    ['MLFLOW_SQLALCHEMYSTORE_POOL_SIZE', 'expected the prop maxDatabaseRequests'],
    ['MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW', 'expected the prop maxDatabaseRequests'],
    ['MLFLOW_SQLALCHEMYSTORE_POOLCLASS', 'expected the prop maxDatabaseRequests'],
    ['MLFLOW_REGISTRY_STORE_URI', 'expected the prop database'],
    ['MLFLOW_READ_REPLICA_BACKEND_STORE_URI', 'expected readReplicaHost of Database.fromExisting(…)'],
    ['PGHOST', 'expected the prop database'],
    ['MLFLOW_DEFAULT_ARTIFACT_ROOT', 'expected the props artifacts and artifactAccess'],
    ['MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX', 'no model version can claim files'],
    ['MLFLOW_SERVER_ALLOWED_HOSTS', 'expected the prop allowedHosts'],
    ['MLFLOW_SERVER_CORS_ALLOWED_ORIGINS', 'expected the prop allowedOrigins'],
    ['MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE', 'it lets any web site use the server'],
    ['MLFLOW_AUTH_CONFIG_PATH', 'expected the prop authentication'],
    ['MLFLOW_WORKERS', 'expected the prop workers'],
    ['MLFLOW_STATIC_PREFIX', 'a path prefix is not supported yet'],
    ['MLFLOW_SERVER_ENABLE_JOB_EXECUTION', 'jobs are not supported yet'],
    ['TMPDIR', 'its size is the prop spool'],
    ['MLFLOW_UVICORN_OPTS', 'the library sets it'],
    ['_MLFLOW_SERVER_FILE_STORE', 'the library sets it'],
  ])('is refused if the library depends on it: %s (%s)', (name, instead) => {
    const message = serverError({ environment: { [name]: 'x' } });
    expect(message).toContain(`chart/server: environment has ${name}; expected `);
    expect(message).toContain(instead);
  });

  test.each(['MLFLOW_ENABLE_WORKSPACES', 'MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE', 'PGAPPNAME', 'PYTHONPATH'])(
    'is accepted if the library does not depend on it: %s',
    (name) => {
      const pod = podOf(serverObjects({ environment: { [name]: '1' } }));
      expect(environmentOf(containerOf(pod, 'mlflow'))).toMatchObject({ [name]: '1' });
    },
  );

  test('that the library itself gives the server is reserved, or may have another value', () => {
    const free = [
      'AWS_DEFAULT_REGION',
      'MLFLOW_DISABLE_TELEMETRY',
      'PGCONNECT_TIMEOUT',
      'PYTHONDONTWRITEBYTECODE',
      'PYTHONUNBUFFERED',
    ];
    const given = Object.keys(environmentOf(containerOf(podOf(serverObjects()), 'mlflow')));
    const reserved = new Set(SERVER_VARIABLES.flatMap(([names]) => names));
    const left = given.filter((name) => !reserved.has(name) && !free.includes(name));
    expect(left).toEqual([]);
  });
});

describe('accepts unusual but valid options', () => {
  test.each<[string, Partial<TrackingServerProps>]>([
    ['one request at a time', { maxDatabaseRequests: 1 }],
    ['one server on a volume', { replicas: 1, artifacts: volume() }],
    ['many on a shared volume', { artifacts: ArtifactStore.fromClaim({ claimName: 'files', readWriteMany: true }) }],
    ['direct access to a bucket', { artifactAccess: ArtifactAccess.DIRECT }],
    ['an image by its digest', { image: `mlflow@sha256:${'0'.repeat(64)}` }],
    ['a registry with a port', { image: 'localhost:5000/mlflow:v3.17.2' }],
    ['a small spool', { spool: Size.mebibytes(100) }],
    ['a spool that is no whole number of mebibytes', { spool: Size.kibibytes(1_500_000) }],
    ['more than 100 % of the CPU that is asked for', { autoscaling: { targetCpuPercent: 150 } }],
    ['patterns and ports of hosts', { allowedHosts: ['*.example.com', 'mlflow.example.com:8443', '[fd00::1]'] }],
  ])('%s', (_what, props) => {
    expect(() => serverObjects(props)).not.toThrow();
  });
});
