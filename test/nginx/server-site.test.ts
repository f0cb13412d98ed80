import { NginxLogin, NginxOptions } from '../../lib/nginx/nginx-options';
import { nginxConfiguration } from '../../lib/nginx/server-site';

const BASIC = {
  kind: 'basic',
  realm: 'MLflow Authentication',
  usersFile: '/users/people/auth',
  programsFolder: '/users/programs',
} as const satisfies NginxLogin;

const render = (options: Partial<NginxOptions> = {}) =>
  nginxConfiguration({ login: BASIC, metrics: true, drainSeconds: 30, ...options });

const LOGINS: [string, NginxLogin][] = [
  ['basic', BASIC],
  ['mlflow', { kind: 'mlflow' }],
  ['none', { kind: 'none' }],
];

test.each(LOGINS)('the configuration of nginx: %s', (_, login) => {
  expect(render({ login })).toMatchSnapshot();
});

test('the configuration of nginx with all options', () => {
  const all: Required<NginxOptions> = {
    login: BASIC,
    workspaces: [{ name: 'team-a', users: ['ann'] }],
    metrics: true,
    drainSeconds: 45,
    signedUrls: true,
    maxArtifactMebibytes: 900,
    userLimits: { requestsPerSecond: 20, burst: 40, concurrentRequests: 30 },
    auditLog: true,
    artifactWritesPaused: true,
    timeoutSeconds: 120,
    keepaliveMinSeconds: 12,
    httpPort: 18080,
    metricsPort: 19090,
    upstreamPort: 15000,
    requestLinesPort: 15001,
    ipv6: true,
    tls: { folder: '/run/secrets/mlflow-tls', cache: true },
    temporaryDirectory: '/run/nginx',
    httpsHosts: ['mlflow.example.com'],
    path: '/mlflow',
  };
  const text = nginxConfiguration(all);
  for (const line of [
    'worker_shutdown_timeout 45s;',
    "'~^team-a:ann\\z' 0;",
    'proxy_read_timeout 120s;',
    'keepalive_min_timeout 12s;',
    'limit_req zone=by_user burst=40 nodelay;',
    'proxy_set_header X-Audit-User $remote_user;',
    'limit_conn at_once_by_user 30;',
    'client_max_body_size 900m;',
    'rewrite ^ /.paused last;',
    'listen 18080 ssl;\n    listen [::]:18080 ssl;',
    'listen 19090;\n    listen [::]:19090;',
    'server 127.0.0.1:15000;',
    'access_log syslog:server=127.0.0.1:15001,nohostname,tag=proxy request_lines;',
    'pid /run/nginx/nginx.pid;',
    'proxy_cache_path /run/nginx/health ',
    "rewrite '(?s)^/mlflow/(?!\\.)(.*)\\z' /$1;",
    'if ($in_the_clear) { return 308 https://mlflow.example.com$request_uri; }',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).not.toMatch(/ \/tmp|keepalive_min_timeout 1s|[^1](8080|9090|5000)/);
});

test('undefined options have their defaults', () => {
  const undefinedOptions = { timeoutSeconds: undefined, httpPort: undefined, upstreamPort: undefined, ipv6: undefined };
  expect(render(undefinedOptions)).toBe(render());
  expect(render()).not.toMatch(/undefined|NaN|\[object/);
});

test.each(LOGINS)('nginx writes only to the temporary folder and the standard streams: %s', (_, login) => {
  const paths = [
    ...render({ login }).matchAll(/^ *(?:\w+_(?:temp|cache)_path|pid|error_log|access_log) (\S+?)[ ;]/gm),
  ].map((match) => match[1]);
  expect(new Set(paths.map((path) => path.replace(/^\/tmp\/.*/, '/tmp')))).toEqual(
    new Set(['/tmp', 'stderr', '/dev/stdout', 'off', 'syslog:server=127.0.0.1:5001,nohostname,tag=proxy']),
  );
  expect(paths).toHaveLength(7 + 4 + 2);
});

test.each(LOGINS)("every location that forwards to MLflow sets the client's address: %s", (_, login) => {
  const targets = [...render({ login }).matchAll(/proxy_pass (.*);/g)].map((match) => match[1]);
  const artifacts = ['api', 'ajax-api'].flatMap((api) => [
    `${api}/2.0/mlflow-artifacts/artifacts/`,
    `${api}/2.0/mlflow-artifacts/artifacts`,
    `${api}/3.0/mlflow/server-info`,
  ]);
  const user = login.kind === 'mlflow' ? ['api/2.0/mlflow/users/current'] : [];
  const paths = ['health', 'static-files/', ...user, ...artifacts, 'v1/traces', 'gateway/', '', 'metrics'];
  expect(targets).toEqual(paths.map((path) => `http://mlflow/${path}`));
});

test('the login applies to the whole main port, except for /health', () => {
  const [, main, metrics] = render().split('\n  server {');
  expect(main.indexOf('auth_basic_user_file $users_file;')).toBeLessThan(main.indexOf('location'));
  expect(main.match(/location [^{]*\{\n +auth_basic off;/g)?.map((text) => text.split(' {')[0])).toEqual([
    // nginx goes to this location after a refusal. No URL leads to it.
    'location @wrong',
    'location = /health',
  ]);
  expect(main.match(/auth_basic off;/g)).toHaveLength(2);
  expect(metrics).not.toContain('auth_basic');
});

test('the files of service users are found by role, and only for a plain name', () => {
  for (const role of ['program', 'reader', 'trainer', 'serving', 'deployer']) {
    expect(render()).toContain(`if (-f /users/programs/${role}.$program) {`);
  }
  expect(render()).toContain(`'~^[a-z0-9](?:[-a-z0-9]{0,56}[a-z0-9])?\\z' $remote_user;`);
});

test('the password is forwarded only if MLflow checks it', () => {
  const sent = (login: NginxLogin) => render({ login }).match(/proxy_set_header Authorization .*;/g);
  expect(sent(BASIC)).toEqual([`proxy_set_header Authorization '';`]);
  expect(sent({ kind: 'none' })).toEqual([`proxy_set_header Authorization '';`]);
  // The main port forwards all headers by default. /metrics forwards only headers that are named.
  expect(sent({ kind: 'mlflow' })).toEqual(['proxy_set_header Authorization $http_authorization;']);
});

test('the log has users only if nginx checked their password', () => {
  expect(render()).toContain(`$log_user { '~^1:.' $remote_user; default ''; }`);
  expect(render({ login: { kind: 'mlflow' } })).not.toContain('$remote_user');
  expect(render()).not.toMatch(
    /log_format[^;]*\$(request|args|query_string|http_authorization|http_cookie|http_referer)\b/,
  );
});

test('signed URLs are forwarded only if they are enabled', () => {
  const refused = /location \^~ \/(?:ajax-)?api\/2\.0\/(mlflow\S*) \{[^}]*return 501; \}/g;
  const paths = [...render().matchAll(refused)].map((match) => match[1]);
  expect(new Set(paths)).toEqual(
    new Set(['mlflow-artifacts/mpu/', 'mlflow-artifacts/presigned/', 'mlflow/artifacts/presigned-']),
  );
  expect(paths).toHaveLength(2 * 3);
  expect(render({ signedUrls: true })).not.toMatch(/return 501|sub_filter/);
});

test('without metrics nginx has one port', () => {
  expect(render({ metrics: false }).match(/listen .*;/g)).toEqual(['listen 8080;']);
});

test.each<[string, Partial<NginxOptions>, string]>([
  ['a port', { httpPort: 0 }, 'expected a port, got 0'],
  ['a port above the range', { metricsPort: 65536 }, 'expected a port, got 65536'],
  ['ports that collide', { httpPort: 5000 }, 'expected four different ports, got [5000,9090,5000,5001]'],
  ['no time', { drainSeconds: 0 }, 'expected a whole, positive number of seconds, got 0'],
  ['half a second', { timeoutSeconds: 0.5 }, 'expected a whole, positive number of seconds, got 0.5'],
  ['a folder', { temporaryDirectory: '/tmp; user root' }, 'expected a plain absolute path, got "/tmp; user root"'],
  ['a host', { httpsHosts: ['a b'] }, 'expected a host name, got "a b"'],
  ['a realm that ends its quotes', { login: { ...BASIC, realm: "x'; a" } }, 'expected a realm without quotes'],
  ['a realm with a variable', { login: { ...BASIC, realm: '$host' } }, 'expected a realm without quotes'],
  ['the realm that means no login', { login: { ...BASIC, realm: 'off' } }, 'got "off"'],
  ['a realm of two lines', { login: { ...BASIC, realm: 'a\nb' } }, 'got "a\\nb"'],
  ['a users file', { login: { ...BASIC, usersFile: 'auth' } }, 'expected a plain absolute path, got "auth"'],
  ['a folder of users', { login: { ...BASIC, programsFolder: '/a b' } }, 'expected a plain absolute path, got "/a b"'],
])('the configuration refuses %s', (_, options, message) => {
  expect(() => render(options)).toThrow(message);
});

test('nginx limits wrong passwords if it checks them', () => {
  expect(render()).toContain('error_page 401 @wrong;');
  for (const login of [{ kind: 'mlflow' }, { kind: 'none' }] as const) {
    expect(render({ login })).not.toMatch(/limit_req|@wrong|=429|^ *429/m);
  }
});
