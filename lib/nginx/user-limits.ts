import { demand } from './configuration';
import { NginxLogin, NginxUserLimits, NginxWorkspace } from './nginx-options';
import { ServiceUserRole } from './service-user-role';
import { decidesWorkspaces } from './workspaces';

/** Seconds of requests that may come at once by default. A page of MLflow sends some dozens. */
const BURST_SECONDS = 10;
const LEAST_BURST = 50;

/** nginx has no such status of its own, so its page is not that of wrong passwords. */
const OVER_STATUS = 498;
const OVER_PAGE = '/.over-limit';

const OVER = JSON.stringify({
  error_code: 'REQUEST_LIMIT_EXCEEDED',
  message: 'Too many requests of this user or in this workspace. Try again shortly.',
});

/** Programs of ours, which a person's flood must not stop. */
const EXEMPT = [ServiceUserRole.SERVING, ServiceUserRole.DEPLOYER];

/** A location whose requests go to MLflow. */
export interface MlflowLocation {
  /** How nginx matches it, and the path, which MLflow gets too. */
  readonly match?: '=' | '^~';
  readonly path: string;
  /** Directives that refuse requests before the login is checked, a line each. */
  readonly checks?: string;
  /** Directives of the location, a line each. */
  readonly settings?: string;
  /** A comment about the address. */
  readonly comment?: string;
}

export interface UserLimits {
  /** For the http block. */
  readonly zones: string;
  /** For the http block: the page of a request over the limit. */
  readonly errorPage?: readonly [status: number, directive: string];
  /** For the server block with the login. */
  readonly rules: string;
  /** A location of that server. */
  readonly location: (location: MlflowLocation) => string;
}

/** Throws for what would break out of the configuration. */
export function demandLimits(limits: NginxUserLimits = {}, workspaces: readonly NginxWorkspace[] = []): void {
  const { requestsPerSecond, burst, concurrentRequests } = limits;
  const numbers = [requestsPerSecond, burst, concurrentRequests, ...workspaces.map((each) => each.requestsPerSecond)];
  for (const number of numbers) {
    demand(Number.isInteger(number ?? 1) && (number ?? 1) > 0, 'expected a whole, positive number', number);
  }
}

/**
 * Limits the requests of each user, and those in a workspace. nginx counts requests before it checks their login, with a name
 * that the client only claims: a client could use up the limit of another user. So the locations of MLflow have two parts. The first checks
 * the login, and `try_files`, which comes after it, leads to the second, which counts by the checked name. Both are the same
 * request: its body streams as without limits.
 *
 * @see https://nginx.org/en/docs/dev/development_guide.html#http_phases
 */
export function userLimits(
  login: NginxLogin,
  limits: NginxUserLimits | undefined,
  workspaces: readonly NginxWorkspace[] = [],
): UserLimits {
  const limited = decidesWorkspaces(login, workspaces) ? workspaces.filter((each) => each.requestsPerSecond) : [];
  if ((login.kind !== 'basic' && login.kind !== 'oidc') || (!limits && limited.length === 0)) {
    return { zones: '', rules: '', location: (location) => `${opening(location)}${passing(location)}` };
  }
  const zones: string[] = [];
  const counts: string[] = [];
  const rate = (name: string, key: string, perSecond: number, burst?: number) => {
    zones.push(`  limit_req_zone ${key} zone=${name}:2m rate=${perSecond}r/s;\n`);
    const most = burst ?? Math.max(LEAST_BURST, BURST_SECONDS * perSecond);
    counts.push(`limit_req zone=${name} burst=${most} nodelay;`);
  };
  if (limits) {
    zones.push(`  # Each login has a name of its own: a person, a service user, or an account with a token.
  map $role $limited_user { ${exempt(`''`)} default "${nameOf(login)}"; }\n`);
    if (limits.requestsPerSecond) rate('by_user', '$limited_user', limits.requestsPerSecond, limits.burst);
    if (limits.concurrentRequests) {
      zones.push('  limit_conn_zone $limited_user zone=at_once_by_user:2m;\n');
      counts.push(`limit_conn at_once_by_user ${limits.concurrentRequests};`);
    }
  }
  limited.forEach(({ name, requestsPerSecond }, index) => {
    zones.push(
      `  map $role:$place $limited_workspace_${index} { '~^(${EXEMPT.join('|')}):' ''; '~:${name}\\z' 1; default ''; }\n`,
    );
    rate(`by_workspace_${index}`, `$limited_workspace_${index}`, requestsPerSecond!);
  });
  const head = `auth_basic off; auth_request off;
      limit_req_status ${OVER_STATUS}; limit_conn_status ${OVER_STATUS};
      ${counts.join('\n      ')}`;
  return {
    zones: zones.join(''),
    errorPage: [OVER_STATUS, `error_page ${OVER_STATUS} =429 ${OVER_PAGE};`],
    rules: `    location = ${OVER_PAGE} {
      internal;
      client_max_body_size 0;
      types { } default_type application/json;
      # The status of the error stays.
      return 200 '${OVER}\\n';
    }
`,
    location: (location) => counted(location, head),
  };
}

const exempt = (value: string) => EXEMPT.map((role) => `${role} ${value};`).join(' ');

/** What the login has proven. A person and a program of the same name are two users. */
function nameOf(login: NginxLogin): string {
  if (login.kind === 'oidc') return '$is_program:$login_user';
  return login.kind === 'basic' && login.accounts ? '$remote_user:$account_user' : '$remote_user';
}

const opening = ({ match, path, checks = '' }: MlflowLocation) =>
  `    location ${match ? `${match} ` : ''}${path} {\n${checks}      set $behind_login 1;\n`;

const passing = ({ path, settings = '', comment = '' }: MlflowLocation) =>
  `${settings}${comment}      proxy_pass http://mlflow${path};\n    }\n`;

function counted(location: MlflowLocation, head: string): string {
  const { path, settings = '' } = location;
  return `${opening(location)}${settings}      try_files /.absent @limited${path};
    }
    location @limited${path} {
      ${head}
      # MLflow gets the path that nginx has checked. A named location would pass the client's own text.
      rewrite ^ $uri break;
${settings}      proxy_pass http://mlflow;
    }
`;
}
