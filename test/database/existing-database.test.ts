import { Credentials, Database, ExistingDatabaseProps, Images } from '../../lib';
import { client } from '../support/components';
import { errorOf } from '../support/synth';

const minimal: ExistingDatabaseProps = { host: 'db.example.com', credentials: Credentials.fromSecret('db-login') };

/** All props but `cidr`, because `egress` replaces it. */
const allProps: Required<Omit<ExistingDatabaseProps, 'cidr'>> = {
  host: '10.1.2.3',
  otherHosts: ['10.1.2.4', 'fd00::12'],
  readReplicaHost: '10.1.2.5',
  port: 6432,
  databaseName: 'tracking',
  credentials: Credentials.fromSecret('db-login', { usernameKey: 'user', passwordKey: 'pass' }),
  sslMode: 'verify-ca',
  authoritySecretName: 'db-authority',
  clientCertificateSecretName: 'db-client',
  maxConnections: 100,
  clientImage: 'registry.example.com/postgres:18.1',
  egress: [{ peer: { cidr: '10.1.2.0/24' }, port: 6432 }],
};

const connect = (props: Partial<ExistingDatabaseProps>, ...needed: number[]) => {
  const database = Database.fromExisting({ ...minimal, ...props });
  return (needed.length > 0 ? needed : [10]).map((each) => database.connectFrom(client(each))).pop()!;
};

test('a connection to an existing database, without props', () => {
  expect(connect({})).toMatchSnapshot();
});

test('a connection to an existing database, with all props', () => {
  expect(connect(allProps)).toMatchSnapshot();
});

test('a connection is encrypted by default', () => {
  expect(connect({}).environment.PGSSLMODE).toBe('require');
  expect(connect({ sslMode: 'disable' }).environment.PGSSLMODE).toBe('disable');
});

test('with a certificate authority the client verifies the certificate and its name', () => {
  const { environment, secretFiles } = connect({ authoritySecretName: 'db-authority' });
  expect(environment).toMatchObject({ PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/etc/mlflow-database/ca.crt' });
  expect(secretFiles).toEqual([{ secretName: 'db-authority', keys: ['ca.crt'], directory: '/etc/mlflow-database' }]);
});

test('with an authority the name in the certificate need not be checked', () => {
  const { environment } = connect({ authoritySecretName: 'db-authority', sslMode: 'verify-ca' });
  expect(environment).toMatchObject({ PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/etc/mlflow-database/ca.crt' });
  expect(connect({ authoritySecretName: 'db-authority', sslMode: 'verify-full' })).toEqual(
    connect({ authoritySecretName: 'db-authority' }),
  );
});

test('a client logs in with a certificate, which is mounted apart from the authority', () => {
  const { environment, secretFiles } = connect({ clientCertificateSecretName: 'db-client' });
  expect(environment).toMatchObject({
    PGSSLMODE: 'require',
    PGSSLCERT: '/etc/mlflow-database-client/tls.crt',
    PGSSLKEY: '/etc/mlflow-database-client/tls.key',
  });
  expect(secretFiles).toEqual([
    { secretName: 'db-client', keys: ['tls.crt', 'tls.key'], directory: '/etc/mlflow-database-client' },
  ]);
  const both = connect({ clientCertificateSecretName: 'db-client', authoritySecretName: 'db-authority' });
  expect(both.secretFiles!.map(({ directory }) => directory)).toEqual([
    '/etc/mlflow-database',
    '/etc/mlflow-database-client',
  ]);
});

test('of several hosts the one that accepts writes is used', () => {
  const { environment } = connect({ host: 'db-1', otherHosts: ['db-2', 'db-3'] });
  expect(environment).toMatchObject({ PGHOST: 'db-1,db-2,db-3', PGPORT: '5432', PGTARGETSESSIONATTRS: 'read-write' });
  expect(connect({ otherHosts: [] })).toEqual(connect({}));
  expect(connect({}).environment).not.toHaveProperty('PGTARGETSESSIONATTRS');
});

test('the policy allows the port of the database, and only its addresses if they are known', () => {
  expect(connect({}).egress).toEqual([{ peer: { anyone: true }, port: 5432 }]);
  expect(connect({ port: 6432, cidr: '10.1.2.0/24' }).egress).toEqual([{ peer: { cidr: '10.1.2.0/24' }, port: 6432 }]);
});

test('the policy allows the pods behind a Service instead of the host', () => {
  const bouncer = { peer: { podLabels: { app: 'pgbouncer' } }, port: 6432 };
  expect(connect({ host: 'pgbouncer.db.svc', egress: [bouncer] }).egress).toEqual([bouncer]);
  const operator = { peer: { podLabels: { 'cnpg.io/cluster': 'tracking' } }, port: 5432 };
  expect(connect({ host: 'tracking-rw', egress: [operator] }).egress).toEqual([operator]);
});

test('the rule of maxConnections counts the connections of all clients', () => {
  connect({ maxConnections: 100 }, 60, 40);
  expect(errorOf(() => connect({ maxConnections: 100 }, 60, 41))).toBe(
    'chart/server: maxConnections is 100; expected at least 101, what its clients can open, or fewer servers, or fewer ' +
      'requests at once (maxDatabaseRequests)',
  );
});

test('the dump before a migration uses the image of the embedded database by default', () => {
  expect(Database.fromExisting(minimal).clientImage).toBe(Images.POSTGRES);
  expect(Database.fromExisting(allProps).clientImage).toBe('registry.example.com/postgres:18.1');
});

test('an existing database allows several servers', () => {
  expect(Database.fromExisting(minimal).sharedByReplicas).toBe(true);
});

test('clients other than the servers do not connect to the read replica', () => {
  expect(connect({ readReplicaHost: 'db-ro.example.com' })).toEqual(connect({}));
});

const refused: [string, Partial<ExistingDatabaseProps>, string][] = [
  ['no host', { host: '' }, "the database's host is ''"],
  ['a host with a port', { host: 'db:5432' }, "the database's host is 'db:5432'"],
  ['a URL', { host: 'postgresql://db' }, "the database's host is 'postgresql://db'"],
  ['a user before the host', { host: 'me@db' }, "the database's host is 'me@db'"],
  ['a host with a space', { host: 'a b' }, "the database's host is 'a b'"],
  [
    'cidr and egress together',
    { cidr: '10.1.2.0/24', egress: [{ peer: { anyone: true }, port: 5432 }] },
    'cidr and egress are both given',
  ],
  ['port 70000 of egress', { egress: [{ peer: { anyone: true }, port: 70000 }] }, 'the port of egress is 70000'],
  ['a port of the read replica', { readReplicaHost: 'db-ro:5432' }, "readReplicaHost is 'db-ro:5432'"],
  [
    'the primary as its own read replica',
    { readReplicaHost: 'db.example.com' },
    "readReplicaHost is 'db.example.com', which is host too",
  ],
  ['port 0', { port: 0 }, "the database's port is 0"],
  ['a port above 65535', { port: 65536 }, "the database's port is 65536"],
  [
    'a fraction of a connection',
    { maxConnections: 1.5 },
    'maxConnections is 1.5; expected a whole number of at least 1',
  ],
  [
    'credentials that would have to be made',
    { credentials: Credentials.generated() },
    "the database's credentials are generated or a service account's; expected Credentials.fromSecret('name')",
  ],
  [
    "a service account's",
    { credentials: Credentials.fromServiceAccount({}) },
    "the database's credentials are generated or a service account's; expected Credentials.fromSecret('name')",
  ],
  [
    'a Secret that cannot be',
    { credentials: Credentials.fromSecret('My_Secret') },
    "the name of the Secret of the database's credentials is 'My_Secret'",
  ],
  ['an authority that cannot be', { authoritySecretName: 'My_Secret' }, "authoritySecretName is 'My_Secret'"],
  ['a way of TLS that libpq does not know', { sslMode: 'on' }, "sslMode is 'on'"],
  [
    'verify-full without an authority',
    { sslMode: 'verify-full' },
    "sslMode is 'verify-full'; expected 'disable', 'allow', 'prefer' or 'require'; 'verify-ca' and 'verify-full' need " +
      'authoritySecretName',
  ],
  ['verify-ca without an authority', { sslMode: 'verify-ca' }, "sslMode is 'verify-ca'"],
  [
    'an authority that would not be asked',
    { sslMode: 'require', authoritySecretName: 'db-authority' },
    "sslMode is 'require' and authoritySecretName is given; expected 'verify-full' or 'verify-ca'",
  ],
  [
    'a certificate that would not be sent',
    { sslMode: 'prefer', clientCertificateSecretName: 'db-client' },
    "sslMode is 'prefer' and clientCertificateSecretName is given; expected 'require', or authoritySecretName",
  ],
  [
    'a certificate that cannot be',
    { clientCertificateSecretName: 'My_Secret' },
    "clientCertificateSecretName is 'My_Secret'",
  ],
  ['a further host with a port', { otherHosts: ['db-2:5432'] }, "otherHosts is 'db-2:5432'"],
  ['several hosts in one', { host: 'db-1,db-2' }, "the database's host is 'db-1,db-2'"],
  [
    'a host twice',
    { host: 'db-1', otherHosts: ['db-2', 'db-1'] },
    "the database's hosts are 'db-1', 'db-2', 'db-1'; expected each host once",
  ],
  ['a template', { databaseName: 'template1' }, "databaseName is 'template1'"],
  ['a database without a name', { databaseName: '' }, "databaseName is ''"],
  ['a connection string', { databaseName: 'dbname=mlflow' }, "databaseName is 'dbname=mlflow'"],
  ['a name with a quote', { databaseName: "ml'flow" }, `databaseName is 'ml'flow'`],
  ['a name that is too long', { databaseName: 'a'.repeat(64) }, `databaseName is '${'a'.repeat(64)}'`],
  ['an image that moves', { clientImage: 'postgres:latest' }, "clientImage is 'postgres:latest'; expected a tag"],
  ['an address without a mask', { cidr: '10.0.0.1' }, "cidr is '10.0.0.1'"],
  ['a mask that is too long', { cidr: '10.0.0.0/33' }, "cidr is '10.0.0.0/33'"],
];

test.each(refused)('refuses %s, with the path of the construct that connects', (_, props, message) => {
  expect(errorOf(() => connect(props))).toContain(`chart/server: ${message}`);
});

test.each(['db', 'db.prod.svc.cluster.local', '10.0.0.1', '::1', 'fd00::12', 'DB.example.com'])(
  'accepts the host %s',
  (host) => {
    expect(connect({ host }).environment.PGHOST).toBe(host);
  },
);

test.each(['mlflow', 'MLflow', 'ml-flow.prod', '1st', 'postgres', 'a'.repeat(63)])(
  'database %s is taken',
  (databaseName) => {
    expect(connect({ databaseName }).environment.PGDATABASE).toBe(databaseName);
  },
);
