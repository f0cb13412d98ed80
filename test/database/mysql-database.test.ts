import {
  Authentication,
  Backup,
  BackupTarget,
  Credentials,
  Database,
  GarbageCollection,
  Images,
  MlflowPlatform,
  MysqlDatabaseProps,
} from '../../lib';
import { client } from '../support/components';
import { Rendered, errorOf, find, ofKind, snapshotOf, synth } from '../support/synth';
import { argumentOf, containerOf, environmentOf, podOf, serverError, serverObjects } from '../tracking/servers';

const minimal: MysqlDatabaseProps = { host: 'db.example.com', credentials: Credentials.fromSecret('db-login') };

/** All props but `cidr`, because `egress` replaces it. */
const allProps: Required<Omit<MysqlDatabaseProps, 'cidr'>> = {
  host: '10.1.2.3',
  port: 3307,
  databaseName: 'tracking',
  credentials: Credentials.fromSecret('db-login', { usernameKey: 'user', passwordKey: 'pass' }),
  sslMode: 'VERIFY_IDENTITY',
  authoritySecretName: 'db-authority',
  clientCertificateSecretName: 'db-client',
  maxConnections: 300,
  clientImage: 'registry.example.com/mysql:8.4.11',
  egress: [{ peer: { cidr: '10.1.2.0/24' }, port: 3307 }],
};

const connect = (props: Partial<MysqlDatabaseProps>, ...needed: number[]) => {
  const database = Database.mysql({ ...minimal, ...props });
  return (needed.length > 0 ? needed : [10]).map((each) => database.connectFrom(client(each))).pop()!;
};
const database = (props: Partial<MysqlDatabaseProps> = {}) => Database.mysql({ ...minimal, ...props });
const migrationPod = (objects: Rendered[]) =>
  ofKind(objects, 'Job').find(({ metadata }) => metadata.name.includes('-migration-'))!.spec.template.spec;

test('a connection to a database on a MySQL server, without props', () => {
  expect(connect({})).toMatchSnapshot();
});

test('a connection to a database on a MySQL server, with all props', () => {
  expect(connect(allProps)).toMatchSnapshot();
});

test('a connection is encrypted by default', () => {
  expect(connect({}).environment.MYSQL_SSL_MODE).toBe('REQUIRED');
  expect(connect({ sslMode: 'DISABLED' }).environment.MYSQL_SSL_MODE).toBe('DISABLED');
});

test('with a certificate authority the client verifies the certificate and its name', () => {
  expect(connect({ authoritySecretName: 'db-authority' })).toMatchObject({
    environment: { MYSQL_SSL_MODE: 'VERIFY_IDENTITY', MYSQL_SSL_CA: '/etc/mlflow-database/ca.crt' },
    secretFiles: [{ secretName: 'db-authority', keys: ['ca.crt'], directory: '/etc/mlflow-database' }],
  });
});

test('a client presents a certificate, which is mounted apart from the authority', () => {
  const { environment, secretFiles } = connect({ clientCertificateSecretName: 'db-client' });
  expect(environment).toMatchObject({
    MYSQL_SSL_MODE: 'REQUIRED',
    MYSQL_SSL_CERT: '/etc/mlflow-database-client/tls.crt',
    MYSQL_SSL_KEY: '/etc/mlflow-database-client/tls.key',
  });
  expect(secretFiles).toEqual([
    { secretName: 'db-client', keys: ['tls.crt', 'tls.key'], directory: '/etc/mlflow-database-client' },
  ]);
});

test('the policy allows the port of the database, and only its addresses if they are known', () => {
  expect(connect({}).egress).toEqual([{ peer: { anyone: true }, port: 3306 }]);
  expect(connect({ port: 3307, cidr: '10.1.2.0/24' }).egress).toEqual([{ peer: { cidr: '10.1.2.0/24' }, port: 3307 }]);
});

test('the rule of maxConnections counts the connections of all clients', () => {
  connect({ maxConnections: 100 }, 60, 40);
  expect(errorOf(() => connect({ maxConnections: 100 }, 60, 41))).toContain(
    'chart/server: maxConnections is 100; expected at least 101',
  );
});

test('the dump before a migration uses an image of MariaDB by default', () => {
  expect(database().clientImage).toBe(Images.MARIADB);
  expect(database(allProps).clientImage).toBe('registry.example.com/mysql:8.4.11');
});

describe('a server', () => {
  const objects = serverObjects({ database: database(allProps) });

  test('names only the database in the arguments of MLflow, and gets the login as files', () => {
    const mlflow = containerOf(podOf(objects), 'mlflow');
    expect(argumentOf(mlflow, '--backend-store-uri')).toBe('mysql+pymysql:///tracking');
    expect(environmentOf(mlflow)).toMatchObject({
      DATABASE_MODULE: 'mysql_database',
      DATABASE_NAME: 'tracking',
      MYSQL_HOST: '10.1.2.3',
      MYSQL_TCP_PORT: '3307',
    });
    expect(JSON.stringify(podOf(objects).spec.volumes)).toContain('{"key":"pass","path":"MYSQL_PWD"}');
  });

  test('has the program that connects, and one of PostgreSQL has not', () => {
    const programsOf = (all: Rendered[]) => Object.keys(find(all, 'ConfigMap', 'server-programs').data);
    expect(programsOf(objects)).toContain('mysql_database.py');
    expect(programsOf(serverObjects())).not.toContain('mysql_database.py');
  });

  test('can have replicas', () => {
    const { spec } = find(serverObjects({ database: database(), replicas: 3 }), 'Deployment', 'server');
    expect(spec.replicas).toBe(3);
  });

  test.each(['DATABASE_MODULE', 'MIGRATION_MODULE', 'MLFLOW_MYSQL_SSL_CA', 'MYSQL_HOST', 'MYSQL_SSL_MODE'])(
    'refuses the variable %s of the user',
    (name) => {
      expect(serverError({ database: database(), environment: { [name]: 'x' } })).toContain(`environment has ${name}`);
    },
  );
});

describe('the migration', () => {
  const objects = serverObjects({ database: database(allProps) });

  test('dumps with the programs of MySQL or MariaDB', () => {
    const [dump] = migrationPod(objects).initContainers;
    expect(dump.image).toBe('registry.example.com/mysql:8.4.11');
    expect(dump.command).toEqual(['sh', '/opt/cdk8s-mlflow/dump-mysql.sh']);
    const variables = dump.env.map(({ name }: Rendered) => name);
    expect(variables).toEqual(
      expect.arrayContaining(['MYSQL_HOST', 'MYSQL_SSL_CA', 'MYSQL_SSL_MODE', 'MYSQL_TCP_PORT']),
    );
    expect(variables.filter((name: string) => /^DATABASE_|PG/.test(name))).toEqual([]);
  });

  test('has the module that knows MySQL', () => {
    const [migrate] = migrationPod(objects).containers;
    expect(environmentOf(migrate)).toMatchObject({ MIGRATION_MODULE: 'mysql_migration', DATABASE_NAME: 'tracking' });
    expect(Object.keys(find(objects, 'ConfigMap', 'server-migration').data)).toEqual(
      expect.arrayContaining(['dump-mysql.sh', 'mysql_database.py', 'mysql_migration.py']),
    );
  });
});

test('a platform with a database on a MariaDB server has no database of its own', () => {
  const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow', { database: database() }));
  expect(ofKind(objects, 'StatefulSet').map(({ metadata }) => metadata.name)).toEqual(['mlflow-minio']);
  const migration = objects.filter(({ kind, metadata }) => kind === 'Job' && /migration/.test(metadata.name));
  expect(snapshotOf(migration)).toMatchSnapshot();
});

const refused: [string, Partial<MysqlDatabaseProps>, string][] = [
  ['a host with a port', { host: 'db:3306' }, "the database's host is 'db:3306'"],
  ['the URI of a SQL Server', { host: 'mssql+pymssql://db' }, "the database's host is 'mssql+pymssql://db'"],
  ['port 0', { port: 0 }, "the database's port is 0"],
  [
    'credentials that would have to be created',
    { credentials: Credentials.generated() },
    "the database's credentials are generated or a service account's; expected Credentials.fromSecret('name')",
  ],
  ['a TLS mode of PostgreSQL', { sslMode: 'require' }, "sslMode is 'require'; expected 'DISABLED' or 'REQUIRED'"],
  ['PREFERRED', { sslMode: 'PREFERRED' }, "sslMode is 'PREFERRED'; expected 'DISABLED' or 'REQUIRED'"],
  [
    'VERIFY_IDENTITY without an authority',
    { sslMode: 'VERIFY_IDENTITY' },
    "sslMode is 'VERIFY_IDENTITY'; expected 'DISABLED' or 'REQUIRED'; 'VERIFY_IDENTITY' needs authoritySecretName",
  ],
  [
    'VERIFY_CA',
    { sslMode: 'VERIFY_CA', authoritySecretName: 'db-authority' },
    "sslMode is 'VERIFY_CA' and authoritySecretName is given; expected 'VERIFY_IDENTITY', or no authoritySecretName",
  ],
  [
    'a certificate that would not be sent',
    { sslMode: 'DISABLED', clientCertificateSecretName: 'db-client' },
    "sslMode is 'DISABLED' and clientCertificateSecretName is given; expected 'REQUIRED', or authoritySecretName",
  ],
  ['an authority that cannot be', { authoritySecretName: 'My_Secret' }, "authoritySecretName is 'My_Secret'"],
  ["the server's own database", { databaseName: 'mysql' }, "databaseName is 'mysql'"],
  ['a name that is too long', { databaseName: 'a'.repeat(65) }, `databaseName is '${'a'.repeat(65)}'`],
  ['a name with a quote', { databaseName: 'ml`flow' }, "databaseName is 'ml`flow'"],
  ['an image that moves', { clientImage: 'mariadb:latest' }, "clientImage is 'mariadb:latest'; expected a tag"],
  [
    'cidr and egress together',
    { cidr: '10.1.2.0/24', egress: [{ peer: { anyone: true }, port: 3306 }] },
    'cidr and egress are both given',
  ],
];

test.each(refused)('refuses %s, with the path of the construct that connects', (_, props, message) => {
  expect(errorOf(() => connect(props))).toContain(`chart/server: ${message}`);
});

test("refuses MLflow's own login, whose schema MySQL and MariaDB refuse", () => {
  expect(serverError({ database: database(), authentication: Authentication.mlflow() })).toContain(
    "authentication is Authentication.mlflow(…), and the server's database is Database.mysql(…); expected " +
      'Authentication.basic(), or a PostgreSQL',
  );
});

test('refuses a backup and a garbage collection, which know PostgreSQL only', () => {
  const error = (add: (platform: MlflowPlatform) => void) =>
    errorOf(() => synth((chart) => add(new MlflowPlatform(chart, 'mlflow', { database: database() }))));
  const target = BackupTarget.claim({ claimName: 'backups' });
  expect(
    error(({ node, server }) => new Backup(node.scope!, 'copies', { server, schedule: '@daily', target })),
  ).toContain(
    "chart/copies: the server's database is Database.mysql(…); expected no backup: back up the database with the tools of " +
      'your server, or a PostgreSQL',
  );
  expect(
    error(({ node, server }) => new GarbageCollection(node.scope!, 'gc', { server, schedule: '@daily' })),
  ).toContain("chart/gc: the server's database is Database.mysql(…); expected no garbageCollection");
});
