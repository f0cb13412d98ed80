import { createHash } from 'crypto';
import { accountTokens } from './account-tokens';
import { demand, demandPath, demandPorts, demandRealm } from './configuration';
import { NginxLogin, NginxOidcLogin, NginxWorkspace } from './nginx-options';

/** Where people log in, at the provider, and out. nginx passes these pages of oauth2-proxy and no others but their style. */
const PAGES = ['start', 'callback', 'sign_in', 'sign_out'];

/**
 * Leads a browser to the provider and back to where it was, with the fragment of the address: MLflow's pages are fragments, which
 * no redirect keeps. If the cookie does not come back, the page stops after two tries.
 */
const script = (path: string) =>
  "var k='mlflow-login',t=Date.now(),a;try{a=JSON.parse(sessionStorage.getItem(k))||[]}catch(e){a=[]}" +
  'a=a.filter(function(x){return t-x<30000});' +
  'if(a.length<2){a.push(t);try{sessionStorage.setItem(k,JSON.stringify(a));' +
  `location.replace('${path}/oauth2/start?rd='+encodeURIComponent(location.pathname+location.search+location.hash))}catch(e){}}`;

const encoded = (text: string) => encodeURIComponent(text).replaceAll("'", '%27');

const page = (path: string) =>
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in</title>' +
  `<p>You are not logged in. <a href="${path}/oauth2/start?rd=${encoded(`${path}/`)}">Log in</a>.</p>` +
  '<noscript><p>The page that you asked for opens after the login only with JavaScript.</p></noscript>' +
  `<script>${script(path)}</script></html>`;

/** Goes on to the provider. nginx does it, so that oauth2-proxy leads to paths of this host only. */
const PROVIDER_LOGOUT = '/oauth2/provider-logout';
/** Shown after the logout, to people without a login. */
export const SIGNED_OUT = '/oauth2/signed-out';
const signedOutPage = (path: string) =>
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Logged out</title>' +
  `<p>You are logged out. <a href="${path}/">Log in again</a>.</p></html>`;

const policy = (path: string) =>
  `default-src 'none'; script-src 'sha256-${createHash('sha256').update(script(path)).digest('base64')}'`;

/**
 * Tells MLflow who sends a request, as `<kind>:<name>`: runtime/mlflow/proxy_login.py. The kind follows from the location that has
 * answered the question about the login.
 */
export const LOGIN_HEADER = 'X-Proxy-Login';
const KINDS = `  map $answered_by $proxy_login {
    /.login 'program:$remote_user';
    /.account 'program:$oidc_user';
    /.provider 'admin:$oidc_user';
    /.member 'person:$oidc_user';
    default '';
  }
`;

export interface SignOn {
  /** For the http block: the upstream `oidc`. */
  readonly upstream: string;
  /** For the http block. */
  readonly maps: string;
  /** For the server block: pages, and the question about each request. */
  readonly rules: string;
}

const NONE: SignOn = { upstream: '', maps: '', rules: '' };

/** Throws for what would break out of the configuration. */
export function demandSignOn({
  realm,
  programsFolder,
  port,
  groups = [],
  emailDomains = [],
  adminGroups,
  logoutUrl,
}: NginxOidcLogin) {
  demandRealm(realm);
  demandPath(programsFolder);
  demandPorts(port);
  demand(adminGroups?.length !== 0, 'expected at least one group of administrators', adminGroups);
  for (const one of [...groups, ...(adminGroups ?? []), ...emailDomains]) {
    demand(/^[^,\p{Cc}]+$/u.test(one), 'expected a name without commas', one);
  }
  demand(/^https?:\/\/[^\s'"\\$;{}]+$/.test(logoutUrl ?? 'https://none'), 'expected a URL', logoutUrl);
}

/**
 * Single sign-on: nginx asks oauth2-proxy, which listens on the pod's loopback, about each request that has no password of
 * a program. The question has no body, so uploads stream as without a login.
 *
 * @param path of the exposure, which the pages' links begin with; oauth2-proxy gets its own paths with it
 * @param workspaces those with groups of their own, if MLflow has workspaces
 */
export function signOn(login: NginxLogin, path = '', workspaces?: readonly NginxWorkspace[]): SignOn {
  if (login.kind !== 'oidc') return NONE;
  return {
    upstream: `  upstream oidc { server 127.0.0.1:${login.port}; keepalive 32; keepalive_timeout 60s; }\n`,
    maps: maps(login, workspaces),
    rules: `${question(login, path, workspaces !== undefined)}${pages(login, path)}`,
  };
}

function maps(
  { realm, groups = [], emailDomains = [], adminGroups }: NginxOidcLogin,
  workspaces?: readonly NginxWorkspace[],
): string {
  const list = (name: string, values: readonly string[]) =>
    values.length === 0 ? [] : [`${name}=${values.map(encoded).join(',')}`];
  const allowed = (of: readonly string[]) =>
    [...list('allowed_groups', of), ...list('allowed_email_domains', emailDomains)].join('&');
  return `  # A request with a token is judged by that token alone, not by a cookie beside it.
  map $http_authorization $login_cookie { '' $http_cookie; default ''; }
${
  workspaces
    ? `  map $place $who_may {
${workspaces.flatMap(({ name, groups: own }) => (own ? [`    ${name === 'default' ? '\\default' : name} '${allowed(own)}';\n`] : [])).join('')}    * '${allowed(groups.length > 0 ? [...new Set([...groups, ...workspaces.flatMap((each) => each.groups ?? [])])] : [])}';
    default '${allowed(groups)}';
  }
`
    : `  map '' $who_may { default '${allowed(groups)}'; }
`
}${
    adminGroups
      ? `  map '' $who_are_admins { default '${allowed(adminGroups)}'; }
${KINDS}`
      : ''
  }  # Other sites cannot send a token, and a browser sends the cookie only with what their links open. Another port or name of
  # the same site is foreign too.
  map "$http_authorization:$request_method:$http_sec_fetch_site" $foreign {
    '~^:(GET|HEAD|OPTIONS):' 0;
    '~^:[^:]*:(cross|same)-site\\z' 1;
    default 0;
  }
  # A person who opens a page is led to the login. Programs and scripts of pages get the error.
  map "$request_method:$http_sec_fetch_mode:$http_accept" $opens_page {
    '~^GET:navigate:' 1;
    '~^GET::[^:]*text/html' 1;
    default 0;
  }
  map $opens_page:$uri $login_page {
    '~^1:/(api|ajax-api|v1|gateway|graphql|metrics|static-files)(/|\\z)' /.error;
    '~^1:' /.login-page;
    default /.error;
  }
  # A wrong password is answered alike, whether a program has the name or not.
  map "$status:$is_program:$http_authorization" $challenge {
    '~*^(401|429):0:Basic ' 'Basic realm="${realm}"';
    default '';
  }
  add_header WWW-Authenticate $challenge always;
  map $is_program $login_user { 1 $remote_user; default $oidc_user; }
`;
}

/** No header of the client reaches oauth2-proxy, except the cookies. */
const OWN_HEADERS = `proxy_pass_request_headers off;
      proxy_set_header Connection ''; proxy_set_header X-Forwarded-Proto https;`;

function pages({ logoutUrl }: NginxOidcLogin, path: string): string {
  // Where pages without `rd` lead: by default to the root.
  const back = path && `\n      proxy_set_header X-Auth-Request-Redirect ${path}/;`;
  const all = PAGES.map(
    (name) => `    location = /oauth2/${name} {
      auth_basic off; auth_request off;
      client_max_body_size 16k;
      ${OWN_HEADERS}${back}
      proxy_set_header Host $http_host; proxy_set_header Cookie $http_cookie;
      proxy_set_header Accept $http_accept;
      proxy_read_timeout 30s;
      proxy_pass http://oidc${path}/oauth2/${name};
    }
`,
  );
  return `${all.join('')}    # Of the page that tells of a failed login.
    location ^~ /oauth2/static/css/ {
      auth_basic off; auth_request off;
      client_max_body_size 16k;
      ${OWN_HEADERS}
      proxy_set_header Host $http_host;
      proxy_pass http://oidc${path}/oauth2/static/css/;
    }
    location ^~ /oauth2/ { return 404; }
    location = ${SIGNED_OUT} {
      types { } default_type 'text/html; charset=utf-8';
      return 200 '${signedOutPage(path)}';
    }
    location = /logout {
      # nginx knows neither the scheme nor the port of the exposure.
      absolute_redirect off;
      return 302 ${path}/oauth2/sign_out?rd=${encoded(path + (logoutUrl ? PROVIDER_LOGOUT : SIGNED_OUT))};
    }
${logoutUrl ? `    location = ${PROVIDER_LOGOUT} { return 302 '${logoutUrl}'; }\n` : ''}    location = /.login-page {
      internal;
      client_max_body_size 0;
      types { } default_type 'text/html; charset=utf-8';
      add_header Content-Security-Policy "${policy(path)}" always;
      add_header Cache-Control no-store always;
      add_header X-Request-ID $request_id always;
      # The status of the error stays.
      return 200 '${page(path).replaceAll("'", "\\'")}';
    }
`;
}

/** Each request asks for its login, after a program's password. A token may be of a ServiceAccount; all others are the provider's. */
function question(login: NginxOidcLogin, path: string, byWorkspace: boolean): string {
  const { question: account } = accountTokens(login, byWorkspace);
  const first = `      if ($foreign) { return 403; }
      if ($refused) { return 403; }
      if ($is_program) { return 204; }
`;
  const ask = (whom: string) => `      proxy_pass_request_body off;
      ${OWN_HEADERS}
      proxy_set_header Host $http_host; proxy_set_header Content-Length '';
      proxy_set_header Authorization $http_authorization; proxy_set_header Cookie $login_cookie;
      proxy_read_timeout 30s;
      proxy_pass http://oidc${path}/oauth2/auth?${whom};
`;
  const location = (name: string, ...lines: string[]) => `    location = ${name} {
      internal;
      # nginx checks the size of the body for this subrequest too.
      client_max_body_size 0;
${lines.join('')}    }
`;
  const providers = login.adminGroups
    ? location(
        '/.provider',
        '      # Not an administrator: it may be another person.\n',
        '      proxy_intercept_errors on; error_page 403 = /.member;\n',
        ask('$who_are_admins'),
      ) + location('/.member', ask('$who_may'))
    : location('/.provider', ask('$who_may'));
  // Only questions of their own lead on to others: a refusal of the first location is none to ask further about.
  const further = '      rewrite ^ /.provider last;\n';
  const own = account || login.adminGroups;
  return `    auth_request /.login;
    auth_request_set $oidc_user $upstream_http_x_auth_request_email;
${login.adminGroups ? '    auth_request_set $answered_by $uri;\n' : ''}${
    account
      ? location(
          '/.login',
          first,
          '      if ($is_token) { rewrite ^ /.account last; }\n',
          login.adminGroups ? further : ask('$who_may'),
        ) +
        location(
          '/.account',
          '      # Not a token of the cluster: it may be one of the provider.\n',
          '      proxy_intercept_errors on; error_page 401 = /.provider;\n',
          account,
        )
      : location('/.login', first, login.adminGroups ? further : ask('$who_may'))
  }${own ? providers : ''}`;
}
