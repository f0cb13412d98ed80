import { App, Chart } from 'cdk8s';
import {
  ArtifactStore,
  Credentials,
  Database,
  Exposure,
  MinioStore,
  MlflowPlatform,
  PostgresStatefulSet,
  RegisteredModel,
  ServingRuntime,
  Tls,
  TrackingEndpoint,
  WarmUp,
} from '../../lib';
import { errorOf, synth } from '../support/synth';

/** An environment variable that is not set, as `process.env.X!` gives it. */
const unset = undefined as any;
const isItSet = 'Is the environment variable behind it set?';
const platform = (props: object, chart = new Chart(new App(), 'chart', { namespace: 'mlflow' })) =>
  new MlflowPlatform(chart, 'mlflow', props as any);

describe('refuses an undefined or empty argument', () => {
  test.each<[string, () => unknown]>([
    [
      "ArtifactStore.fromBucket: bucket is undefined; expected the name of an S3 bucket, e.g. 'models'. " + isItSet,
      () => ArtifactStore.fromBucket({ bucket: unset, credentials: Credentials.fromSecret('s3') }),
    ],
    [`Credentials.fromSecret: name is undefined; expected a string. ${isItSet}`, () => Credentials.fromSecret(unset)],
    [
      `Credentials.fromServiceAccount: annotations['eks.amazonaws.com/role-arn'] is undefined; expected a string. ${isItSet}`,
      () => Credentials.fromServiceAccount({ 'eks.amazonaws.com/role-arn': unset }),
    ],
    ['Credentials.fromSecret: usernameKey is undefined; ', () => Credentials.fromSecret('db', { usernameKey: unset })],
    ['Tls.fromIssuer: clusterIssuer is undefined; expected the name of a Cl', () => Tls.fromIssuer(unset)],
    ['Tls.fromSecret: name is undefined; ', () => Tls.fromSecret(unset)],
    ['RegisteredModel.byAlias: name is undefined; ', () => RegisteredModel.byAlias(unset, 'champion')],
    ['RegisteredModel.byAlias: alias is undefined; ', () => RegisteredModel.byAlias('churn', unset)],
    ['TrackingEndpoint.fromUrl: url is undefined; ', () => TrackingEndpoint.fromUrl(unset)],
    ['ServingRuntime.image: image is undefined; ', () => ServingRuntime.image(unset)],
    ['WarmUp.request: body is undefined; ', () => WarmUp.request(unset)],
    ['Exposure.ingress: host is undefined; expected a host name', () => Exposure.ingress({ host: unset })],
    ['new MlflowPlatform: id is undefined; ', () => new MlflowPlatform(new Chart(new App(), 'chart'), unset)],
    [
      'new MlflowPlatform in chart: id is "" (a string); expected a DNS label',
      () => new MlflowPlatform(new Chart(new App(), 'chart'), ''),
    ],
    ['new MlflowPlatform: scope is undefined; ', () => new MlflowPlatform(unset, 'mlflow')],
    ['new MinioStore: scope is a string; ', () => new MinioStore('chart' as any, 'minio')],
  ])('%s', (message, call) => {
    expect(errorOf(call)).toContain(message);
  });
});

describe('the message names the path of a construct that cannot be created', () => {
  test('for an id that is taken', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'mlflow' });
    platform({}, chart);
    expect(errorOf(() => platform({}, chart))).toBe(
      'new MlflowPlatform in chart: id is "mlflow" (a string), which exists already; expected another id',
    );
  });

  test('for a scope that is in no chart', () => {
    expect(errorOf(() => new MinioStore(new App() as any, 'minio'))).toBe(
      "new MinioStore: scope is in no chart; expected a chart or a construct in one, e.g. new Chart(app, 'mlflow')",
    );
  });
});

test('the message names the server of a service user', () => {
  const user = platform({}).server.addServiceUser('notebooks');
  expect(errorOf(() => user.mayEdit(unset))).toContain('chart/mlflow/server: model is undefined; ');
});

test.each<[string, { connectFrom(client: any): unknown }]>([
  ['Database.fromExisting', Database.fromExisting({ host: 'db', credentials: Credentials.fromSecret('db') })],
  [
    'ArtifactStore.fromBucket',
    ArtifactStore.fromBucket({ bucket: 'models', credentials: Credentials.fromSecret('s3') }),
  ],
  ['ArtifactStore.fromClaim', ArtifactStore.fromClaim({ claimName: 'artifacts' })],
])('the message names %s if its client has no name', (factory, store) => {
  expect(errorOf(() => store.connectFrom({ name: '', podLabels: {}, maxConnections: 1 }))).toContain(
    `${factory}: client.name is ''; expected `,
  );
});

describe('refuses a text that is given as undefined, also if it has a default', () => {
  test.each<[string, object]>([
    ['server.image is undefined; expected an image with a tag or a digest', { server: { image: unset } }],
    ['minio.bucket is undefined; ', { minio: { bucket: unset } }],
    ['postgres.storageClassName is undefined; ', { postgres: { storageClassName: unset } }],
    ['server.environment.LOG_LEVEL is undefined; ', { server: { environment: { LOG_LEVEL: unset } } }],
    ['pods.podLabels.team is undefined; ', { pods: { podLabels: { team: unset } } }],
    [
      "pods.podAnnotations['example.com/owner'] is undefined; ",
      { pods: { podAnnotations: { 'example.com/owner': unset } } },
    ],
    ['server.allowedHosts[1] is undefined; ', { server: { allowedHosts: ['a.example.com', unset] } }],
    ['server.egress[0].peer.cidr is undefined; ', { server: { egress: [{ peer: { cidr: unset }, port: 443 }] } }],
  ])('%s', (message, props) => {
    expect(errorOf(() => platform(props))).toContain(`chart/mlflow: ${message}`);
  });

  test('and the message says that it may be omitted', () => {
    expect(errorOf(() => platform({ server: { image: unset } }))).toMatch(/, or the prop left out\. Is the env/);
  });
});

test('accepts undefined for a prop that no environment variable gives', () => {
  const server = { replicas: undefined, tolerations: undefined, autoscaling: undefined };
  const props = { server, exposure: undefined, authentication: undefined, minio: { storage: undefined } };
  expect(synth((chart) => platform(props, chart))).toEqual(synth((chart) => platform({}, chart)));
});

test('refuses null, for which TypeScript has no type', () => {
  expect(errorOf(() => platform(null as any))).toBe(
    'chart/mlflow: props is null; expected an object with the props of MlflowPlatformProps, or the prop left out',
  );
  expect(errorOf(() => platform({ server: { replicas: null } }))).toContain(
    'server.replicas is null; expected a whole',
  );
});

describe('refuses a value of another type, with the value and its type', () => {
  test.each<[string, object]>([
    ['server.replicas is "3" (a string); expected a whole number of at least 1', { server: { replicas: '3' } }],
    ['server.environment.DEBUG is true (a boolean); expected a string', { server: { environment: { DEBUG: true } } }],
    ['pods.podLabels.version is 2 (a number); expected a string', { pods: { podLabels: { version: 2 } } }],
    ['minio.storage is 50 (a number); expected a Size of cdk8s', { minio: { storage: 50 } }],
    ['minio.versioning is "false" (a string); expected true or false', { minio: { versioning: 'false' } }],
    ['server.clients is an object; expected a list, each a peer', { server: { clients: { cidr: '10.0.0.0/8' } } }],
    ['server.allowedHosts is a string; expected a list, each a string', { server: { allowedHosts: 'a.example.com' } }],
    [
      'server.artifactAccess is "direkt" (a string); expected one of \'proxied\', ',
      { server: { artifactAccess: 'direkt' } },
    ],
    ['database is an object; expected a database, e.g. Database.fromExisting', { database: {} }],
    ['authentication is an object; expected an authentication', { authentication: {} }],
    ['server is a function; expected an object', { server: () => ({}) }],
  ])('%s', (message, props) => {
    expect(errorOf(() => platform(props))).toContain(`chart/mlflow: ${message}`);
  });

  test('without the value if it may be a secret', () => {
    const message = errorOf(() => platform({ minio: { credentials: 'hunter2' } }));
    expect(message).toBe(
      "chart/mlflow: minio.credentials is a string; expected Credentials, e.g. Credentials.fromSecret('name')",
    );
  });
});

describe('refuses a prop that does not exist', () => {
  test.each<[string, object]>([
    ['server.replica is not a known prop; expected server.replicas', { server: { replica: 3 } }],
    ['exposures is not a known prop; expected exposure', { exposures: Exposure.none() }],
    [
      'postgres.storage_class_name is not a known prop; expected postgres.storageClassName',
      { postgres: { storage_class_name: 'x' } },
    ],
    [
      'server.autoscaling.max is not a known prop; expected one of byKeda, maxReplicas, metrics, minReplicas, scaleDown, scaleUp, targetCpuPercent, targetMemoryPercent',
      { server: { autoscaling: { max: 1 } } },
    ],
  ])('%s', (message, props) => {
    expect(errorOf(() => platform(props)).split('\n')).toEqual([`chart/mlflow: ${message}`]);
  });

  test('also in a factory', () => {
    const props: any = { bucket: 'models', prefx: 'a', credentials: Credentials.fromSecret('s3') };
    expect(errorOf(() => ArtifactStore.fromBucket(props))).toBe(
      'ArtifactStore.fromBucket: prefx is not a known prop; expected prefix',
    );
  });
});

test('names every fault on its own line', () => {
  const props: any = { storage: 50, replicaz: 1, image: unset };
  const message = errorOf(() => synth((chart) => new MinioStore(chart, 'minio', props)));
  expect(message.split('\n').map((line) => line.split(' is ')[0])).toEqual([
    'chart/minio: replicaz',
    'chart/minio: storage',
    'chart/minio: image',
  ]);
});

test('accepts an object of another copy of a package, by its methods', () => {
  class Copy {
    public toKibibytes = () => 1024 * 1024;
    public toMebibytes = () => 1024;
    public toGibibytes = () => 1;
    public toTebibytes = () => 0;
    public toPebibytes = () => 0;
    public asString = () => '1Gi';
  }
  synth((chart) => new PostgresStatefulSet(chart, 'postgres', { storage: new Copy() as any }));
});
