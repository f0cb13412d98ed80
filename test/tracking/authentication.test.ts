import {
  RecordingDatabase,
  addServer,
  argumentOf,
  containerOf,
  environmentOf,
  existingDatabase,
  filesOf,
  plannedSecrets,
  podOf,
  serverError,
  serverObjects,
} from './servers';
import { Authentication, Credentials, Database, PostgresStatefulSet } from '../../lib';
import { databaseUri } from '../../lib/database/database-client';
import { errorOf, find, findByPrefix, namesOf, synth } from '../support/synth';

const nginxOf = (authentication: Authentication) =>
  find(serverObjects({ authentication }), 'ConfigMap', 'server-proxy').data['nginx.conf'];
const volumesOf = (template: any): string[] => template.spec.volumes.map(({ name }: any) => name);

describe('Authentication.basic()', () => {
  test('is the default', () => {
    const basic = serverObjects({ authentication: Authentication.basic() });
    expect(serverObjects()).toEqual(basic);
  });

  test('generates a Secret with one user, whose name and password can be read', () => {
    expect(plannedSecrets(serverObjects(), 'server-credentials')['server-basic-auth']).toMatchObject({
      keys: {
        username: { value: 'admin' },
        password: { generate: 'password' },
        auth: { generate: 'htpasswd', username: 'username', password: 'password' },
      },
    });
  });

  test('accepts an existing Secret that has only an htpasswd file', () => {
    const plan = plannedSecrets(serverObjects(), 'server-credentials')['server-basic-auth'];
    expect(plan.optional).toEqual(['username', 'password']);
  });

  test('makes nginx check the password with the file of the Secret, and not forward it', () => {
    const template = podOf(serverObjects());
    const mount = containerOf(template, 'nginx').volumeMounts.find(({ name }: any) => name === 'users');
    expect(filesOf(template, 'users')).toEqual({ auth: { secret: 'server-basic-auth', key: 'auth' } });
    // Not by subPath: the file would not follow a change of the Secret.
    expect(mount).toEqual({ name: 'users', mountPath: '/run/secrets/mlflow-users/people', readOnly: true });
    const configuration = nginxOf(Authentication.basic());
    expect(configuration).toContain(`auth_basic 'MLflow Authentication';`);
    expect(configuration).toContain('set $users_file /run/secrets/mlflow-users/people/auth;');
    expect(configuration).toContain(`proxy_set_header Authorization '';`);
  });

  test('shows the realm in the login dialog', () => {
    expect(nginxOf(Authentication.basic({ realm: 'Models & more' }))).toContain(`auth_basic 'Models & more';`);
  });

  test('mounts an existing Secret and does not plan it', () => {
    const users = Credentials.fromSecret('people');
    const objects = serverObjects({ authentication: Authentication.basic({ users }) });
    expect(filesOf(podOf(objects), 'users')).toEqual({ auth: { secret: 'people', key: 'auth' } });
    expect(Object.keys(plannedSecrets(objects, 'server-credentials'))).toEqual(['server-secret']);
  });

  test('refuses a service account for its users', () => {
    const authentication = Authentication.basic({ users: Credentials.fromServiceAccount({}) });
    expect(serverError({ authentication })).toMatch(
      /^chart\/server: credentials for server-basic-auth .*expected Cred/,
    );
  });

  test('starts MLflow without its own login', () => {
    expect(argumentOf(containerOf(podOf(serverObjects()), 'mlflow'), '--app-name')).toBeUndefined();
  });
});

describe('Authentication.mlflow()', () => {
  const database = new RecordingDatabase();
  const objects = serverObjects({ database, authentication: Authentication.mlflow() });
  const template = podOf(objects);
  const mlflow = containerOf(template, 'mlflow');

  test("starts MLflow's basic-auth app, and nginx forwards the login", () => {
    expect(argumentOf(mlflow, '--app-name')).toBe('basic-auth');
    const configuration = find(objects, 'ConfigMap', 'server-proxy').data['nginx.conf'];
    expect(configuration).not.toContain('auth_basic_user_file');
    expect(configuration).not.toMatch(/location \/ \{[^}]*Authorization ''/);
    expect(volumesOf(template)).not.toContain('users');
  });

  test('keeps its users in their own database', () => {
    expect(database.databases).toEqual(['mlflow_auth']);
  });

  test('has settings that name that database and contain no password', () => {
    const settings = find(objects, 'ConfigMap', 'server-programs').data['basic_auth.ini'];
    expect(settings.split('\n')).toEqual(
      expect.arrayContaining(['[mlflow]', 'default_permission = READ', `database_uri = ${databaseUri('mlflow_auth')}`]),
    );
    expect(settings).not.toMatch(/password|secret/i);
    const path = environmentOf(mlflow).MLFLOW_AUTH_CONFIG_PATH;
    const mount = mlflow.volumeMounts.find(({ name }: any) => name === 'programs');
    expect(path).toBe(`${mount.mountPath}/basic_auth.ini`);
  });

  test('reads the administrator and the session key from Secrets', () => {
    expect(filesOf(template, 'secrets')).toMatchObject({
      MLFLOW_AUTH_ADMIN_USERNAME: { secret: 'server-admin', key: 'username' },
      MLFLOW_AUTH_ADMIN_PASSWORD: { secret: 'server-admin', key: 'password' },
      MLFLOW_FLASK_SERVER_SECRET_KEY: { secret: 'server-session-secret', key: 'MLFLOW_FLASK_SERVER_SECRET_KEY' },
    });
    expect(plannedSecrets(objects, 'server-credentials')).toMatchObject({
      'server-admin': { keys: { username: { value: 'admin' }, password: { generate: 'password' } } },
      // A separate Secret: a platform that changes to this login has the other Secrets already.
      'server-session-secret': { keys: { MLFLOW_FLASK_SERVER_SECRET_KEY: { generate: 'token' } } },
    });
  });

  test("needs no session key without MLflow's own login", () => {
    expect(Object.keys(filesOf(podOf(serverObjects()), 'secrets'))).not.toContain('MLFLOW_FLASK_SERVER_SECRET_KEY');
  });

  test('also waits for the schema of its database', () => {
    expect(environmentOf(containerOf(template, 'wait-for-schema')).AUTH_DATABASE).toBe('mlflow_auth');
    expect(environmentOf(containerOf(podOf(serverObjects()), 'wait-for-schema')).AUTH_DATABASE).toBeUndefined();
  });

  test('accepts an administrator from a Secret with other keys', () => {
    const admin = Credentials.fromSecret('root', { usernameKey: 'name', passwordKey: 'word' });
    const given = podOf(serverObjects({ authentication: Authentication.mlflow({ admin, databaseName: 'users' }) }));
    expect(filesOf(given, 'secrets')).toMatchObject({
      MLFLOW_AUTH_ADMIN_USERNAME: { secret: 'root', key: 'name' },
      MLFLOW_AUTH_ADMIN_PASSWORD: { secret: 'root', key: 'word' },
    });
    expect(environmentOf(containerOf(given, 'wait-for-schema')).AUTH_DATABASE).toBe('users');
  });

  test('creates the database in the embedded PostgreSQL, and counts its connections', () => {
    const embedded = synth((chart) => {
      const postgres = new PostgresStatefulSet(chart, 'postgres');
      addServer(chart, { database: postgres, authentication: Authentication.mlflow() });
    });
    const { env } = findByPrefix(embedded, 'Job', 'postgres-set-up').spec.template.spec.containers[0];
    expect(env).toContainEqual({ name: 'DATABASES', value: 'mlflow mlflow_auth' });
  });

  test.each([
    // MLflow's own schema cannot be created in a database with the tables of users.
    ['mlflow', 'a database of its own'],
    // The settings are an ini file, and the name is part of a URI in it.
    ['users%20', 'letters, digits'],
    ['users\nadmin_password = x', 'letters, digits'],
    ['', 'letters, digits'],
  ])('refuses the database name %j', (databaseName, want) => {
    const authentication = Authentication.mlflow({ databaseName });
    for (const existing of [true, false]) {
      const message = errorOf(() =>
        synth((chart) =>
          addServer(chart, {
            database: existing ? existingDatabase() : new PostgresStatefulSet(chart, 'postgres'),
            authentication,
          }),
        ),
      );
      expect(message).toMatch(/^chart\/(server|postgres)/);
      expect(message).toContain(`'${databaseName.replace('\n', '\\n')}'`);
      expect(message).toContain(want);
    }
  });

  test('refuses the name of the tracking database', () => {
    const own = Database.fromExisting({
      host: 'db.example.com',
      databaseName: 'tracking',
      credentials: Credentials.fromSecret('database'),
    });
    const authentication = Authentication.mlflow({ databaseName: 'tracking' });
    expect(serverError({ database: own, authentication })).toContain(`'tracking'`);
  });
});

describe('Authentication.none()', () => {
  const objects = serverObjects({ authentication: Authentication.none() });
  const configuration = find(objects, 'ConfigMap', 'server-proxy').data['nginx.conf'];

  test('checks no password', () => {
    expect(configuration).not.toContain('auth_basic_user_file');
    expect(argumentOf(containerOf(podOf(objects), 'mlflow'), '--app-name')).toBeUndefined();
  });

  test('does not forward a login that a client sends', () => {
    expect(configuration).toContain(`proxy_set_header Authorization '';`);
  });

  test('mounts and plans no users', () => {
    expect(volumesOf(podOf(objects))).not.toContain('users');
    expect(Object.keys(plannedSecrets(objects, 'server-credentials'))).toEqual(['server-secret']);
  });

  test('keeps the proxy and the Services', () => {
    const services = (names: string[]) => names.filter((name) => /^(Service|ConfigMap) /.test(name));
    expect(services(namesOf(objects))).toEqual(services(namesOf(serverObjects())));
  });
});
