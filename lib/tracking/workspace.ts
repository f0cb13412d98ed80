import { Authentication } from './authentication';
import { inPodRule, mysqlRule } from './migration-in-pod';
import { DatabaseEngine } from '../database/database-engine';
import { Rule, wholeRule } from '../kubernetes/rules';
import { NginxWorkspace } from '../nginx/nginx-options';
import { DEFAULT_WORKSPACE } from '../nginx/workspaces';

/** Names that MLflow keeps for itself. */
const RESERVED = ['workspaces', 'api', 'ajax-api', 'static-files'];

/**
 * A workspace of MLflow: experiments, runs, models and artifacts of a team, which other workspaces do not see. Its proxied
 * artifacts are below `workspaces/<name>/` in the artifact store.
 *
 * @see https://mlflow.org/docs/latest/self-hosting/workspaces/
 */
export interface WorkspaceProps {
  /**
   * Its name, `MLFLOW_WORKSPACE` of clients: 2 to 63 lower-case letters, digits and '-'. `default` is the workspace of requests
   * without a name, which always exists, and has what was there before the first workspace.
   */
  readonly name: string;
  /**
   * A description for people, which MLflow's pages show. A changed one replaces the old one.
   * @default - none
   */
  readonly description?: string;
  /**
   * With `Authentication.basic()`: names of the people in its htpasswd file who may use the workspace. Names are compared with
   * regard to case. A change restarts the servers one by one.
   * @default - all people
   */
  readonly users?: string[];
  /**
   * With `Authentication.oidc()`: groups of which a caller must have one to use the workspace, instead of those of
   * `Authentication.oidc({ groups })`. A change restarts the servers one by one.
   * @default - all people who may use the server
   */
  readonly groups?: string[];
  /**
   * Requests a second on average of all users of the workspace together, a whole number of at least 1. nginx of each server counts
   * its own, without those of servings and of the deployer, and up to 10 seconds of them, at least 50, may come at once. A request over the limit
   * gets 429 with `Retry-After: 5`. With `Authentication.basic()` or `oidc()` only.
   * @default - no limit
   */
  readonly requestsPerSecond?: number;
}

/** The workspaces as nginx has them. */
export function nginxWorkspaces(workspaces: WorkspaceProps[] = []): NginxWorkspace[] {
  return workspaces.map(({ name, users, groups, requestsPerSecond }) => ({ name, users, groups, requestsPerSecond }));
}

/** What is wrong with the workspaces of a server. */
export function workspaceListRules(
  workspaces: WorkspaceProps[] | undefined,
  authentication: Authentication,
  engine: DatabaseEngine,
): Rule[] {
  if (!workspaces) return [];
  const { _kind: kind } = authentication;
  const names = workspaces.map(({ name }) => name);
  return [
    {
      wrong: workspaces.length === 0,
      given: 'workspaces is []',
      want: "expected at least one, e.g. [{ name: 'fraud' }], or no prop: MLflow runs without workspaces then",
    },
    inPodRule(engine._isInPod, 'no workspaces: a Job creates the workspaces'),
    mysqlRule(engine._isMysql, 'no workspaces: a Job creates the workspaces'),
    {
      wrong: new Set(names).size !== names.length,
      given: `workspaces has '${names.find((name, index) => names.indexOf(name) !== index)}' twice`,
      want: 'expected each name once',
    },
    ...workspaces.flatMap((workspace) => oneRules(workspace, kind)),
  ];
}

function oneRules({ name, users, groups, requestsPerSecond }: WorkspaceProps, kind: Authentication['_kind']): Rule[] {
  const at = `the workspace '${name}'`;
  return [
    {
      wrong:
        !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length < 2 || name.length > 63 || RESERVED.includes(name),
      given: `the name of a workspace is '${name}'`,
      want: `expected 2 to 63 lower-case letters, digits and '-', and none of ${RESERVED.join(', ')}; e.g. 'fraud'`,
    },
    {
      wrong: users !== undefined && kind !== 'basic',
      given: `${at} has users, with Authentication.${kind}()`,
      want: `expected ${kind === 'oidc' ? 'groups' : 'no users'}: users are names in the htpasswd file of Authentication.basic()${HINT[kind] ?? ''}`,
    },
    {
      wrong: groups !== undefined && kind !== 'oidc',
      given: `${at} has groups, with Authentication.${kind}()`,
      want: `expected ${kind === 'basic' ? 'users' : 'no groups'}: groups are those of the provider of Authentication.oidc()${HINT[kind] ?? ''}`,
    },
    {
      wrong: requestsPerSecond !== undefined && kind !== 'basic' && kind !== 'oidc',
      given: `${at} has requestsPerSecond, with Authentication.${kind}()`,
      want: 'expected Authentication.basic() or oidc(), or no limit: the proxy does not decide who may use a workspace, so it cannot count',
    },
    wholeRule(`requestsPerSecond of ${at}`, requestsPerSecond, 1),
    {
      wrong: users?.length === 0 || groups?.length === 0,
      given: `${at} has ${users ? 'users' : 'groups'} []`,
      want: 'expected at least one, or no prop for all people',
    },
    ...(users ?? []).map((user) => ({
      wrong: !/^[\w.@+-]+$/.test(user),
      given: `${at} has '${user}' in users`,
      want: "expected letters, digits, '.', '_', '@', '+' and '-', e.g. 'ann'",
    })),
    ...(groups ?? []).map((group) => ({
      wrong: group === '' || /[,\p{Cc}]/u.test(group),
      given: `${at} has '${group}' in groups`,
      want: "expected a name without commas, e.g. 'fraud-team'",
    })),
  ];
}

const HINT: Partial<Record<Authentication['_kind'], string>> = {
  mlflow: ". MLflow's own permissions say who may use a workspace",
  none: '. Without a login every client may use every workspace',
};

/** Whether a login may be bound to the workspace. */
export function boundRules(
  workspace: string | undefined,
  workspaces: WorkspaceProps[] | undefined,
  kind: string,
): Rule[] {
  if (workspace === undefined) return [];
  const names = workspaces?.map(({ name }) => name) ?? [];
  return [
    {
      wrong: kind === 'none',
      given: `workspace is '${workspace}', with Authentication.none()`,
      want: 'expected no workspace: no login is checked, so every client may use every workspace',
    },
    {
      wrong: !names.includes(workspace) && !(workspaces !== undefined && workspace === DEFAULT_WORKSPACE),
      given: `workspace is '${workspace}', and the server has ${names.length > 0 ? `the workspaces '${names.join("', '")}'` : 'no workspaces'}`,
      want: "expected one of the server's prop workspaces, e.g. workspaces: [{ name: 'fraud' }]",
    },
  ];
}
