import { containerOf, filesOf, plannedSecrets, podOf, serverError, serverObjects } from './servers';
import {
  Authentication,
  Credentials,
  ServiceUser,
  ServiceUserRole,
  TrackingServer,
  TrackingServerProps,
} from '../../lib';
import { find, findByPrefix } from '../support/synth';

const withDeployer = (props: Partial<TrackingServerProps> = {}) => {
  let login: ServiceUser | undefined;
  const objects = serverObjects(props, (server) => (login = server.addServiceUser('deployer')));
  return { objects, login };
};
const plannedLogins = (objects: any[]) =>
  JSON.parse(find(objects, 'ConfigMap', 'server-credentials').data['credentials.json']).logins[0];
const owners = { labels: expect.anything(), annotations: expect.anything() };
const nginxOf = (objects: any[]): string => find(objects, 'ConfigMap', 'server-proxy').data['nginx.conf'];

describe('a service user', () => {
  const { objects, login } = withDeployer();
  const template = podOf(objects);

  test('has the name of its Secret', () => {
    expect(login).toMatchObject({
      username: 'deployer',
      secretName: 'server-deployer-login',
      usernameKey: 'username',
      passwordKey: 'password',
    });
  });

  test('has a Secret that is created once, with a random password', () => {
    expect(plannedLogins(objects)).toEqual({
      prefix: 'server-',
      file: 'server-users',
      form: 'htpasswd',
      users: { 'program.deployer': [] },
      ...owners,
    });
  });

  test("is a line in nginx's mount, which has no password", () => {
    const volume = template.spec.volumes.find(({ name }: any) => name === 'program-users');
    expect(volume.secret).toEqual({ secretName: 'server-users', defaultMode: 0o440 });
    // A subPath mount would never be updated.
    expect(containerOf(template, 'nginx').volumeMounts).toContainEqual({
      name: 'program-users',
      mountPath: '/run/secrets/mlflow-users/programs',
      readOnly: true,
    });
    expect(nginxOf(objects)).toContain('if (-f /run/secrets/mlflow-users/programs/program.$program)');
  });

  test("does not change the file of people's users", () => {
    expect(nginxOf(objects)).toContain('set $users_file /run/secrets/mlflow-users/people/auth;');
  });

  test('changes neither the pods nor their mounts if it is added', () => {
    const two = serverObjects({}, (server) => ['deployer', 'backup-2'].forEach((name) => server.addServiceUser(name)));
    expect(podOf(two)).toEqual(template);
    expect(podOf(serverObjects())).toEqual(template);
    expect(find(two, 'ConfigMap', 'server-proxy')).toEqual(find(objects, 'ConfigMap', 'server-proxy'));
  });

  test('makes the Secret required only if a Job creates Secrets anyway', () => {
    const props = {
      keys: Credentials.fromSecret('keys'),
      authentication: Authentication.basic({ users: Credentials.fromSecret('people') }),
    };
    const alone = serverObjects(props);
    expect(alone.filter(({ kind, metadata }) => kind === 'Job' && /credentials/.test(metadata.name))).toEqual([]);
    expect(podOf(alone).spec.volumes).toContainEqual({
      name: 'program-users',
      secret: { secretName: 'server-users', defaultMode: 0o440, optional: true },
    });
    expect(podOf(serverObjects(props, (server) => server.addServiceUser('deployer')))).toEqual(podOf(alone));
  });
});

describe('the role of a service user', () => {
  const entryOf = (role?: ServiceUserRole) =>
    Object.keys(plannedLogins(serverObjects({}, (server) => server.addServiceUser('trainer', { role }))).users);

  test.each([
    [ServiceUserRole.READER, 'reader.trainer'],
    [ServiceUserRole.TRAINER, 'trainer.trainer'],
    [ServiceUserRole.DEPLOYER, 'deployer.trainer'],
    [ServiceUserRole.SERVING, 'serving.trainer'],
    [ServiceUserRole.ADMIN, 'program.trainer'],
  ])('%s names its entry in the users’ Secret', (role, entry) => {
    expect(entryOf(role)).toEqual([entry]);
  });

  test('changes neither the pods nor the configuration of nginx', () => {
    const [plain, trainer] = [{}, { role: ServiceUserRole.TRAINER }].map((options) =>
      serverObjects({}, (server) => server.addServiceUser('trainer', options)),
    );
    expect(podOf(trainer)).toEqual(podOf(plain));
    expect(nginxOf(trainer)).toBe(nginxOf(plain));
  });

  test.each([
    ['MLflow’s own login', Authentication.mlflow(), "with Authentication.mlflow(); expected no role: MLflow's own"],
    ['no login', Authentication.none(), 'with Authentication.none(); expected no role: no login is checked'],
  ])('is refused with %s', (_, authentication, message) => {
    const add = (server: TrackingServer) => void server.addServiceUser('trainer', { role: ServiceUserRole.TRAINER });
    expect(serverError({ authentication }, add)).toContain(`chart/server: role is 'trainer', ${message}`);
    const admin = (server: TrackingServer) => void server.addServiceUser('trainer', { role: ServiceUserRole.ADMIN });
    expect(() => serverObjects({ authentication }, admin)).not.toThrow();
  });
});

describe('a service user of MLflow’s own login', () => {
  const { objects } = withDeployer({ authentication: Authentication.mlflow() });
  const job = findByPrefix(objects, 'Job', 'server-users');

  test('is created by its own Job', () => {
    expect(nginxOf(objects)).not.toContain('deployer');
    expect(plannedLogins(objects)).toMatchObject({ form: 'password', users: { 'program.deployer': [] } });
    expect(job.spec.template.spec.volumes).toContainEqual({
      name: 'users',
      secret: { secretName: 'server-users', defaultMode: 0o440 },
    });
    const { data } = find(objects, 'ConfigMap', 'server-users');
    expect(JSON.parse(data['service-users.json'])).toEqual({ 'program.deployer': [] });
  });

  test('neither starts a migration nor restarts a server if it is added', () => {
    const two = serverObjects({ authentication: Authentication.mlflow() }, (server) =>
      ['deployer', 'backup-2'].forEach((name) => server.addServiceUser(name)),
    );
    const [job1, job2] = [objects, two].map((all) => findByPrefix(all, 'Job', 'server-users').metadata.name);
    expect(job1).not.toBe(job2);
    const none = serverObjects({ authentication: Authentication.mlflow() });
    for (const other of [none, two]) {
      expect(findByPrefix(other, 'Job', 'server-migration')).toEqual(findByPrefix(objects, 'Job', 'server-migration'));
      expect(podOf(other)).toEqual(podOf(objects));
    }
  });

  test('is created with the same access to the database as the migration', () => {
    const migration = findByPrefix(objects, 'Job', 'server-migration').spec.template;
    expect(job.spec.template.metadata.labels).toEqual(migration.metadata.labels);
    expect(job.spec.template.spec.serviceAccountName).toBe(migration.spec.serviceAccountName);
  });
});

test('a service user has its Secret also without a login', () => {
  const { objects, login } = withDeployer({ authentication: Authentication.none() });
  expect(login!.secretName).toBe('server-deployer-login');
  expect(plannedLogins(objects).users).toEqual({ 'program.deployer': [] });
  expect(nginxOf(objects)).not.toContain('deployer');
});

describe('addServiceUser refuses', () => {
  const twice = (server: TrackingServer) => {
    server.addServiceUser('deployer');
    server.addServiceUser('deployer');
  };

  test('a name that exists already', () => {
    expect(serverError({}, twice)).toContain(
      "chart/server: the service user 'deployer' exists already; expected a name of its own",
    );
  });

  test.each(['', 'Deployer', 'a b', 'a:b', 'a/b', '-a', 'a-', '../people', 'a'.repeat(59)])('the name %j', (name) => {
    expect(serverError({}, (server) => server.addServiceUser(name))).toContain(
      `chart/server: username is '${name}'; expected at most 58 lower-case letters, digits and '-'`,
    );
  });

  test.each([
    ['nginx’s', Authentication.basic()],
    ['MLflow’s', Authentication.mlflow()],
  ])('the name of the person in the generated Secret, in %s login', (_whose, authentication) => {
    expect(serverError({ authentication }, (server) => server.addServiceUser('admin'))).toContain("'admin'");
  });
});

describe('the keys that all replicas share', () => {
  test('are generated once', () => {
    expect(plannedSecrets(serverObjects(), 'server-credentials')['server-secret'].keys).toEqual({
      MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY: { generate: 'fernet' },
      MLFLOW_CRYPTO_KEK_PASSPHRASE: { generate: 'token' },
    });
  });

  test('can come from an existing Secret with the same keys', () => {
    const objects = serverObjects({ keys: Credentials.fromSecret('own-keys') });
    expect(plannedSecrets(objects, 'server-credentials')).not.toHaveProperty('server-secret');
    expect(filesOf(podOf(objects), 'secrets')).toMatchObject({
      MLFLOW_CRYPTO_KEK_PASSPHRASE: { secret: 'own-keys', key: 'MLFLOW_CRYPTO_KEK_PASSPHRASE' },
    });
  });
});
