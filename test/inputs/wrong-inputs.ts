import { App, Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import * as lib from '../../lib';
import { CALLS, ENUMS, STRUCTS } from '../../lib/inputs/table';

type Args = Record<string, any>;

/** A wrong or odd value of one public prop or parameter, in an app that is right otherwise. */
export interface WrongInput {
  /** e.g. `new MinioStore props.replicas = "3"` */
  readonly name: string;
  /** The YAML of the app; throws if the value is refused. */
  readonly build: () => string;
}

const texts = [
  ...[
    '',
    ' ',
    '-',
    'a-',
    '-a',
    'a.',
    'a_',
    'A B',
    'UPPER_case',
    'ümlaut',
    'a\nb',
    '.',
    '..',
    '..a',
    'a..b',
    'a.-b',
    'a/b',
    '/',
  ],
  ...[
    'a/',
    '/a',
    'a/b/c',
    '*',
    '$(X)',
    'a:b',
    'a=b',
    '1',
    '10.0.0.0',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '::1/129',
    '010.0.0.0/8',
  ],
  ...[
    'undefined',
    'https://',
    'http://[',
    'http://a:99999',
    'http://a/b?c',
    'a'.repeat(64),
    'a'.repeat(254),
    'a.'.repeat(126) + 'a',
  ],
];
const numbers = [0, -1, 1.5, NaN, Infinity, -Infinity, 101, 65536, 2 ** 31, 2 ** 53, 1e21];
/** For a prop that another call takes too, where every value is tried: whether this call asks the same rules. */
const few = { texts: ['', 'A B', 'a-'], numbers: [0, NaN, 2 ** 31], amounts: [0, Infinity] };
const many = {
  texts,
  numbers,
  amounts: [0, -1, 0.00001, 1.5, NaN, Infinity, 1e9, 1e21],
};
type Values = typeof many;

/** What is right, by type, or by type and the name of a prop. */
const right: Record<string, () => any> = {
  string: () => 'a',
  'string host': () => 'mlflow.example.com',
  'string image': () => 'mlflow:3',
  'string url': () => 'http://mlflow-server.mlflow.svc:5000',
  'string indexUrl': () => 'https://pypi.org/simple',
  'string stage': () => 'Production',
  'string version': () => '7',
  'string body': () => '{"inputs": [[1]]}',
  'string bucket': () => 'models',
  'string operator': () => 'Exists',
  'string topologyKey': () => 'kubernetes.io/hostname',
  number: () => 50,
  'number maxConnections': () => 5,
  boolean: () => true,
  Construct: () => new Chart(new App(), 'chart', { namespace: 'mlflow' }),
  Chart: () => new Chart(new App(), 'chart', { namespace: 'mlflow' }),
  Size: () => Size.gibibytes(5),
  Cpu: () => Cpu.units(1),
  Credentials: () => lib.Credentials.fromSecret('login'),
  IDatabase: () => lib.Database.fromExisting({ host: 'db', credentials: lib.Credentials.fromSecret('db') }),
  IArtifactStore: () => lib.ArtifactStore.volume({ claimName: 'artifacts', readWriteMany: true }),
  RegisteredModel: () => lib.RegisteredModel.byVersion('churn', '7'),
  TrackingEndpoint: () => lib.TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000'),
  Tls: () => lib.Tls.fromIssuer('letsencrypt'),
  NetworkPeer: () => ({ cidr: '10.0.0.0/8' }),
};

/** How each call becomes part of an app; `args` has one wrong argument. */
const apps: Record<string, (args: Args) => Construct> = {
  ...Object.fromEntries(
    Object.keys(CALLS)
      .filter((call) => call.startsWith('new '))
      .map((call) => [call, ({ scope, id, props }: Args) => new (lib as any)[call.slice(4)](scope, id, props)]),
  ),
  'ArtifactStore.s3': ({ props }) => server({ artifacts: lib.ArtifactStore.s3(props) }),
  'ArtifactStore.volume': ({ props }) => server({ artifacts: lib.ArtifactStore.volume(props), replicas: 1 }),
  'Authentication.basic': ({ props }) => server({ authentication: lib.Authentication.basic(props) }),
  'Authentication.mlflow': ({ props }) => server({ authentication: lib.Authentication.mlflow(props) }),
  'Component#apiObject': ({ id }) => server({}).apiObject(id),
  'MinioStore#apiObject': ({ id }) => server({}).apiObject(id),
  'ModelDeployer#apiObject': ({ id }) => server({}).apiObject(id),
  'ModelServing#apiObject': ({ id }) => server({}).apiObject(id),
  'PostgresStatefulSet#apiObject': ({ id }) => server({}).apiObject(id),
  'TrackingServer#apiObject': ({ id }) => server({}).apiObject(id),
  'Credentials.fromSecret': ({ name, keys }) =>
    new lib.PostgresStatefulSet(scope(), 'postgres', { credentials: lib.Credentials.fromSecret(name, keys) }),
  'Credentials.fromServiceAccount': ({ annotations }) =>
    server({
      artifacts: lib.ArtifactStore.s3({
        bucket: 'models',
        credentials: lib.Credentials.fromServiceAccount(annotations),
      }),
    }),
  'Database.fromExisting': ({ props }) =>
    server({ database: lib.Database.fromExisting(props), replicas: 1, maxDatabaseRequests: 1 }),
  'Exposure.httpRoute': ({ props }) => server({ exposure: lib.Exposure.httpRoute(props) }),
  'Exposure.ingress': ({ props }) => server({ exposure: lib.Exposure.ingress(props) }),
  'MinioStore#connectFrom': ({ client }) => connected(new lib.MinioStore(scope(), 'minio'), client),
  'PostgresStatefulSet#connectFrom': ({ client }) =>
    connected(new lib.PostgresStatefulSet(scope(), 'postgres'), client),
  'PostgresStatefulSet#addDatabase': ({ name }) => {
    const postgres = new lib.PostgresStatefulSet(scope(), 'postgres');
    postgres.addDatabase(name);
    return postgres;
  },
  'MlflowPlatform#addModelServing': ({ id, options }) => platform().addModelServing(id, options),
  'MlflowPlatform#apiObject': ({ id }) => platform().apiObject(id),
  'ModelDeployer#follow': ({ serving: followed }) => {
    const { deployer } = platform();
    deployer.follow(followed);
    return deployer;
  },
  'RegisteredModel.byAlias': ({ name, alias }) => serving({ model: lib.RegisteredModel.byAlias(name, alias) }),
  'RegisteredModel.byStage': ({ name, stage }) => serving({ model: lib.RegisteredModel.byStage(name, stage) }),
  'RegisteredModel.byVersion': ({ name, version }) => serving({ model: lib.RegisteredModel.byVersion(name, version) }),
  'RouteTimeout.seconds': ({ seconds }) =>
    server({
      exposure: lib.Exposure.httpRoute({
        host: 'a.example.com',
        gateway: 'a',
        timeout: lib.RouteTimeout.seconds(seconds),
      }),
    }),
  'ServingRuntime.image': ({ image }) => serving({ runtime: lib.ServingRuntime.image(image) }),
  'ServingRuntime.withRequirements': ({ props }) => serving({ runtime: lib.ServingRuntime.withRequirements(props) }),
  'Tls.fromIssuer': ({ clusterIssuer }) => secured(lib.Tls.fromIssuer(clusterIssuer)),
  'Tls.fromNamespacedIssuer': ({ issuer }) => secured(lib.Tls.fromNamespacedIssuer(issuer)),
  'Tls.fromSecret': ({ name }) => secured(lib.Tls.fromSecret(name)),
  'TrackingEndpoint.fromServer': ({ server: of }) => serving({ tracking: lib.TrackingEndpoint.fromServer(of) }),
  'TrackingEndpoint.fromUrl': ({ url, props }) => serving({ tracking: lib.TrackingEndpoint.fromUrl(url, props) }),
  'TrackingServer#addProgram': ({ program }) => {
    const of = server({});
    of.addProgram(program);
    return of;
  },
  'WarmUp.fromConfigMap': ({ name, key, contentType }) =>
    serving({ warmUp: lib.WarmUp.fromConfigMap(name, key, contentType) }),
  'WarmUp.request': ({ body, contentType }) => serving({ warmUp: lib.WarmUp.request(body, contentType) }),
};

const scope = () => right.Construct();
const server = (props: object) =>
  new lib.TrackingServer(scope(), 'server', {
    database: right.IDatabase(),
    artifacts: right.IArtifactStore(),
    ...props,
  });
const serving = (props: object) =>
  new lib.ModelServing(scope(), 'churn', {
    model: right.RegisteredModel(),
    tracking: right.TrackingEndpoint(),
    ...props,
  });
const platform = () => new lib.MlflowPlatform(scope(), 'mlflow');
const secured = (tls: lib.Tls) => server({ exposure: lib.Exposure.ingress({ host: 'a.example.com', tls }) });
const connected = (of: any, client: lib.ConnectionClient) => {
  of.connectFrom(client);
  return of;
};

/** Every wrong value of every parameter of every call, and of every prop of every struct that a call takes. */
export function wrongInputs(calls = Object.keys(CALLS)): WrongInput[] {
  const seen = new Set<string>();
  return calls.flatMap((call) => {
    if (!apps[call]) throw new Error(`no app for ${call}: add one to test/inputs/wrong-inputs.ts`);
    const parameters = CALLS[call];
    return Object.entries(parameters).flatMap(([name, type]) =>
      wrongValues(type, name, many, seen).map(([label, value]) => ({
        name: `${call} ${name}${label}`,
        build: () => {
          const args = { ...argumentsOf(call), [name]: value };
          return (apps[call](args).node.root as App).synthYaml();
        },
      })),
    );
  });
}

function argumentsOf(call: string): Args {
  return Object.fromEntries(
    Object.entries(CALLS[call])
      .filter(([, type]) => !type.endsWith('?'))
      .map(([name, type]) => [name, name === 'id' ? 'thing' : rightValue(type, name)]),
  );
}

function rightValue(type: string, name: string): any {
  const known = right[`${type} ${name}`] ?? right[type];
  if (known) return known();
  if (type.endsWith('[]')) return [rightValue(type.slice(0, -2), name)];
  if (type.startsWith('{')) return { a: rightValue(type.slice(1, -1), name) };
  if (type in ENUMS) return ENUMS[type][0];
  if (type === 'TrackingServer') return server({});
  if (type === 'ModelServing') return serving({});
  if (type === 'ModelDeployer') return platform().deployer;
  return Object.fromEntries(
    Object.entries(STRUCTS[type])
      .filter(([, of]) => !of.endsWith('?'))
      .map(([field, of]) => [field, rightValue(of, field)]),
  );
}

type Wrong = [label: string, value: unknown];

function wrongValues(written: string, name: string, values: Values, seen: Set<string>): Wrong[] {
  const type = written.replace(/\?$/, '');
  const others = [undefined, null, 5, true, 'text', {}, [], () => 1, lib.Exposure.none()];
  const tried = values === few ? others.slice(0, 5) : others;
  return [...tried.map((value): Wrong => [` = ${say(value)}`, value]), ...ofType(type, name, values, seen)];
}

function ofType(type: string, name: string, values: Values, seen: Set<string>): Wrong[] {
  const valued = (list: unknown[]) => list.map((value): Wrong => [` = ${say(value)}`, value]);
  if (type === 'string') {
    return valued([...values.texts, ...(name === 'body' ? [JSON.stringify('a'.repeat(2 ** 20))] : [])]);
  }
  if (type === 'number') return valued(values.numbers);
  if (type === 'Size') return values.amounts.flatMap((amount) => made(`Size ${amount}`, () => Size.gibibytes(amount)));
  if (type === 'Cpu') return values.amounts.flatMap((amount) => made(`Cpu ${amount}`, () => Cpu.units(amount)));
  if (type.endsWith('[]')) {
    return wrongValues(type.slice(0, -2), name, values, seen).map(([label, value]) => [`[0]${label}`, [value]]);
  }
  if (type.startsWith('{')) {
    const keys = values.texts.map((key): Wrong => [`.${say(key)} = "a"`, { [key]: 'a' }]);
    const inner = wrongValues(type.slice(1, -1), '', values, seen);
    return [...keys, ...inner.map(([label, value]): Wrong => [`.a${label}`, { a: value }])];
  }
  if (!(type in STRUCTS)) return [];
  const base = rightValue(type, name);
  const fields = Object.entries(STRUCTS[type]).flatMap(([field, of]) => {
    const key = `${field} ${of}`;
    const inner = wrongValues(of, field, values === few || seen.has(key) ? few : many, seen);
    seen.add(key);
    return inner.map(([label, value]): Wrong => [`.${field}${label}`, { ...base, [field]: value }]);
  });
  return [[`.unknown = 1`, { ...base, unknown: 1 }], ...fields];
}

function made(label: string, make: () => unknown): Wrong[] {
  try {
    return [[` = ${label}`, make()]];
  } catch {
    return []; // cdk8s refuses it itself
  }
}

function say(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number') return String(value);
  const text = value instanceof lib.Exposure ? 'an Exposure' : String(JSON.stringify(value));
  return text.length > 40 ? `${text.slice(0, 20)}… (${text.length})` : text;
}
