import { demand } from './configuration';
import { NginxLogin, NginxWorkspace } from './nginx-options';

/** The workspace of a request without the header. */
export const DEFAULT_WORKSPACE = 'default';
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** A name of a person, as it stands in an htpasswd file. */
const USER = /^[\w.@+-]+$/;
const LIST = '(api|ajax-api)/3\\.0/mlflow/(server-info|workspaces|workspaces/[^/]+)';

export interface WorkspaceRules {
  /** For the http block. */
  readonly maps: string;
  /** For the server block: the header that MLflow gets. */
  readonly header: string;
}

/** Throws for what would break out of the configuration. */
export function demandWorkspaces(workspaces: readonly NginxWorkspace[] = []): void {
  for (const { name, users = [], groups = [] } of workspaces) {
    demand(NAME.test(name), 'expected the name of a workspace', name);
    for (const user of users) demand(USER.test(user), 'expected the name of a user', user);
    for (const group of groups) demand(/^[^,\p{Cc}]+$/u.test(group), 'expected a name without commas', group);
  }
}

/** Whether nginx decides who may use which workspace: MLflow does with its own login. */
export const decidesWorkspaces = (login: NginxLogin, workspaces: readonly NginxWorkspace[] = []) =>
  workspaces.length > 0 && (login.kind === 'basic' || login.kind === 'oidc');

/**
 * MLflow separates workspaces by the header of a request, and knows no users. nginx reads the header once, decides by it, and
 * sends MLflow the name that it has checked. A missing header is the default workspace, as for MLflow.
 *
 * Variables: `$workspace` is that name. `$place` is what membership is asked for: the name, `*` for what pages need before
 * a workspace is chosen, or `-` for a change of the workspaces themselves, which no login may make. `$bound` is the suffix of
 * the file of a login that is valid in one workspace only.
 */
export function workspaceRules(login: NginxLogin, workspaces: readonly NginxWorkspace[] = []): WorkspaceRules {
  if (!decidesWorkspaces(login, workspaces)) return { maps: '', header: '' };
  const all = [...new Set([DEFAULT_WORKSPACE, ...workspaces.map(({ name }) => name)])];
  return {
    maps: `  # The workspace that a request names. Without the header it is the default one.
  map $http_x_mlflow_workspace $workspace {
    '' default;
    '~^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\z' $http_x_mlflow_workspace;
    default '';
  }
  map $request_method:$uri $place {
    '~*^(GET|HEAD):/(static-files/.*|${LIST})?\\z' *;
    '~*/mlflow/workspaces(/|\\z)' -;
    default $workspace;
  }
  map $uri $bound {
    '~*/mlflow/workspaces(/|\\z)' '';
    default $workspace;
  }
  map $place $undeclared {
    * 0;
${all.map((name) => `    ${name === DEFAULT_WORKSPACE ? '\\default' : name} 0;\n`).join('')}    default 1;
  }
${login.kind === 'basic' ? people(all, workspaces) : ''}`,
    header: '\n    proxy_set_header X-MLFLOW-WORKSPACE $workspace;',
  };
}

/** Regular expressions, because nginx compares plain texts without regard to case. */
function people(all: string[], workspaces: readonly NginxWorkspace[]): string {
  const lines = all.flatMap((name) => {
    const users = workspaces.find((each) => each.name === name)?.users;
    return users ? users.map((user) => `'~^${name}:${literally(user)}\\z' 0;`) : [`'~^${name}:' 0;`];
  });
  return `  # Whether a person is no member of the workspace.
  map $place:$remote_user $foreign_workspace {
    '~^\\*:' 0;
${lines.map((line) => `    ${line}\n`).join('')}    default 1;
  }
`;
}

const literally = (text: string) => text.replace(/[.+]/g, '\\$&');
