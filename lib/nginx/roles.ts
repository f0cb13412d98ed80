import { ACCOUNT_REFUSED, accountTokens, accountsOf } from './account-tokens';
import { NginxBasicLogin, NginxLogin, NginxOidcLogin } from './nginx-options';
import { ROLES, ROLE_ROUTES } from './role-routes';

/** The message of a 403 of the proxy itself: see the errors of server-site.ts. */
export const FORBIDDEN = '$forbidden';
const NO_FILE = 'The proxy has no users file for this login.';
const NOT_ADMITTED =
  'This account may not use the platform: it has none of the groups, or its request comes from another web site.';

export interface RoleRules {
  /** For the http block. */
  readonly maps: string;
  /** For the server block with the login. */
  readonly rules: string;
}

/**
 * Restricts the logins with a role to what it needs: the answer to all else is 403.
 *
 * @param byWorkspace whether workspaces.ts decides too
 */
export function roleRules(login: NginxLogin, byWorkspace = false): RoleRules {
  if (login.kind !== 'basic' && login.kind !== 'oidc') {
    return { maps: `  map '' ${FORBIDDEN} { default 'This is not allowed.'; }\n`, rules: '' };
  }
  const allowed = ROLES.flatMap((role) => ROLE_ROUTES[role].map((each) => `    '~^${role}:${each}\\z' 0;\n`));
  return {
    maps: `  # Each service user has a file, named by role and user, which appears here while nginx runs.
  map $remote_user $program {
    '~^[a-z0-9](?:[-a-z0-9]{0,56}[a-z0-9])?\\z' $remote_user;
    default '';
  }
  # Service users with a role may do only what the role needs. All other users have no role.
  map $role:$request_method:$uri $beyond_role {
    '~^:' 0;
    '~^[a-z]+:(GET|HEAD):/health\\z' 0;
${allowed.join('')}    default 1;
  }
  map ${accountsOf(login) ? '$beyond_role$is_token' : '$beyond_role'} ${byWorkspace ? '$forbidden_role' : FORBIDDEN} {
${
  accountsOf(login)
    ? `    '~1\\z' '${ACCOUNT_REFUSED}';
    10`
    : '    1'
} 'The login of a $role may not do this. A person may, or a service user with another role.';
    default '${login.kind === 'oidc' ? NOT_ADMITTED : NO_FILE}';
  }
${byWorkspace ? BY_WORKSPACE : ''}`,
    // Checked after the password, so that no client learns the roles of others. Set here, because the subrequest has
    // another address.
    rules:
      login.kind === 'basic' ? `${users(login, byWorkspace)}${verdict(login, byWorkspace)}` : users(login, byWorkspace),
  };
}

/** A login with a role, in a workspace: the first reason counts. */
const BY_WORKSPACE = `  map $beyond_role$undeclared$outside $beyond { 000 0; default 1; }
  map $undeclared$outside ${FORBIDDEN} {
    '~^1' 'This platform has no such workspace, and no login may change workspaces: the code of the platform declares them.';
    '~1\\z' 'This user is not a member of the workspace.';
    default $forbidden_role;
  }
`;

function users(login: NginxBasicLogin | NginxOidcLogin, byWorkspace: boolean): string {
  const { programsFolder: folder } = login;
  const people = login.kind === 'basic' ? `set $users_file ${login.usersFile};` : NO_PROGRAM;
  const program = (file: string, ...more: string[]) => {
    const own = byWorkspace && login.kind === 'basic' ? ['set $outside 0;'] : [];
    const sets = [
      `set $users_file ${file};`,
      ...more,
      ...own,
      ...(login.kind === 'oidc' ? [IS_PROGRAM(login.realm)] : []),
    ];
    return `    if (-f ${file}) {${sets.length > 1 ? `\n      ${sets.join('\n      ')}\n    }` : ` ${sets[0]} }`}\n`;
  };
  // With a workspace in its name a file is found by requests for that workspace only.
  const names = byWorkspace ? ['$program', '${program}_$bound'] : ['$program'];
  const all = names.flatMap((name) => [
    program(`${folder}/program.${name}`),
    ...ROLES.map((role) => program(`${folder}/${role}.${name}`, `set $role ${role};`)),
  ]);
  return `    # nginx opens the file for each request, so a changed password takes effect at once.
    ${people}
    set $role '';
${byWorkspace ? outside(login) : ''}${all.join('')}    set $refused ${byWorkspace ? '$beyond' : '$beyond_role'};
`;
}

/** People of the provider and accounts are judged by their token. */
function outside(login: NginxBasicLogin | NginxOidcLogin): string {
  if (login.kind === 'oidc') return '    set $outside 0;\n';
  return `    set $outside $foreign_workspace;\n${login.accounts ? '    if ($is_token) { set $outside 0; }\n' : ''}`;
}

/** Only a program has a password: a token may also be sent as one, and is for oauth2-proxy. */
const NO_PROGRAM = 'set $users_file none; set $realm off; set $is_program 0;';
const IS_PROGRAM = (realm: string) => `set $realm '${realm}'; set $is_program 1;`;

/** Checked after the password, or instead of one for a token. */
function verdict(login: NginxBasicLogin, byWorkspace: boolean): string {
  const { question } = accountTokens(login, byWorkspace);
  return `    auth_request /.role;
${question && '    auth_request_set $account_user $upstream_http_x_auth_request_email;\n'}    location = /.role {
      internal;
      # nginx checks the size of the body for this subrequest too.
      client_max_body_size 0;
      if ($refused) { return 403; }
${question ? `      if ($is_token = 0) { return 204; }\n${question}` : '      return 204;\n'}    }
`;
}
