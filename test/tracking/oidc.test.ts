import { Chart, Duration } from 'cdk8s';
import {
  Authentication,
  BackupTarget,
  Credentials,
  Database,
  DefaultPermission,
  Exposure,
  MlflowPlatform,
  MlflowPlatformProps,
  OidcAuthenticationProps,
  OidcPermissions,
  ServiceUserRole,
  Tls,
} from '../../lib';
import { errorOf, find, ofKind, synth } from '../support/synth';

const exposure = Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromSecret('mlflow-tls') });
const needed: OidcAuthenticationProps = {
  issuer: 'https://login.example.com/realms/ml',
  clientId: 'mlflow',
  credentials: Credentials.fromSecret('mlflow-sso'),
};
const build = (props: Partial<OidcAuthenticationProps> = {}, platform: MlflowPlatformProps = { exposure }) =>
  synth((chart: Chart) => {
    const authentication = Authentication.oidc({ ...needed, ...props });
    new MlflowPlatform(chart, 'mlflow', { ...platform, authentication });
  });
const pod = (...args: Parameters<typeof build>) =>
  find(build(...args), 'Deployment', 'mlflow-server').spec.template.spec;
const proxy = (...args: Parameters<typeof build>) =>
  pod(...args).initContainers.find(({ name }: { name: string }) => name === 'oauth2-proxy');
const flag = (name: string, ...args: Parameters<typeof build>): string[] =>
  proxy(...args)
    .args.filter((each: string) => each.startsWith(`--${name}=`))
    .map((each: string) => each.slice(name.length + 3));
const conf = (...args: Parameters<typeof build>) =>
  find(build(...args), 'ConfigMap', 'mlflow-server-proxy').data['nginx.conf'] as string;

describe('oauth2-proxy', () => {
  test('is a sidecar that starts before nginx, and stops after it', () => {
    expect(pod().initContainers.map(({ name }: { name: string }) => name)).toEqual([
      'wait-for-schema',
      'mlflow',
      'oauth2-proxy',
    ]);
    expect(proxy().restartPolicy).toBe('Always');
  });

  test('listens on the loopback of the pod', () => {
    expect(flag('http-address')).toEqual(['127.0.0.1:4180']);
    expect(conf()).toContain('upstream oidc { server 127.0.0.1:4180;');
  });

  test('has its secrets as files, the key of the cookie from the Job that creates Secrets', () => {
    const { projected } = pod().volumes.find(({ name }: { name: string }) => name === 'oauth2-proxy');
    expect(projected.sources.map(({ secret }: any) => [secret.name, secret.items])).toEqual([
      ['mlflow-sso', [{ key: 'client-secret', path: 'client-secret' }]],
      ['mlflow-server-sso-session', [{ key: 'cookie-secret', path: 'cookie-secret' }]],
    ]);
    expect(flag('client-secret-file')).toEqual(['/run/secrets/oauth2-proxy/client-secret']);
    expect(flag('cookie-secret-file')).toEqual(['/run/secrets/oauth2-proxy/cookie-secret']);
    const [plan] = ofKind(build(), 'ConfigMap').flatMap(({ data }: any) => data?.['credentials.json'] ?? []);
    expect(JSON.parse(plan).secrets).toContainEqual(
      expect.objectContaining({
        name: 'mlflow-server-sso-session',
        keys: { 'cookie-secret': { generate: 'password' } },
      }),
    );
  });

  test('takes the key of a Secret that has another name', () => {
    const credentials = Credentials.fromSecret('mlflow-sso', { passwordKey: 'secret' });
    const { projected } = pod({ credentials }).volumes.find(({ name }: { name: string }) => name === 'oauth2-proxy');
    expect(projected.sources[0].secret.items).toEqual([{ key: 'secret', path: 'client-secret' }]);
  });

  test('does not ask the provider at its start if it knows the addresses', () => {
    const endpoints = {
      authorization: 'https://login.example.com/auth',
      token: 'https://login.example.com/token',
      keys: 'https://keys.example.com:8443/jwks',
    };
    expect(flag('skip-oidc-discovery', { endpoints })).toEqual(['true']);
    expect(flag('login-url', { endpoints })).toEqual([endpoints.authorization]);
    expect(flag('redeem-url', { endpoints })).toEqual([endpoints.token]);
    expect(flag('oidc-jwks-url', { endpoints })).toEqual([endpoints.keys]);
    expect(flag('skip-oidc-discovery')).toEqual([]);
  });

  test('knows further audiences, and issuers with theirs', () => {
    const props = {
      groups: ['ml'],
      audiences: ['api'],
      issuers: [{ issuer: 'https://ci.example.com', audience: 'mlflow' }],
    };
    expect(flag('oidc-extra-audience', props)).toEqual(['api']);
    expect(flag('extra-jwt-issuers', props)).toEqual(['https://ci.example.com=mlflow']);
  });

  test('trusts your certificate authority beside its own', () => {
    const props = { authoritySecretName: 'company-ca' };
    expect(flag('provider-ca-file', props)).toEqual(['/run/secrets/oauth2-proxy/ca.crt']);
    expect(flag('use-system-trust-store', props)).toEqual(['true']);
  });

  test.each([
    [undefined, '43200s'],
    [Duration.minutes(30), '1800s'],
  ])('ends a session after %s', (sessionDuration, seconds) => {
    expect(flag('cookie-expire', { sessionDuration })).toEqual([seconds]);
  });

  test('reads the settings of a proxy of the network that MLflow has, and nothing else of it', () => {
    const environment = { HTTPS_PROXY: 'http://proxy.example.com:3128', no_proxy: '.svc', MLFLOW_X: '1' };
    expect(proxy({}, { exposure, server: { environment } }).env).toEqual([
      { name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' },
      { name: 'no_proxy', value: '.svc' },
    ]);
    expect(proxy().env).toBeUndefined();
  });
});

describe('the address of the platform', () => {
  test('is the host of the exposure', () => {
    expect(flag('redirect-url')).toEqual(['https://mlflow.example.com/oauth2/callback']);
  });

  test('is publicUrl, where another object exposes the platform', () => {
    const props = { publicUrl: 'https://ml.example.com:8443' };
    expect(flag('redirect-url', props, {})).toEqual(['https://ml.example.com:8443/oauth2/callback']);
  });

  test('must be known', () => {
    expect(errorOf(() => build({}, {}))).toContain(
      'authentication is Authentication.oidc(…), without an exposure and without publicUrl; expected exposure: Exposure.ingress(',
    );
  });
});

describe('/logout', () => {
  const target = (props: Partial<OidcAuthenticationProps>, path: string) =>
    new RegExp(`location = ${path} \\{[^}]*return 302 (\\S+);`).exec(conf(props))?.[1];

  test('ends at a page that needs no login', () => {
    expect(target({}, '/logout')).toBe('/oauth2/sign_out?rd=%2Foauth2%2Fsigned-out');
    expect(target({}, '/oauth2/provider-logout')).toBeUndefined();
  });

  test('goes on to the provider, which leads back to that page', () => {
    const logoutUrl = 'https://login.example.com/logout';
    expect(target({ logoutUrl }, '/logout')).toBe('/oauth2/sign_out?rd=%2Foauth2%2Fprovider-logout');
    expect(target({ logoutUrl }, '/oauth2/provider-logout')).toBe(
      `'${logoutUrl}?client_id=mlflow&post_logout_redirect_uri=https%3A%2F%2Fmlflow.example.com%2Foauth2%2Fsigned-out'`,
    );
  });

  test('keeps a query that the user wrote', () => {
    const logoutUrl = 'https://login.example.com/logout?back=https://x.example.com/a&b=c';
    expect(target({ logoutUrl }, '/oauth2/provider-logout')).toBe(`'${logoutUrl}'`);
  });
});

test('the groups and domains go into each question', () => {
  expect(conf({ groups: ['ml people', "o'reilly & co"], emailDomains: ['example.com'] })).toContain(
    "map '' $who_may { default 'allowed_groups=ml%20people,o%27reilly%20%26%20co&allowed_email_domains=example.com'; }",
  );
});

describe('the NetworkPolicy of the servers', () => {
  const ports = (props: Partial<OidcAuthenticationProps>) =>
    find(build(props), 'NetworkPolicy', 'mlflow-server')
      .spec.egress.filter((rule: any) => !rule.to && rule.ports.every(({ protocol }: any) => protocol === 'TCP'))
      .flatMap((rule: any) => rule.ports.map(({ port }: any) => port));

  test('opens the ports of the provider, of its addresses and of the other issuers', () => {
    expect(ports({})).toEqual([443]);
    expect(
      ports({
        groups: ['ml'],
        issuer: 'https://login.example.com:8443',
        issuers: [{ issuer: 'https://ci.example.com:9443', audience: 'mlflow' }],
      }),
    ).toEqual([8443, 9443]);
  });

  test('opens only your destinations', () => {
    expect(ports({ egress: [{ peer: { cidr: '192.0.2.7/32' }, port: 443 }] })).toEqual([]);
  });
});

test('programs have their passwords, and people none', () => {
  const volumes = pod().volumes.map(({ name }: { name: string }) => name);
  expect(volumes).toContain('program-users');
  expect(volumes).not.toContain('users');
});

test.each<[Partial<OidcAuthenticationProps>, string]>([
  [
    { issuer: 'http://login.example.com' },
    "issuer is 'http://login.example.com'; expected a URL with the scheme https",
  ],
  [{ credentials: Credentials.generated() }, "client are generated; expected Credentials.fromSecret('mlflow-sso')"],
  [
    { issuers: [{ issuer: 'https://ci.example.com', audience: 'mlflow' }] },
    'issuers are given without groups; expected groups of which their tokens have one',
  ],
  [{ groups: [] }, 'groups is []; expected names of groups'],
  [{ groups: ['a,b'] }, "one of groups is 'a,b'; expected names of groups"],
  [{ emailDomains: ['@example.com'] }, "one of emailDomains is '@example.com'; expected domains without '@'"],
  [{ scopes: ['email'] }, "scopes is [email]; expected a list with 'openid'"],
  [
    { publicUrl: 'https://mlflow.example.com/x' },
    "publicUrl is 'https://mlflow.example.com/x'; expected the scheme https",
  ],
  [{ sessionDuration: Duration.seconds(5) }, 'sessionDuration is 5 seconds; expected whole seconds, at least 60'],
  [{ clientId: 'a b' }, "clientId is 'a b'; expected text without spaces"],
])('%j is refused', (props, message) => {
  expect(errorOf(() => build(props))).toContain(message);
});

describe('permissions', () => {
  const permissions: OidcPermissions = { adminGroups: ['ml-admins', 'R&D'] };
  const credentials = Credentials.fromSecret('db');
  const backup = { schedule: '0 2 * * *', target: BackupTarget.claim({ claimName: 'backups' }) };
  const programs = (given: OidcPermissions, platform?: MlflowPlatformProps) =>
    find(build({ permissions: given }, platform), 'ConfigMap', 'mlflow-server-programs').data;
  const settings = (given: OidcPermissions, platform?: MlflowPlatformProps): string =>
    programs(given, platform)['basic_auth.ini'];

  test("run MLflow's own login, which asks the proxy", () => {
    const { args, command, env } = pod({ permissions }).initContainers.find(
      ({ name }: { name: string }) => name === 'mlflow',
    );
    expect([...(command ?? []), ...args].join(' ')).toContain('--app-name basic-auth');
    expect(env).toContainEqual({ name: 'AUTH_DATABASE', value: 'mlflow_auth' });
    expect(env).toContainEqual({ name: 'LOGIN_BY_PROXY', value: 'true' });
    expect(settings(permissions).split('\n')).toEqual([
      '[mlflow]',
      'default_permission = READ',
      expect.stringMatching(/^database_uri = postgresql\+psycopg2:\/\/\/mlflow_auth\?/),
      'authorization_function = proxy_login:authenticate',
      'admin_username = program:mlflow',
      '',
    ]);
    expect(programs(permissions)).toHaveProperty(['proxy_login.py']);
  });

  test('need no password: no Secret has one of an administrator', () => {
    expect(JSON.stringify(pod({ permissions }))).not.toMatch(/MLFLOW_AUTH_ADMIN|FLASK_SERVER_SECRET_KEY/);
    expect(JSON.stringify(build({ permissions }))).not.toMatch(/mlflow-server-(admin|session-secret)"/);
  });

  test.each(Object.values(DefaultPermission))('may be %s by default', (defaultPermission) => {
    expect(settings({ ...permissions, defaultPermission })).toContain(`default_permission = ${defaultPermission}\n`);
  });

  test('have a database, which the migration and the backup know', () => {
    const given = { ...permissions, databaseName: 'ml_users' };
    const objects = build({ permissions: given }, { exposure, backup });
    const known = objects.filter((each) => JSON.stringify(each).includes('"name":"AUTH_DATABASE","value":"ml_users"'));
    expect(known.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['CronJob', 'Deployment', 'Job']));
    const database = Database.fromExisting({ host: 'db', credentials });
    expect(settings(given, { exposure, database })).toContain('postgresql+psycopg2:///ml_users');
  });

  test('let nginx ask for administrators first, and tell MLflow which question was answered', () => {
    const text = conf({ permissions, groups: ['ml-people'], emailDomains: ['example.com'] });
    const domain = 'allowed_email_domains=example.com';
    expect(text).toContain(`$who_are_admins { default 'allowed_groups=ml-admins,R%26D&${domain}'; }`);
    expect(text).toContain(`$who_may { default 'allowed_groups=ml-people&${domain}'; }`);
    expect(text).toContain('proxy_set_header X-Proxy-Login $proxy_login;');
    expect(conf()).not.toMatch(/proxy_login|X-Proxy-Login/);
  });

  test('leave a refusal of nginx itself a refusal', () => {
    const [first] = conf({ permissions }).split('location = /.login {')[1].split('location');
    expect(first).toContain('return 403');
    expect(first).not.toContain('error_page');
  });

  test("know the platform's programs by names that no person has", () => {
    const objects = synth((chart: Chart) => {
      const authentication = Authentication.oidc({ ...needed, permissions });
      const platform = new MlflowPlatform(chart, 'mlflow', { exposure, authentication, backup });
      platform.server.addServiceUser('notebooks', { role: ServiceUserRole.READER });
      platform.server.addServiceAccount({ namespace: 'ml', name: 'trainer', role: ServiceUserRole.TRAINER });
    });
    expect(JSON.stringify(objects)).toContain(
      '"name":"SERVICE_USERS","value":"program:mlflow program:notebooks program:system:serviceaccount:ml:trainer"',
    );
    expect(ofKind(objects, 'Job').map(({ metadata }) => metadata.name)).not.toContain(
      expect.stringMatching(/server-users/),
    );
  });

  test.each<[string, OidcPermissions, Partial<OidcAuthenticationProps>, MlflowPlatformProps, string]>([
    ['without a group', { adminGroups: [] }, {}, {}, 'permissions.adminGroups is []; expected names of groups'],
    ['with a comma', { adminGroups: ['a,b'] }, {}, {}, 'one of permissions.adminGroups is'],
    ['with a line break', { adminGroups: ['a\nb'] }, {}, {}, 'one of permissions.adminGroups is'],
    ['with a wrong database', { ...permissions, databaseName: 'a b' }, {}, {}, "the database's name is 'a b'"],
    [
      'with the database of runs',
      { ...permissions, databaseName: 'mlflow' },
      {},
      {},
      "the users' database is 'mlflow'",
    ],
    [
      'with issuers',
      permissions,
      { groups: ['x'], issuers: [{ issuer: 'https://ci.example.com', audience: 'mlflow' }] },
      {},
      'issuers and permissions are given; expected one of them',
    ],
    [
      'with workspaces',
      permissions,
      {},
      { server: { workspaces: [{ name: 'fraud' }] } },
      'and workspaces are given; expected one of them',
    ],
    [
      'with MySQL',
      permissions,
      {},
      { database: Database.mysql({ host: 'db', credentials }) },
      "is Authentication.oidc({ permissions: … }), and the server's database is Database.mysql(…); expected no permissions",
    ],
  ])('are refused %s', (_, given, props, platform, message) => {
    expect(errorOf(() => build({ ...props, permissions: given }, { exposure, ...platform }))).toContain(message);
  });
});
