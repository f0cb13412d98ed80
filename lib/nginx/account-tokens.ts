import { demand, demandPath, demandPorts } from './configuration';
import { demandIssuers, issuerLocations, issuerMaps } from './issuer-tokens';
import { NginxAccounts, NginxLogin } from './nginx-options';
import { ROLES, ROLE_ROUTES } from './role-routes';
import { ServiceUserRole } from './service-user-role';

/** A flag for each restricted role: whether it may make the request. Names cannot break out of it, as paths could. */
const MAY = ROLES.map((role) => `$may_${role}`).join('');
const MAY_HEADER = 'X-Roles';

/** No name of a ServiceAccount has the '_' before it. */
const WORKSPACE_HEADER = '\n      proxy_set_header X-Workspace $bound;';

/** The message of a 403 after a token. */
export const ACCOUNT_REFUSED =
  'This account may not do this: it is not admitted to the platform, or its role does not include the request.';

export interface AccountTokens {
  /** For the http block: upstreams, maps, and the server that judges tokens. */
  readonly site: string;
  /** For the server block with the login. */
  readonly rules: string;
  /** For the location of the question: asks about a request with a token. */
  readonly question: string;
}

const NONE: AccountTokens = { site: '', rules: '', question: '' };

/** The accounts of a login, if it has any. */
export function accountsOf(login: NginxLogin): NginxAccounts | undefined {
  return login.kind === 'basic' || login.kind === 'oidc' ? login.accounts : undefined;
}

/** Throws for what would break out of the configuration. */
export function demandAccounts({ cluster, issuers = [], port }: NginxAccounts): void {
  demandPorts(port);
  demand(cluster !== undefined || issuers.length > 0, 'expected ServiceAccounts or issuers', issuers);
  if (cluster) {
    demandPath(cluster.folder);
    demandPorts(cluster.tokenPort);
  }
  demandIssuers(issuers);
  const ports = [port, ...(cluster ? [cluster.tokenPort] : []), ...issuers.map((each) => each.port)];
  demand(new Set(ports).size === ports.length, 'expected different ports', ports);
}

/**
 * Tokens of Kubernetes' ServiceAccounts, and of further issuers. A server on the loopback judges them: oauth2-proxy checks the token,
 * and only then a file of the account's name and role decides, because the name is not known before. The files are those of a
 * ConfigMap, so an account is added and removed without a restart. For the others their claims decide.
 *
 * @param byWorkspace whether a file may have the name of a workspace, after `_`, the only one in which the account is admitted
 */
export function accountTokens(login: NginxLogin, byWorkspace = false): AccountTokens {
  const accounts = accountsOf(login);
  if (!accounts) return NONE;
  return {
    site: `${maps(login)}${judge(accounts, byWorkspace)}`,
    rules: `    # Stored now: the questions about the request have other addresses.
    set $roles "${MAY}";
`,
    question: `      proxy_pass_request_body off; proxy_pass_request_headers off; proxy_method GET;
      proxy_set_header Host localhost; proxy_set_header Connection ''; proxy_set_header Content-Length '';
      proxy_set_header Authorization $http_authorization; proxy_set_header ${MAY_HEADER} $roles;${byWorkspace ? WORKSPACE_HEADER : ''}
      proxy_read_timeout 30s;
      proxy_pass http://accounts/account;
`,
  };
}

function maps(login: NginxLogin): string {
  const may = ROLES.map((role) => {
    const routes = ROLE_ROUTES[role].map((each) => `    '~^${each}\\z' 1;\n`);
    return `  map $request_method:$uri $may_${role} {\n${routes.join('')}    default 0;\n  }\n`;
  });
  return `  # A token of a ServiceAccount or of a person. All other logins are those of before.
  map $http_authorization $is_token { '~^Bearer ' 1; default 0; }
${login.kind === 'basic' ? `  map $is_token $realm { 1 off; default '${login.realm}'; }\n` : ''}  # What each role may do with a token.
${may.join('')}`;
}

function judge({ cluster, issuers = [], port }: NginxAccounts, byWorkspace: boolean): string {
  const asksIssuers = issuers.length > 0;
  return `${cluster ? upstream('tokens', cluster.tokenPort) : ''}${upstream('accounts', port)}${cluster ? accountMaps() : ''}${issuerMaps(issuers)}  server {
    listen 127.0.0.1:${port};
    access_log off;
    # None of the pages of errors: the answer is for nginx.
    error_page 599 /none;
${asksIssuers ? '    recursive_error_pages on;\n' : ''}${
    cluster
      ? accountLocations(cluster.folder, asksIssuers, byWorkspace)
      : '    location = /account { rewrite ^ /issuer-0 last; }\n'
  }${issuerLocations(issuers)}    location / { return 404; }
  }
`;
}

const upstream = (name: string, port: number) =>
  `  upstream ${name} { server 127.0.0.1:${port}; keepalive 32; keepalive_timeout 60s; }\n`;

function accountMaps(): string {
  const files = ROLES.map(
    (role, index) =>
      `  map $http_x_roles $${role}_file { '~^[01]{${index}}1' /${role}.$account_file; default /none/$account_file; }\n`,
  );
  return `  # The files are named <role>.<namespace>.<name>. A namespace has no dot, so no two accounts share a name.
  map $account $account_file {
    '~^system:serviceaccount:(?<account_namespace>[a-z0-9-]{1,63}):(?<account_name>[a-z0-9.-]{1,253})\\z'
      $account_namespace.$account_name;
    default none/none;
  }
${files.join('')}`;
}

function accountLocations(folder: string, asksIssuers: boolean, byWorkspace: boolean): string {
  const everywhere = [`/${ServiceUserRole.ADMIN}.$account_file`, ...ROLES.map((role) => `$${role}_file`)];
  const candidates = byWorkspace
    ? [...everywhere, ...everywhere.map((file) => `${file.replace(/\$(\w+)/, '${$1}')}_$http_x_workspace`)]
    : everywhere;
  return `    location = /account {
${asksIssuers ? '      # Not a token of the cluster: it may be one of another issuer.\n      error_page 401 = /issuer-0;\n' : ''}      auth_request /token;
      auth_request_set $account $upstream_http_x_auth_request_email;
      add_header X-Auth-Request-Email $account always;
      root ${folder};
      try_files ${candidates.join(' ')} =403;
    }
    location = /token {
      internal;
      proxy_pass_request_body off; proxy_pass_request_headers off;
      proxy_set_header Host localhost; proxy_set_header Connection ''; proxy_set_header Content-Length '';
      proxy_set_header Authorization $http_authorization;
      proxy_read_timeout 30s;
      proxy_pass http://tokens/oauth2/auth;
    }
`;
}
