import { Authentication } from './authentication';
import { ServiceAccountLogin } from './service-account-login';
import { WorkspaceProps, boundRules } from './workspace';
import { Component } from '../component/component';
import { configMap } from '../component/standard-objects';
import { Rule, check, namespaceRule, objectNameRule } from '../kubernetes/rules';

/** The longest key of a ConfigMap. */
const LONGEST_KEY = 253;

/** The ServiceAccounts that log in to one server, as the keys of a ConfigMap that nginx reads while it runs. */
export class ServiceAccounts {
  private readonly keys = new Set<string>();
  private readonly names = new Set<string>();

  constructor(
    private readonly server: Component,
    private readonly authentication: Authentication,
    private readonly workspaces?: WorkspaceProps[],
  ) {}

  /** Claim `aud` of their tokens. Not that of the API server, which therefore refuses a token for MLflow. */
  public get audience(): string {
    return this.server._serviceHost();
  }

  public get configMapName(): string {
    return `${this.server.componentName}-accounts`;
  }

  /** The claim `sub` of their tokens. */
  public get usernames(): string[] {
    return [...this.names].map((each) => `system:serviceaccount:${each.replace('/', ':')}`).sort();
  }

  public get areUsed(): boolean {
    return this.keys.size > 0;
  }

  /** @returns whether it is the first one */
  public add({ namespace, name, role, workspace }: ServiceAccountLogin): boolean {
    const key = `${role}.${namespace}.${name}${workspace === undefined ? '' : `_${workspace}`}`;
    const account = `${namespace}/${name}`;
    check(this.server, [
      ...this.loginRules(),
      ...boundRules(workspace, this.workspaces, this.authentication._kind),
      namespaceRule(namespace, 'namespace', 'training'),
      objectNameRule('name', name, 'trainer'),
      {
        wrong: key.length > LONGEST_KEY,
        given: `the ServiceAccount ${account} has ${account.length} characters`,
        want: `expected at most ${LONGEST_KEY - role.length - 1}, with its namespace: it is part of a key of a ConfigMap`,
      },
      {
        wrong: this.names.has(account),
        given: `the ServiceAccount ${account} exists already`,
        want: 'expected each ServiceAccount once: it has one role',
      },
    ]);
    this.keys.add(key);
    this.names.add(account);
    if (this.keys.size > 1) return false;
    configMap(this.server, 'accounts-config-map', this.configMapName, () =>
      Object.fromEntries([...this.keys].sort().map((each) => [each, ''])),
    );
    return true;
  }

  private loginRules(): Rule[] {
    const { _kind: kind } = this.authentication;
    return [
      {
        wrong: kind === 'mlflow' || kind === 'none',
        given: `the authentication is Authentication.${kind}()`,
        want:
          'expected Authentication.basic() or Authentication.oidc() for tokens of ServiceAccounts: ' +
          (kind === 'mlflow' ? "MLflow's own login knows passwords only" : 'Authentication.none() checks no login'),
      },
    ];
  }
}
