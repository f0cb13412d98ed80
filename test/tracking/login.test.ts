import { containerOf, filesOf, plannedSecrets, podOf, serverError, serverObjects } from './servers';
import { Authentication, Credentials, ProgramLogin, TrackingServer, TrackingServerProps } from '../../lib';
import { find, findByPrefix } from '../support/synth';

const withDeployer = (props: Partial<TrackingServerProps> = {}) => {
  let login: ProgramLogin | undefined;
  const objects = serverObjects(props, (server) => (login = server.addProgram('deployer')));
  return { objects, login };
};
const nginxOf = (objects: any[]): string => find(objects, 'ConfigMap', 'server-proxy').data['nginx.conf'];

describe('a program gets a user of its own', () => {
  const { objects, login } = withDeployer();
  const template = podOf(objects);

  test('and is told where its name and password are', () => {
    expect(login).toEqual({ secretName: 'server-deployer-login', usernameKey: 'username', passwordKey: 'password' });
  });

  test('in a Secret that is made once, with a random password', () => {
    expect(plannedSecrets(objects, 'server-credentials')['server-deployer-login'].keys).toEqual({
      username: { value: 'deployer' },
      password: { generate: 'password' },
      auth: { generate: 'htpasswd', username: 'username', password: 'password' },
    });
  });

  test('nginx sees the line of its user, and not its password', () => {
    expect(filesOf(template, 'user-deployer')).toEqual({ auth: { secret: 'server-deployer-login', key: 'auth' } });
    expect(containerOf(template, 'nginx').volumeMounts).toContainEqual({
      name: 'user-deployer',
      mountPath: '/run/secrets/mlflow-users/programs/deployer',
      readOnly: true,
    });
    expect(nginxOf(objects)).toContain(`'~^deployer\\z' /run/secrets/mlflow-users/programs/deployer/auth;`);
  });

  test('people’s users are asked for in their own file, as before', () => {
    expect(nginxOf(objects)).toContain('default /run/secrets/mlflow-users/people/auth;');
  });

  test('each in a file of its own', () => {
    const two = serverObjects({}, (server) => ['deployer', 'backup-2'].forEach((name) => server.addProgram(name)));
    const { volumes } = podOf(two).spec;
    expect(volumes.map(({ name }: any) => name).filter((name: string) => name.startsWith('user-'))).toEqual([
      'user-deployer',
      'user-backup-2',
    ]);
  });
});

test('MLflow’s own login has the user made by the migration', () => {
  const { objects } = withDeployer({ authentication: Authentication.mlflow() });
  expect(nginxOf(objects)).not.toContain('deployer');
  expect(podOf(objects).spec.volumes.map(({ name }: any) => name)).not.toContain('user-deployer');
  const migration = findByPrefix(objects, 'Job', 'server-migration').spec.template;
  expect(filesOf(migration, 'user-deployer')).toEqual({
    username: { secret: 'server-deployer-login', key: 'username' },
    password: { secret: 'server-deployer-login', key: 'password' },
  });
  expect(containerOf(migration, 'migrate').volumeMounts).toContainEqual({
    name: 'user-deployer',
    mountPath: '/run/secrets/program-users/deployer',
    readOnly: true,
  });
});

test('without a login a program has its Secret all the same, so that it need not know', () => {
  const { objects, login } = withDeployer({ authentication: Authentication.none() });
  expect(plannedSecrets(objects, 'server-credentials')).toHaveProperty(login!.secretName);
  expect(nginxOf(objects)).not.toContain('deployer');
});

describe('refuses', () => {
  const twice = (server: TrackingServer) => {
    server.addProgram('deployer');
    server.addProgram('deployer');
  };

  test('a name that is there already', () => {
    expect(serverError({}, twice)).toContain(
      "chart/server: the program 'deployer' is there already; expected a name of its own",
    );
  });

  test.each(['', 'Deployer', 'a b', 'a:b', 'a/b', '-a', 'a-', '../people', 'a'.repeat(59)])('the name %j', (name) => {
    expect(serverError({}, (server) => server.addProgram(name))).toContain(
      `chart/server: the program's name is '${name}'; expected at most 58 lower-case letters, digits and '-'`,
    );
  });

  test.each([
    ['nginx’s', Authentication.basic()],
    ['MLflow’s', Authentication.mlflow()],
  ])('the name of the person in the generated Secret, in %s login', (_whose, authentication) => {
    expect(serverError({ authentication }, (server) => server.addProgram('admin'))).toContain("'admin'");
  });
});

describe('the keys that all servers share', () => {
  test('are generated once', () => {
    expect(plannedSecrets(serverObjects(), 'server-credentials')['server-secret'].keys).toEqual({
      MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY: { generate: 'fernet' },
      MLFLOW_CRYPTO_KEK_PASSPHRASE: { generate: 'token' },
    });
  });

  test('come from a Secret of one’s own under the same names', () => {
    const objects = serverObjects({ keys: Credentials.fromSecret('own-keys') });
    expect(plannedSecrets(objects, 'server-credentials')).not.toHaveProperty('server-secret');
    expect(filesOf(podOf(objects), 'secrets')).toMatchObject({
      MLFLOW_CRYPTO_KEK_PASSPHRASE: { secret: 'own-keys', key: 'MLFLOW_CRYPTO_KEK_PASSPHRASE' },
    });
  });
});
