import { ACCOUNT_TOKEN_PORT, AccountPod, JUDGE_PORT, accountPod } from './account-pod';
import { FIRST_ADMINISTRATOR, PROGRAM_USER, authSettings, proxyAuthSettings } from './auth-settings';
import { Authentication } from './authentication';
import { ADMINISTRATOR, adminSecret, peopleSecret } from './login-secrets';
import { OidcPermissions } from './oidc-permissions';
import {
  ENCRYPTION_KEYS,
  SESSION_KEY,
  encryptionKeys,
  sessionSecret,
  signOnSecret,
  tokenIssuerSecret,
} from './server-keys';
import { ServiceAccounts } from './service-accounts';
import { LONGEST_SERVICE_USER, ServiceUser } from './service-user';
import { OIDC_PORT, SignOn, logoutAddress, signOnPod } from './sign-on-pod';
import { TokenLogin } from './token-login';
import { TokenLogins, TokenVerifier } from './token-logins';
import { verifierPod, verifierPort } from './token-verifier-pod';
import { TrackingServerProps } from './tracking-server-props';
import { WorkspaceProps, boundRules } from './workspace';
import { Component } from '../component/component';
import { PlacementOptions } from '../component/pod-options';
import { Credentials, LoginReference } from '../credentials/credentials';
import { CredentialsJob } from '../credentials/credentials-job';
import { DatabaseEngine } from '../database/database-engine';
import { Exposure } from '../exposure/exposure';
import { SecretVariable } from '../kubernetes/connection';
import { check } from '../kubernetes/rules';
import { ProxyAccounts, ReverseProxyProps } from '../nginx/reverse-proxy';
import { RestrictedRole } from '../nginx/role-routes';
import { ServiceUserRole } from '../nginx/service-user-role';

/** The users of one tracking server, and their Secrets. */
export class ServerLogin {
  /** Called before the first service user is added. */
  public onFirstServiceUser?: () => void;
  public readonly accounts: ServiceAccounts;
  public readonly tokens: TokenLogins;
  private readonly users: ServiceUser[] = [];
  private readonly people?: LoginReference;
  private readonly admin?: LoginReference;
  private readonly keys: string;
  private readonly generatesKeys: boolean;
  private readonly sessions?: string;
  private readonly cookieKey?: string;
  private tokenSecret?: string;
  private readonly exposure?: Exposure;
  private readonly workspaces?: WorkspaceProps[];

  constructor(
    private readonly server: Component,
    private readonly authentication: Authentication,
    { keys = Credentials.generated(), exposure, workspaces }: TrackingServerProps,
  ) {
    this.exposure = exposure;
    this.workspaces = workspaces;
    this.accounts = new ServiceAccounts(server, authentication, workspaces);
    this.tokens = new TokenLogins(server, authentication, () => this.accounts.audience);
    this.generatesKeys = keys._kind === 'generated';
    this.keys = encryptionKeys(server, keys);
    if (authentication._kind === 'basic') {
      this.people = peopleSecret(server, authentication);
      if (this.hasJob) this.requestUsers();
    }
    if (authentication._kind === 'oidc') {
      this.cookieKey = signOnSecret(server);
      this.requestUsers();
    }
    if (authentication._kind === 'mlflow') {
      this.admin = adminSecret(server, authentication);
      this.sessions = keys._kind === 'secret' ? this.keys : sessionSecret(server);
    }
  }

  public get realm(): string {
    return this.authentication._realm;
  }

  /** The login that nginx checks, or asks oauth2-proxy about. */
  public get proxyLogin(): ReverseProxyProps['login'] {
    const { authentication, realm, people } = this;
    const programs = { secretName: this.usersSecret, optional: !this.hasJob };
    const accounts = this.proxyAccounts;
    switch (authentication._kind) {
      case 'basic':
        return { kind: 'basic', realm, usersSecret: people!.secretName, programs, accounts };
      case 'oidc': {
        const { groups, emailDomains, permissions } = authentication._oidc!;
        const logoutUrl = logoutAddress(authentication._oidc!, this.exposure);
        const who = { groups, emailDomains, adminGroups: permissions?.adminGroups };
        return { kind: 'oidc', realm, programs, accounts, port: OIDC_PORT, ...who, logoutUrl };
      }
      default:
        return { kind: authentication._kind };
    }
  }

  /** oauth2-proxy, for single sign-on. */
  public signOn(placement: PlacementOptions, variables: Record<string, string> = {}): SignOn | undefined {
    const { authentication, exposure, cookieKey } = this;
    if (!cookieKey) return undefined;
    return signOnPod({ props: authentication._oidc!, cookieSecretName: cookieKey, placement, exposure, variables });
  }

  /** The checks of tokens of ServiceAccounts and of further issuers. */
  public accountPods(image: string, placement: PlacementOptions, variables: Record<string, string> = {}): AccountPod[] {
    const { accounts, tokens, tokenSecret } = this;
    const { verifiers } = tokens;
    return [
      ...(accounts.areUsed ? [accountPod({ image, placement, audience: accounts.audience })] : []),
      ...(tokenSecret ? [verifierPod({ verifiers, placement, secretName: tokenSecret, variables })] : []),
    ];
  }

  /** @returns the issuer, if it needs a further sidecar */
  public addTokenLogin(login: TokenLogin): TokenVerifier | undefined {
    const verifier = this.tokens.add(login, this.serviceUsers);
    this.tokenSecret ??= tokenIssuerSecret(this.server);
    return verifier;
  }

  private get proxyAccounts(): ProxyAccounts | undefined {
    const { areUsed, configMapName } = this.accounts;
    const { verifiers } = this.tokens;
    if (!areUsed && verifiers.length === 0) return undefined;
    return {
      port: JUDGE_PORT,
      ...(areUsed && { cluster: { configMapName, tokenPort: ACCOUNT_TOKEN_PORT } }),
      ...(verifiers.length > 0 && {
        issuers: verifiers.map(({ logins }, index) => ({ port: verifierPort(index), logins })),
      }),
    };
  }

  /** What MLflow's processes read from Secrets. */
  public get secretVariables(): SecretVariable[] {
    return [
      ...ENCRYPTION_KEYS.map((key) => ({ variable: key, secretName: this.keys, key })),
      ...(this.sessions ? [{ variable: SESSION_KEY, secretName: this.sessions, key: SESSION_KEY }] : []),
      ...(this.admin
        ? [
            { variable: 'MLFLOW_AUTH_ADMIN_USERNAME', secretName: this.admin.secretName, key: this.admin.usernameKey },
            { variable: 'MLFLOW_AUTH_ADMIN_PASSWORD', secretName: this.admin.secretName, key: this.admin.passwordKey },
          ]
        : []),
    ];
  }

  /** Name of MLflow's database of users, where it has one. */
  public get authDatabase(): string | undefined {
    return this.authentication._databaseName;
  }
  /** Text of MLflow's `basic_auth.ini`, where MLflow has users. */
  public authSettings(engine: DatabaseEngine): string | undefined {
    const { authDatabase, permissions } = this;
    if (authDatabase === undefined) return undefined;
    const uri = engine._uriOf(authDatabase);
    return permissions ? proxyAuthSettings(uri, permissions) : authSettings(uri);
  }

  /** MLflow's permissions, where the proxy checks the login. */
  public get permissions(): OidcPermissions | undefined {
    return this.authentication._oidc?.permissions;
  }

  /** Names of programs as MLflow has them, where it has users. */
  public get programUsers(): string[] {
    if (!this.permissions) return this.serviceUsers;
    const { accounts, tokens, serviceUsers } = this;
    const names = [...serviceUsers, ...tokens.names, ...accounts.usernames];
    return [FIRST_ADMINISTRATOR, ...names.map((name) => `${PROGRAM_USER}${name}`)];
  }

  /** The role of a user of the app's own, or none if it may do what a person may. */
  public restricted(role: ServiceUserRole = ServiceUserRole.ADMIN): RestrictedRole | undefined {
    if (role === ServiceUserRole.ADMIN) return undefined;
    const { _kind: kind } = this.authentication;
    check(this.server, [
      {
        wrong: kind === 'mlflow',
        given: `role is '${role}', with Authentication.mlflow()`,
        want: "expected no role: MLflow's own permissions say what the user may do, and mayEdit() gives one of them",
      },
      {
        wrong: kind === 'none',
        given: `role is '${role}', with Authentication.none()`,
        want: 'expected no role: no login is checked, so every client may do everything',
      },
    ]);
    return role;
  }

  public addServiceUser(username: string, role?: RestrictedRole, workspace?: string): ServiceUser {
    const { server, usersSecret } = this;
    check(server, [
      ...boundRules(workspace, this.workspaces, this.authentication._kind),
      {
        wrong: !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(username) || username.length > LONGEST_SERVICE_USER,
        given: `username is '${username}'`,
        want: `expected at most ${LONGEST_SERVICE_USER} lower-case letters, digits and '-', e.g. 'notebooks'`,
      },
      {
        wrong: username === ADMINISTRATOR,
        given: `username is '${username}'`,
        want: 'expected another name: the generated administrator has this one',
      },
      {
        wrong: [...this.serviceUsers, ...this.tokens.names].includes(username),
        given: `the service user '${username}' exists already`,
        want: 'expected a name of its own for each program: one login can then be revoked without the others',
      },
    ]);
    if (this.users.length === 0) {
      this.requestUsers();
      this.onFirstServiceUser?.();
    }
    const user = ServiceUser._of({ server, username, role, workspace, usersSecret });
    this.users.push(user);
    return user;
  }

  /** Secret with an entry `<role>.<name>` for each service user: nginx's line, or the password for MLflow's own login. */
  public get usersSecret(): string {
    return `${this.server.componentName}-users`;
  }

  public get serviceUsers(): string[] {
    return this.users.map(({ username }) => username);
  }

  /** Of each entry of that Secret: the registered models that the user may edit. */
  public get models(): Record<string, string[]> {
    return Object.fromEntries(this.users.map((user) => [user._entry, user._models]));
  }

  /** Whether a credentials Job exists without any service user. Then the users' Secret exists too, and pods wait for it. */
  private get hasJob(): boolean {
    if (this.cookieKey) return true;
    return this.generatesKeys || (this.authentication._basic.users ?? Credentials.generated())._kind === 'generated';
  }

  private requestUsers(): void {
    CredentialsJob._of(this.server)._addUsers({
      prefix: `${this.server.componentName}-`,
      file: this.usersSecret,
      form: this.people || this.cookieKey ? 'htpasswd' : 'password',
    });
  }
}
