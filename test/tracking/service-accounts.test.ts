import { containerOf, environmentOf, podOf, serverError, serverObjects } from './servers';
import { Authentication, Credentials, ServiceAccountLogin, ServiceUserRole, TrackingServerProps } from '../../lib';
import { find } from '../support/synth';

const trainer: ServiceAccountLogin = { namespace: 'training', name: 'trainer', role: ServiceUserRole.TRAINER };
const reader: ServiceAccountLogin = { namespace: 'reports', name: 'reader', role: ServiceUserRole.READER };
const build = (accounts: ServiceAccountLogin[], props: Partial<TrackingServerProps> = {}) =>
  serverObjects(props, (server) => accounts.forEach((account) => server.addServiceAccount(account)));
const objects = build([trainer]);
const pod = podOf(objects);
const nginxOf = (all: any[]): string => find(all, 'ConfigMap', 'server-proxy').data['nginx.conf'];

describe('a ServiceAccount that logs in', () => {
  test('is a key of a ConfigMap that nginx reads', () => {
    expect(find(build([trainer, reader]), 'ConfigMap', 'server-accounts').data).toEqual({
      'reader.reports.reader': '',
      'trainer.training.trainer': '',
    });
    expect(pod.spec.volumes).toContainEqual({ name: 'accounts', configMap: { name: 'server-accounts' } });
    expect(containerOf(pod, 'nginx').volumeMounts).toContainEqual({
      name: 'accounts',
      mountPath: '/run/mlflow-accounts',
      readOnly: true,
    });
    expect(nginxOf(objects)).toContain('root /run/mlflow-accounts;');
  });

  test('changes neither the pods nor nginx if it is not the first one', () => {
    const two = build([trainer, reader]);
    expect(podOf(two)).toEqual(pod);
    expect(nginxOf(two)).toBe(nginxOf(objects));
  });

  test('has the server’s name in the cluster as audience, which is not that of the API server', () => {
    let audience = '';
    serverObjects({}, (server) => (audience = server.tokenAudience));
    expect(audience).toBe('server.mlflow.svc');
    expect(containerOf(pod, 'account-tokens').args).toContain('--client-id=server.mlflow.svc');
  });

  test('leaves a server without any as it was', () => {
    const none = serverObjects();
    expect(JSON.stringify(none)).not.toMatch(/account-tokens|account-keys|api-server|account_keys/);
    expect(nginxOf(none)).not.toContain('127.0.0.1:418');
  });
});

describe('the sidecars', () => {
  test('start before nginx: first the keys, then oauth2-proxy', () => {
    const names = pod.spec.initContainers.map(({ name }: any) => name);
    expect(names).toEqual(['wait-for-schema', 'mlflow', 'account-keys', 'account-tokens']);
    for (const name of names.slice(2)) expect(containerOf(pod, name).restartPolicy).toBe('Always');
  });

  test('are the only ones with the settings, and only one has a token for the API server', () => {
    const all = [...pod.spec.initContainers, ...pod.spec.containers];
    const mounting = (volume: string) =>
      all
        .filter(({ volumeMounts }: any) => volumeMounts.some(({ name }: any) => name === volume))
        .map(({ name }) => name);
    expect(mounting('api-server')).toEqual(['account-keys']);
    expect(mounting('account-tokens')).toEqual(['account-keys', 'account-tokens']);
    expect(pod.spec.automountServiceAccountToken).toBe(false);
  });

  test('agree about files and ports', () => {
    const keys = environmentOf(containerOf(pod, 'account-keys'));
    expect(keys).toEqual({
      ACCOUNT_DIRECTORY: '/run/secrets/api-server',
      ACCOUNT_KEYS_PORT: '4183',
      SETTINGS_DIRECTORY: '/run/account-tokens',
    });
    const { args } = containerOf(pod, 'account-tokens');
    expect(args).toContain('--oidc-jwks-url=http://127.0.0.1:4183/jwks');
    expect(args).toContain('--config=/run/account-tokens/oauth2-proxy.cfg');
    expect(args).toContain('--http-address=127.0.0.1:4181');
    expect(nginxOf(objects)).toContain('upstream tokens { server 127.0.0.1:4181;');
    expect(nginxOf(objects)).toContain('listen 127.0.0.1:4182;');
  });

  test('may connect to the API server, at the addresses that are given', () => {
    const egress = find(objects, 'NetworkPolicy', 'server').spec.egress;
    expect(JSON.stringify(egress)).toContain('6443');
    expect(JSON.stringify(find(serverObjects(), 'NetworkPolicy', 'server').spec.egress)).not.toContain('6443');
    const narrow = build([trainer], { apiServerEgress: [{ peer: { cidr: '10.0.0.1/32' }, port: 6443 }] });
    expect(JSON.stringify(find(narrow, 'NetworkPolicy', 'server').spec.egress)).toContain('10.0.0.1/32');
  });
});

describe('addServiceAccount refuses', () => {
  const error = (account: Partial<ServiceAccountLogin>, props: Partial<TrackingServerProps> = {}) =>
    serverError(props, (server) => server.addServiceAccount({ ...trainer, ...account }));

  test.each([
    ['mlflow', Authentication.mlflow(), "MLflow's own login knows passwords only"],
    ['none', Authentication.none(), 'Authentication.none() checks no login'],
  ])('Authentication.%s()', (kind, authentication, why) => {
    expect(error({}, { authentication })).toContain(
      `chart/server: the authentication is Authentication.${kind}(); expected Authentication.basic() or Authentication.oidc()`,
    );
    expect(error({}, { authentication })).toContain(why);
  });

  test('an account twice', () => {
    const twice = serverError({}, (server) => {
      server.addServiceAccount(trainer);
      server.addServiceAccount({ ...trainer, role: ServiceUserRole.READER });
    });
    expect(twice).toContain('the ServiceAccount training/trainer exists already; expected each ServiceAccount once');
  });

  test('names that Kubernetes does not know', () => {
    for (const namespace of ['', 'Training', 'a.b', 'a/b', 'a:b']) {
      expect(error({ namespace })).toContain('namespace is');
    }
    for (const name of ['', 'Trainer', 'a/b', 'a:b', '..']) expect(error({ name })).toContain('name is');
    expect(error({ name: `a${'.a'.repeat(120)}` })).toContain('expected at most 245');
  });
});

test('people, programs and accounts log in side by side', () => {
  const users = { authentication: Authentication.basic({ users: Credentials.fromSecret('people') }) };
  const text = nginxOf(build([trainer], users));
  expect(text).toContain("map $is_token $realm { 1 off; default 'MLflow Authentication'; }");
  expect(text).toContain('auth_basic $realm;');
});
