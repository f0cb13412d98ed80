import { Chart, Duration, JsonPatch, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  Authentication,
  CloudNativePostgres,
  CloudNativePostgresProps,
  Credentials,
  DatabaseDurability,
  Images,
  MetricsMonitor,
  MlflowPlatform,
  PostgresArchiveProps,
} from '../../lib';
import { schema } from '../output/checks/schema';
import { client } from '../support/components';
import { Rendered, errorOf, find, namesOf, ofKind, snapshotOf, synth } from '../support/synth';
import { containerOf } from '../tracking/servers';

const archive: PostgresArchiveProps = {
  bucket: 'database-archive',
  credentials: Credentials.fromSecret('archive-login'),
};

const allOfArchive: Required<PostgresArchiveProps> = {
  bucket: 'database-archive',
  prefix: 'team-a',
  endpoint: 'https://s3.example.com',
  region: 'eu-west-1',
  credentials: Credentials.fromSecret('archive-login', { usernameKey: 'id', passwordKey: 'key' }),
  authoritySecretName: 'archive-authority',
  schedule: '30 1 * * 0',
  retention: Duration.days(7),
  serverName: 'postgres-2',
  egress: [{ peer: { cidr: '10.1.2.0/24' }, port: 443 }],
};

const allProps: Required<CloudNativePostgresProps> = {
  instances: 5,
  durability: DatabaseDurability.PREFERRED,
  readReplicas: true,
  differentNodes: false,
  image: 'registry.example.com/postgresql:18.1-standard-trixie',
  databaseName: 'tracking',
  storage: Size.gibibytes(200),
  walStorage: Size.gibibytes(30),
  storageClassName: 'fast-ssd',
  resources: {
    cpu: { request: Cpu.millis(2000), limit: Cpu.units(4) },
    memory: { request: Size.mebibytes(2048), limit: Size.gibibytes(8) },
  },
  maxConnections: 300,
  parameters: { work_mem: '8MB', 'auto_explain.log_min_duration': '10s' },
  archive: allOfArchive,
  recoverFrom: { serverName: 'postgres', time: '2026-11-28T09:30:00+01:00' },
  operatorNamespace: 'databases',
  metrics: true,
  metricsClients: [{ podLabels: { app: 'prometheus' } }],
  nodeSelector: { disk: 'local' },
  tolerations: [{ key: 'database', operator: 'Exists' }],
  priorityClassName: 'important',
  labels: { 'cost-center': '4711' },
  annotations: { 'example.com/contact': 'ml@example.com' },
  imagePullSecrets: ['registry-login'],
  imageRegistry: 'registry.example.com/mirror',
  apiServerEgress: [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }],
};

const objectsOf = (props: CloudNativePostgresProps = {}, more: (database: CloudNativePostgres) => void = () => {}) =>
  synth((chart) => more(new CloudNativePostgres(chart, 'postgres', props)));
const specOf = (props: CloudNativePostgresProps = {}, more: (database: CloudNativePostgres) => void = () => {}) =>
  find(objectsOf(props, more), 'Cluster', 'postgres').spec;
const policyOf = (props: CloudNativePostgresProps = {}, more: (database: CloudNativePostgres) => void = () => {}) =>
  find(objectsOf(props, more), 'NetworkPolicy', 'postgres').spec;
const errorFor = (props: object) => errorOf(() => objectsOf(props as CloudNativePostgresProps));

/** A platform, its database in a separate chart, and the objects of both charts. */
function platform(props: CloudNativePostgresProps = {}): { database: Rendered[]; platform: Rendered[] } {
  let operated!: Chart;
  const objects = synth((chart) => {
    operated = new Chart(chart.node.root, 'database', { namespace: 'mlflow' });
    new MlflowPlatform(chart, 'mlflow', {
      database: new CloudNativePostgres(operated, 'mlflow-postgres', props),
      authentication: Authentication.mlflow(),
    });
  });
  return { database: operated.toJson(), platform: objects };
}

test('a database without props', () => {
  expect(snapshotOf(objectsOf())).toMatchSnapshot();
});

test('a database with all props', () => {
  expect(snapshotOf(objectsOf(allProps, (database) => database.addDatabase('mlflow_auth')))).toMatchSnapshot();
});

test.each<[string, CloudNativePostgresProps]>([
  ['without props', {}],
  ['with every prop', allProps],
  ['with one instance', { instances: 1 }],
  ['with an archive', { archive }],
])('the API server takes each object, %s', (_, props) => {
  expect(schema(objectsOf(props, (database) => database.addDatabase('mlflow_auth')))).toEqual([]);
});

test('an unknown field of a Cluster is found', () => {
  const objects = objectsOf({}, (database) =>
    database.apiObject('cluster').addJsonPatch(JsonPatch.add('/spec/instance', 3)),
  );
  expect(schema(objects)).toEqual([expect.stringContaining('additional properties instance')]);
});

describe('a platform on it', () => {
  test('keeps the kinds of the operator out of its own chart', () => {
    const { database, platform: own } = platform();
    expect(namesOf(database)).toEqual([
      'Cluster mlflow-postgres',
      'NetworkPolicy mlflow-postgres',
      'Database mlflow-postgres-mlflow-auth',
    ]);
    expect(own.filter(({ apiVersion }) => apiVersion.includes('cnpg'))).toEqual([]);
    expect(ofKind(own, 'StatefulSet').map(({ metadata }) => metadata.name)).toEqual(['mlflow-minio']);
  });

  test('reads from the standbys, with readReplicas', () => {
    const { env } = containerOf(
      find(platform({ readReplicas: true }).platform, 'Deployment', 'mlflow-server').spec.template,
      'mlflow',
    );
    expect(env).toContainEqual({
      name: 'MLFLOW_READ_REPLICA_BACKEND_STORE_URI',
      value: expect.stringContaining('postgresql+psycopg2://mlflow-postgres-ro?') as string,
    });
    expect(env).toContainEqual({ name: 'PGHOST', value: 'mlflow-postgres-rw' });
    expect(specOf({ readReplicas: true }).postgresql.parameters.synchronous_commit).toBe('remote_apply');
    expect(specOf().postgresql.parameters).not.toHaveProperty('synchronous_commit');
    expect(errorFor({ readReplicas: true, instances: 1 })).toContain(
      'readReplicas is true with 1 instances; expected at least 2 instances',
    );
  });

  test('connects to the primary, and checks its certificate', () => {
    const server = find(platform().platform, 'Deployment', 'mlflow-server').spec.template.spec;
    const containers: Rendered[] = [...server.initContainers, ...server.containers];
    const { env } = containers.find((each) => JSON.stringify(each.env ?? []).includes('PGHOST'))!;
    expect(env).toEqual(
      expect.arrayContaining([
        { name: 'PGHOST', value: 'mlflow-postgres-rw' },
        { name: 'PGDATABASE', value: 'mlflow' },
        { name: 'PGSSLMODE', value: 'verify-full' },
        { name: 'PGSSLROOTCERT', value: '/etc/mlflow-database/ca.crt' },
      ]),
    );
    // The private key of the authority is not mounted.
    const authority = server.volumes.find(({ secret }: Rendered) => secret?.secretName === 'mlflow-postgres-ca');
    expect(authority.secret.items).toEqual([{ key: 'ca.crt', path: 'ca.crt' }]);
    expect(JSON.stringify(server.volumes)).toContain('"name":"mlflow-postgres-app"');
  });

  test('dumps with the client of the same major version', () => {
    const jobs = ofKind(platform().platform, 'Job');
    const migration = jobs.find(({ metadata }) => metadata.name.startsWith('mlflow-server-migration-'));
    const dump = migration.spec.template.spec.initContainers.find(({ name }: Rendered) => name === 'dump');
    expect(dump.image).toBe(Images.CLOUD_NATIVE_POSTGRES);
  });

  test('raises max_connections to what its servers can open', () => {
    const spec = find(platform().database, 'Cluster', 'mlflow-postgres').spec;
    expect(Number(spec.postgresql.parameters.max_connections)).toBeGreaterThan(200);
    expect(specOf().postgresql.parameters.max_connections).toBe('50');
  });

  test('lets the pods and nobody else at the port', () => {
    const { ingress } = find(platform().database, 'NetworkPolicy', 'mlflow-postgres').spec;
    const clients = ingress.filter(({ ports }: Rendered) => ports.length === 1 && ports[0].port === 5432);
    const components = clients.map(
      ({ from }: Rendered) => from[0].podSelector.matchLabels['app.kubernetes.io/component'],
    );
    expect(components.sort()).toEqual(['migration', 'server']);
  });
});

describe('what the operator would choose otherwise', () => {
  test('the image is always named', () => {
    expect(specOf().imageName).toBe(Images.CLOUD_NATIVE_POSTGRES);
  });

  test('a primary that ends refuses new connections for 15 seconds at most, and another one takes its place', () => {
    expect(specOf()).toMatchObject({ smartShutdownTimeout: 15, primaryUpdateMethod: 'switchover' });
  });

  test('a lost standby keeps a third of the volume of the log', () => {
    const kept = (props: CloudNativePostgresProps) => specOf(props).postgresql.parameters.max_slot_wal_keep_size;
    expect(kept({ storage: Size.gibibytes(30) })).toBe('10240MB');
    expect(kept({ storage: Size.gibibytes(30), walStorage: Size.gibibytes(6) })).toBe('2048MB');
  });

  test('parameters are strings, and shared_buffers fits the request', () => {
    const { parameters } = specOf().postgresql;
    for (const value of Object.values(parameters)) expect(typeof value).toBe('string');
    expect(parameters.shared_buffers).toBe('1024MB');
    expect(specOf().resources.requests.memory).toBe('1Gi');
  });

  test('quantities are as the API server would write them', () => {
    const { resources, storage } = specOf(allProps);
    expect(resources.requests).toMatchObject({ cpu: '2', memory: '2Gi' });
    expect(storage).toEqual({ size: '200Gi', storageClass: 'fast-ssd' });
  });

  test('no GitOps controller deletes what its volumes go with', () => {
    for (const { kind, metadata } of objectsOf({}, (database) => database.addDatabase('mlflow_auth'))) {
      if (kind === 'NetworkPolicy') continue;
      expect(metadata.annotations).toEqual({
        'argocd.argoproj.io/sync-options': 'Delete=false,Prune=false',
        'kustomize.toolkit.fluxcd.io/prune': 'disabled',
      });
    }
  });

  test('each instance has a node of its own, and zones are shared fairly', () => {
    expect(specOf().affinity).toMatchObject({ podAntiAffinityType: 'required', topologyKey: 'kubernetes.io/hostname' });
    expect(specOf({ differentNodes: false }).affinity.podAntiAffinityType).toBe('preferred');
    expect(specOf().topologySpreadConstraints[0].topologyKey).toBe('topology.kubernetes.io/zone');
  });
});

describe('durability', () => {
  const required = { method: 'any', number: 1, dataDurability: 'required', failoverQuorum: true };
  test.each<[string, CloudNativePostgresProps, object | undefined]>([
    ['three instances', {}, required],
    ['two', { instances: 2 }, { ...required, dataDurability: 'preferred' }],
    ['one', { instances: 1 }, undefined],
    ['two that wait', { instances: 2, durability: DatabaseDurability.SYNCHRONOUS }, required],
    ['three that do not wait', { durability: DatabaseDurability.ASYNCHRONOUS }, undefined],
  ])('of %s', (_, props, synchronous) => {
    expect(specOf(props).postgresql.synchronous).toEqual(synchronous);
  });
});

describe('its databases', () => {
  test('the first is made with the cluster, as the embedded one is', () => {
    expect(specOf().bootstrap).toEqual({
      initdb: {
        database: 'mlflow',
        owner: 'mlflow',
        encoding: 'UTF8',
        localeCollate: 'C.UTF-8',
        localeCType: 'C.UTF-8',
        dataChecksums: true,
      },
    });
  });

  test('a further one is an object, once', () => {
    const databases = ofKind(
      objectsOf({}, (database) => {
        database.addDatabase('mlflow_auth');
        database.addDatabase('mlflow_auth');
        database.addDatabase('mlflow');
      }),
      'Database',
    );
    expect(databases.map(({ metadata, spec }) => [metadata.name, spec])).toEqual([
      [
        'postgres-mlflow-auth',
        { cluster: { name: 'postgres' }, name: 'mlflow_auth', owner: 'mlflow', databaseReclaimPolicy: 'retain' },
      ],
    ]);
  });

  test.each([
    ['Users', "the database's name is 'Users'"],
    ['users_', "the database's name is 'users_'; expected one that does not end with '_'"],
  ])('%s is refused', (name, message) => {
    expect(errorOf(() => objectsOf({}, (database) => database.addDatabase(name)))).toContain(
      `chart/postgres: ${message}`,
    );
  });
});

describe('its policy', () => {
  const cluster = { podSelector: { matchLabels: { 'cnpg.io/cluster': 'postgres' } } };
  const ports = (...numbers: number[]) => numbers.map((port) => ({ port, protocol: 'TCP' }));

  test('is of the pods that the operator labels', () => {
    expect(policyOf().podSelector).toEqual(cluster.podSelector);
  });

  test('lets instances and the operator in', () => {
    expect(policyOf({ operatorNamespace: 'databases' }).ingress).toEqual([
      { from: [cluster], ports: ports(5432, 8000) },
      {
        from: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'databases' } },
            podSelector: { matchLabels: { 'app.kubernetes.io/name': 'cloudnative-pg' } },
          },
        ],
        ports: ports(5432, 8000),
      },
    ]);
  });

  test('lets instances out to each other and to the API server', () => {
    const { egress } = policyOf({ apiServerEgress: [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }] });
    expect(egress).toContainEqual({ to: [cluster], ports: ports(5432, 8000) });
    expect(egress).toContainEqual({ to: [{ ipBlock: { cidr: '10.3.2.1/32' } }], ports: ports(7443) });
    expect(policyOf().egress).toContainEqual({ ports: ports(443, 6443, 8443, 16443, 2040) });
  });

  test('lets instances out to the bucket', () => {
    const endpoint = { ...archive, endpoint: 'http://minio.storage.svc:9000' };
    expect(policyOf({ archive: endpoint }).egress).toContainEqual({ ports: ports(9000) });
    expect(policyOf({ archive: allOfArchive }).egress).toContainEqual({
      to: [{ ipBlock: { cidr: '10.1.2.0/24' } }],
      ports: ports(443),
    });
  });
});

describe('metrics', () => {
  test('are off without the prop', () => {
    expect(ofKind(objectsOf(), 'Service')).toEqual([]);
    expect(errorOf(() => objectsOf({}, (target) => new MetricsMonitor(target, 'monitor', { target })))).toContain(
      'the metrics of chart/postgres are off',
    );
  });

  test('are found by a monitor at instances only', () => {
    const objects = objectsOf({ metrics: true }, (target) => new MetricsMonitor(target, 'monitor', { target }));
    const { spec, metadata } = find(objects, 'Service', 'postgres-metrics');
    expect(spec.selector).toEqual({ 'cnpg.io/cluster': 'postgres', 'cnpg.io/podRole': 'instance' });
    expect(spec.ports).toEqual([{ name: 'metrics', port: 9187, targetPort: 'metrics' }]);
    const { selector } = find(objects, 'ServiceMonitor', 'monitor').spec;
    expect(metadata.labels).toMatchObject(selector.matchLabels);
  });

  test('are open to the namespace of Prometheus, or to whom the prop names', () => {
    const rules = (props: CloudNativePostgresProps) =>
      policyOf({ metrics: true, ...props }).ingress.filter(({ ports }: Rendered) => ports[0].port === 9187);
    expect(JSON.stringify(rules({}))).toContain('"monitoring"');
    expect(rules({ metricsClients: [{ podLabels: { app: 'prometheus' } }] })[0].from).toEqual([
      { podSelector: { matchLabels: { app: 'prometheus' } } },
    ]);
  });
});

describe('the archive', () => {
  const objectStore = (props: Partial<PostgresArchiveProps> = {}) =>
    find(objectsOf({ archive: { ...archive, ...props } }), 'ObjectStore', 'postgres').spec;

  test('is that of the plugin', () => {
    expect(specOf({ archive }).plugins).toEqual([
      {
        name: 'barman-cloud.cloudnative-pg.io',
        isWALArchiver: true,
        parameters: { barmanObjectName: 'postgres', serverName: 'postgres' },
      },
    ]);
    expect(specOf({ archive })).not.toHaveProperty('backup');
    expect(namesOf(objectsOf())).not.toContain('ObjectStore postgres');
  });

  test('has a schedule with the seconds first', () => {
    const schedule = (given?: string) =>
      find(objectsOf({ archive: { ...archive, ...(given && { schedule: given }) } }), 'ScheduledBackup', 'postgres')
        .spec.schedule;
    expect(schedule()).toBe('0 0 3 * * *');
    expect(schedule('30 1 * * 0')).toBe('0 30 1 * * 0');
    expect(schedule('@weekly')).toBe('@weekly');
  });

  test('is kept for days', () => {
    expect(objectStore().retentionPolicy).toBe('30d');
    expect(objectStore({ retention: Duration.hours(48) }).retentionPolicy).toBe('2d');
  });

  test('is reached with a login, or by the service account', () => {
    expect(objectStore().configuration.s3Credentials).toEqual({
      accessKeyId: { name: 'archive-login', key: 'AWS_ACCESS_KEY_ID' },
      secretAccessKey: { name: 'archive-login', key: 'AWS_SECRET_ACCESS_KEY' },
    });
    const annotations = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123:role/archive' };
    const props = { archive: { ...archive, credentials: Credentials.fromServiceAccount(annotations) } };
    expect(find(objectsOf(props), 'ObjectStore', 'postgres').spec.configuration.s3Credentials).toEqual({
      inheritFromIAMRole: true,
    });
    expect(specOf(props).serviceAccountTemplate).toEqual({ metadata: { annotations } });
  });

  test('is what a new cluster begins from, which goes on under its own name', () => {
    const spec = specOf({ archive, recoverFrom: { serverName: 'tracking', time: '2026-11-28T09:30:00Z' } });
    const parameters = (serverName: string) => ({ barmanObjectName: 'postgres', serverName });
    expect(spec.bootstrap).toEqual({
      recovery: {
        source: 'origin',
        database: 'mlflow',
        owner: 'mlflow',
        recoveryTarget: { targetTime: '2026-11-28T09:30:00Z' },
      },
    });
    expect(spec.externalClusters).toEqual([
      { name: 'origin', plugin: { name: 'barman-cloud.cloudnative-pg.io', parameters: parameters('tracking') } },
    ]);
    expect(spec.plugins[0].parameters).toEqual(parameters('postgres'));
    const newest = specOf({ archive, recoverFrom: { serverName: 'tracking' } });
    expect(newest.bootstrap.recovery).not.toHaveProperty('recoveryTarget');
  });
});

test('connections of all clients count, up to what the memory holds', () => {
  const connected = (needed: number, props: CloudNativePostgresProps = {}) =>
    specOf(props, (database) => database.connectFrom(client(needed))).postgresql.parameters.max_connections;
  expect(connected(230)).toBe('250');
  expect(connected(230, { maxConnections: 300 })).toBe('300');
  expect(errorOf(() => connected(230, { maxConnections: 100 }))).toContain(
    'maxConnections is 100; expected at least 233',
  );
});

test('a client of another namespace is refused', () => {
  const elsewhere = { ...client(1), namespace: 'notebooks' };
  expect(errorOf(() => objectsOf({}, (database) => database.connectFrom(elsewhere)))).toContain(
    "chart/server: the database is in namespace 'mlflow', and who connects in 'notebooks'",
  );
});

test('a mirror holds the image, and one that is given by name stays', () => {
  const imageRegistry = 'registry.example.com/mirror';
  expect(specOf({ imageRegistry }).imageName).toBe(
    Images.CLOUD_NATIVE_POSTGRES.replace('ghcr.io', 'registry.example.com/mirror'),
  );
  expect(specOf({ imageRegistry, image: 'postgresql:17.1' }).imageName).toBe('postgresql:17.1');
});

test.each<[string, object, string]>([
  ['no instance', { instances: 0 }, 'instances is 0; expected a whole number of at least 1'],
  [
    'a second copy of one instance',
    { instances: 1, durability: DatabaseDurability.PREFERRED },
    "durability is 'preferred' with 1 instances; expected at least 2 instances, or DatabaseDurability.ASYNCHRONOUS",
  ],
  ['an image that moves', { image: 'postgresql:latest' }, "image is 'postgresql:latest'; expected a tag other than"],
  [
    'an image without a major version',
    { image: 'postgresql:trixie' },
    "image is 'postgresql:trixie'; expected a tag that begins with the major version of PostgreSQL",
  ],
  [
    'an image by digest only',
    { image: `postgresql@sha256:${'0'.repeat(64)}` },
    'expected a tag that begins with the major version of PostgreSQL',
  ],
  ['a small volume', { storage: Size.gibibytes(4) }, 'storage is 4Gi; expected at least 5Gi'],
  ['a small log', { walStorage: Size.gibibytes(1) }, 'walStorage is 1Gi; expected at least 5Gi'],
  [
    'little memory',
    { resources: { memory: { request: Size.mebibytes(512) } } },
    'resources.memory requests 512Mi with a limit of 4Gi; expected a request of at least a quarter',
  ],
  [
    'a parameter of a prop',
    { parameters: { max_connections: '7' } },
    'parameters has max_connections; expected the prop maxConnections',
  ],
  [
    'a parameter of the operator',
    { parameters: { ssl_ca_file: '/ca.crt' } },
    'parameters has ssl_ca_file; expected none that the operator sets itself',
  ],
  ['a name of no parameter', { parameters: { 'work mem': '1' } }, "a name in parameters is 'work mem'; expected that"],
  ['a value of two lines', { parameters: { work_mem: '8MB\nssl=off' } }, 'parameters.work_mem is'],
  ['a database of PostgreSQL', { databaseName: 'postgres' }, "the database's name is 'postgres'"],
  ['a namespace that cannot be', { operatorNamespace: 'CNPG' }, "operatorNamespace is 'CNPG'"],
  [
    'clients of metrics that are off',
    { metricsClients: [{ podLabels: { app: 'prometheus' } }] },
    'metricsClients is given and metrics is undefined',
  ],
  [
    'a schedule with seconds',
    { archive: { ...archive, schedule: '0 0 3 * * *' } },
    "archive.schedule is '0 0 3 * * *'",
  ],
  [
    'hours of retention',
    { archive: { ...archive, retention: Duration.hours(36) } },
    'archive.retention is 129600 seconds; expected whole days',
  ],
  ['a bucket that cannot be', { archive: { ...archive, bucket: 'My_Bucket' } }, "bucket is 'My_Bucket'"],
  [
    'a login that would have to be made',
    { archive: { ...archive, credentials: Credentials.generated() } },
    "the bucket's credentials are generated",
  ],
  ['a name of an archive that cannot be', { archive: { ...archive, serverName: 'A' } }, "archive.serverName is 'A'"],
  [
    'a recovery from nowhere',
    { recoverFrom: { serverName: 'tracking' } },
    'recoverFrom is given and archive is not; expected archive too',
  ],
  [
    'a recovery from its own archive',
    { archive, recoverFrom: { serverName: 'postgres' } },
    "recoverFrom.serverName is 'postgres', which is this cluster's own archive; expected another id",
  ],
  [
    'a time without its zone',
    { archive, recoverFrom: { serverName: 'tracking', time: '2026-11-28T09:30:00' } },
    "recoverFrom.time is '2026-11-28T09:30:00'; expected a moment with its time zone",
  ],
  [
    'a time that does not exist',
    { archive, recoverFrom: { serverName: 'tracking', time: '2026-13-28T09:30:00Z' } },
    "recoverFrom.time is '2026-13-28T09:30:00Z'",
  ],
])('%s is refused', (_, props, message) => {
  const error = errorFor(props);
  expect(error).toContain('chart/postgres: ');
  expect(error).toContain(message);
});

test('a name of 51 characters is refused', () => {
  expect(errorOf(() => synth((chart) => new CloudNativePostgres(chart, 'a'.repeat(51))))).toContain(
    'expected a DNS label of at most 50 characters',
  );
  synth((chart) => new CloudNativePostgres(chart, 'a'.repeat(50)));
});
