import { absentLocations } from './absent-pages';
import { checkedName } from './access-log';
import { accountTokens, accountsOf, demandAccounts } from './account-tokens';
import { ARTIFACT_ERRORS, artifactLocations } from './artifact-locations';
import {
  ERROR_LOCATION,
  NginxError,
  configuration,
  demand,
  demandPath,
  demandPorts,
  demandRealm,
  each,
  errorPages,
  listen,
  withRequestErrors,
} from './configuration';
import { ASK_MLFLOW, healthCache, healthLocation } from './health';
import { NginxLogin, NginxOptions } from './nginx-options';
import { podTls } from './pod-tls';
import { addressRules, demandAddress } from './public-address';
import { REQUEST_LINES_PORT, requestLines } from './request-lines';
import { FORBIDDEN, roleRules } from './roles';
import { LOGIN_HEADER, demandSignOn, signOn } from './sign-on';
import { LARGE_BODY, traceAndGatewayLocations } from './trace-and-gateway-locations';
import { UserLimits, demandLimits, userLimits } from './user-limits';
import { decidesWorkspaces, demandWorkspaces, workspaceRules } from './workspaces';
import { TOO_MANY, wrongPasswords } from './wrong-passwords';

/** The same for single sign-on. MLflow's page shows the first one when a session has ended. */
const SIGN_ON_ERRORS = [
  [
    401,
    'UNAUTHENTICATED',
    'You are not logged in, or your session or token has ended. Reload the page, or send a valid token.',
  ],
  [503, 'TEMPORARILY_UNAVAILABLE', 'The login does not answer. Try again shortly.'],
] as const;

type Settings = ReturnType<typeof complete>;
const complete = (options: NginxOptions) => ({
  ...options,
  timeoutSeconds: options.timeoutSeconds ?? 3600,
  httpPort: options.httpPort ?? 8080,
  metricsPort: options.metricsPort ?? 9090,
  upstreamPort: options.upstreamPort ?? 5000,
  requestLinesPort: options.requestLinesPort ?? REQUEST_LINES_PORT,
  temporaryDirectory: options.temporaryDirectory ?? '/tmp',
});

/** In the form of MLflow's REST API. */
const ERRORS = withRequestErrors([
  [401, 'UNAUTHENTICATED', 'User name and password are required.'],
  [403, 'PERMISSION_DENIED', FORBIDDEN],
  [404, 'ENDPOINT_NOT_FOUND', 'The proxy has nothing at this address.'],
  [
    413,
    'INVALID_PARAMETER_VALUE',
    `The body is too large: 16 MiB, ${LARGE_BODY} for OTLP and the gateway, and for artifacts the space that the server has for one.`,
  ],
  [500, 'INTERNAL_ERROR', 'The proxy failed.'],
  [502, 'TEMPORARILY_UNAVAILABLE', 'MLflow does not answer. Try again shortly.'],
  [504, 'TEMPORARILY_UNAVAILABLE', 'MLflow took too long to answer.'],
]);

const UNTRUSTED = ['Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-User'];

/** Names of a person, by which other proxies tell a program behind them who it is. */
const NAMES = ['User', 'Email', 'Groups', 'Preferred-Username', 'Access-Token'];
/** The server attributes runs to it: runtime/mlflow/run_owner.py. */
function userHeader(login: NginxLogin): string {
  if (login.kind !== 'oidc' && !accountsOf(login)) return '';
  const own = login.kind === 'oidc' && login.adminGroups ? `\n    proxy_set_header ${LOGIN_HEADER} $proxy_login;` : '';
  // The name of a password is not sent, so that a run keeps the name that the client tells, as without accounts.
  return `\n    proxy_set_header X-Forwarded-User ${login.kind === 'oidc' ? '$login_user' : '$account_user'};${own}`;
}
/** For runtime/mlflow/audit_log.py. MLflow's own login has the name itself. */
const auditHeader = ({ login, auditLog }: NginxOptions) =>
  auditLog ? `\n    proxy_set_header X-Audit-User ${checkedName(login)};` : '';

/** A page whose session has ended can then show what to do. */
const STATIC_IS_OPEN = '\n      auth_basic off; auth_request off;';

function cleared(login: NginxLogin): string[] {
  const { kind } = login;
  if (kind === 'mlflow') return UNTRUSTED;
  if (kind !== 'oidc') {
    const forgeable = [...UNTRUSTED, 'Authorization'];
    return accountsOf(login) ? forgeable.filter((name) => name !== 'X-Forwarded-User') : forgeable;
  }
  const all = ['X-Auth-Request', 'X-Forwarded'].flatMap((by) => NAMES.map((name) => `${by}-${name}`));
  // Both would be logins of MLflow's own.
  const mlflows = login.adminGroups ? ['X-MLflow-Authorization', 'X-MLflow-Assistant-Delegation'] : [];
  const forgeable = [...UNTRUSTED, 'Authorization', 'Cookie', ...all, 'X-Auth-Request-Redirect', ...mlflows];
  // This one is set: userHeader().
  return forgeable.filter((name) => name !== 'X-Forwarded-User');
}

/** The passwords that nginx checks: of people and programs, or of programs only. */
function passwords(login: NginxLogin): string {
  if (login.kind !== 'basic' && login.kind !== 'oidc') return '';
  const realm = login.kind === 'basic' && !login.accounts ? `'${login.realm}'` : '$realm';
  return `auth_basic ${realm};\n    auth_basic_user_file $users_file;\n    `;
}

/** Throws for what would break out of the configuration. */
function validate(o: Settings): void {
  const ports = [o.httpPort, o.metricsPort, o.upstreamPort, o.requestLinesPort];
  demandPorts(...ports);
  demand(new Set(ports).size === ports.length, 'expected four different ports', ports);
  demandAddress(o);
  demandWorkspaces(o.workspaces);
  demandLimits(o.userLimits, o.workspaces);
  if (o.login.kind === 'oidc') demandSignOn(o.login);
  const accounts = accountsOf(o.login);
  if (accounts) demandAccounts(accounts);
  if (o.login.kind !== 'basic') return;
  const { realm, usersFile, programsFolder } = o.login;
  demandRealm(realm);
  [usersFile, programsFolder].forEach(demandPath);
}

/** The whole nginx.conf of the proxy in MLflow's pod. */
export function nginxConfiguration(options: NginxOptions): string {
  const o = complete(options);
  validate(o);
  const limits = userLimits(o.login, o.userLimits, o.workspaces);
  return configuration({
    ...o,
    behind: 'MLflow',
    workers: 2,
    connections: 4096,
    requestLines: o.metrics ? requestLines(o) : undefined,
    caches: `${healthCache(o.temporaryDirectory)}\n`,
    upstream: `  upstream mlflow {
    server 127.0.0.1:${o.upstreamPort}; keepalive 32;
    # Shorter than MLflow's own 120 s, so that MLflow never closes a connection that nginx is about to use.
    keepalive_timeout 60s;
  }
${signOn(o.login).upstream}`,
    bodySize: `  # MLflow reads all bodies except artifacts into memory, some of them before it checks the login.
  client_max_body_size 16m;`,
    errors: errors(o, limits),
    site: `${httpServer(o, limits)}${o.metrics ? metricsServer(o) : ''}`,
  });
}

/** The login of a workspace is unknown in the others. */
const withHint = ([key, code, text]: NginxError): NginxError => [
  ...([key, code] as const),
  key === 401 ? `${text} The login of a workspace is valid in this workspace only: see MLFLOW_WORKSPACE.` : text,
];

function errors({ login, workspaces }: Settings, { errorPage }: UserLimits): string {
  const asks = login.kind === 'oidc';
  const checks = login.kind === 'basic' || asks;
  const known = asks || accountsOf(login) ? [...ERRORS.filter(([key]) => key !== 401), ...SIGN_ON_ERRORS] : ERRORS;
  const found = decidesWorkspaces(login, workspaces) ? known.map(withHint) : known;
  const own = [...found, ...(checks ? [TOO_MANY] : []), ...ARTIFACT_ERRORS];
  const elsewhere: Record<number, string> = {};
  // A wrong password or token goes by the limit of those first.
  if (checks) elsewhere[401] = 'error_page 401 @wrong;';
  // nginx's own 500: oauth2-proxy does not answer.
  if (asks || accountsOf(login)) elsewhere[500] = 'error_page 500 =503 /.error;';
  if (errorPage) elsewhere[errorPage[0]] = errorPage[1];
  return errorPages(own, '$status$refusal', elsewhere);
}

const REST = {
  path: '/',
  comment: '      # With the slash MLflow gets the path that nginx has checked, in the same encoding.\n',
};

function httpServer(options: Settings, limits: UserLimits): string {
  const { login, httpPort, ipv6 } = options;
  const byWorkspace = decidesWorkspaces(login, options.workspaces);
  const workspaces = workspaceRules(login, options.workspaces);
  const sso = signOn(login, options.path, byWorkspace ? options.workspaces : undefined);
  const address = addressRules(options);
  const roles = roleRules(login, byWorkspace);
  const accounts = accountTokens(login, byWorkspace);
  const wrong = wrongPasswords(login);
  const tls = podTls(options.tls);
  return `  map $http_x_forwarded_proto $forwarded_proto { http http; https https; default $scheme; }
${address.map}${accounts.site}${workspaces.maps}${roles.maps}${sso.maps}${wrong.zones}${limits.zones}${tls.site}  server {
    ${listen(httpPort, ipv6, options.tls !== undefined)}
${tls.rule}${address.rule}    ${passwords(login)}${ERROR_LOCATION}
${accounts.rules}${roles.rules}${sso.rules}${wrong.rules}${limits.rules}
    proxy_set_header Host $http_host;
    proxy_set_header Connection ''; proxy_set_header Upgrade '';
    proxy_set_header X-Request-ID $request_id;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $forwarded_proto;
    proxy_set_header Proxy-Authorization '';
    # A client could set these headers, as no proxy in front of this one is known to remove them.
    ${each(4, cleared(login), (name) => `proxy_set_header ${name} '';`)}${userHeader(login)}${auditHeader(options)}${workspaces.header}

${healthLocation(login)}    location ~* '^/+metrics\\b' { return 404; }
    location ^~ /static-files/ {${login.kind === 'oidc' ? STATIC_IS_OPEN : ''}
      set $behind_login 1;
      gzip on; gzip_proxied any; gzip_min_length 10k;
      gzip_types text/css text/javascript application/javascript;
      proxy_pass http://mlflow/static-files/;
    }
${absentLocations(login)}${artifactLocations(options, limits)}${traceAndGatewayLocations(limits)}${limits.location(REST)}  }
`;
}

function metricsServer({ login, metricsPort, ipv6 }: Settings): string {
  // open_metrics.py answers without one; if an MLflow is too different for it, an administrator's password is needed.
  const password = login.kind === 'mlflow' ? '\n      proxy_set_header Authorization $http_authorization;' : '';
  return `  server {
    ${listen(metricsPort, ipv6)}
    ${ERROR_LOCATION}
    location = /metrics {
      ${ASK_MLFLOW}${password}
      proxy_pass http://mlflow/metrics;
    }
    location / { return 404; }
  }
`;
}
