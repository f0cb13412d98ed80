import { Authentication } from '../access/authentication';
import { ProgramRole } from '../access/nginx-roles';
import { Credentials, LoginReference } from '../credentials/credentials';
import { CredentialsJob } from '../credentials/credentials-job';
import { databaseNameRule } from '../database/database-name-rule';
import { Component } from '../kubernetes/component';
import { SecretVariable } from '../kubernetes/connection';
import { check } from '../kubernetes/rules';

const KEYS = ['MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY', 'MLFLOW_CRYPTO_KEK_PASSPHRASE'];
/** User of people in a generated Secret. */
const ADMINISTRATOR = 'admin';
const FLASK_KEY = 'MLFLOW_FLASK_SERVER_SECRET_KEY';

/** What nginx takes for a program's name has this length at most. */
export const LONGEST_PROGRAM = 58;

/** Where a program of the cluster finds its own user of the tracking server. */
export interface ProgramLogin {
  /** Name of the Secret. */
  readonly secretName: string;
  /** Key of the user name: `MLFLOW_TRACKING_USERNAME`. */
  readonly usernameKey: string;
  /** Key of the password: `MLFLOW_TRACKING_PASSWORD`. */
  readonly passwordKey: string;
}

/** A program of the cluster that has a user of its own. */
export interface ProgramUser {
  readonly username: string;
  /** `<role>.<username>`: its entry in the Secret of the users. */
  readonly key: string;
  /** Registered models that it may change where MLflow asks who comes: nginx asks nobody what he wants. */
  readonly models: Set<string>;
}

/** The users of one tracking server, and the Secrets that they come from. */
export class ServerLogin {
  /** Called when there is a program at all. */
  public onFirstProgram?: () => void;
  private readonly programs: ProgramUser[] = [];
  private readonly people?: LoginReference;
  private readonly admin?: LoginReference;
  private readonly keys: string;
  private readonly generatesKeys: boolean;
  private readonly sessions?: string;

  constructor(
    private readonly server: Component,
    private readonly authentication: Authentication,
    keys: Credentials = Credentials.generated(),
  ) {
    const { realm, authDatabase } = this;
    check(server, [
      ...(authDatabase === undefined ? [] : [databaseNameRule(authDatabase)]),
      {
        wrong: !/^[^'"\\$\p{Cc}]+$/u.test(realm) || realm === 'off',
        given: `realm is '${realm}'`,
        want: "expected text other than 'off', without quotes, '\\' and '$', e.g. 'MLflow Authentication'",
      },
    ]);
    this.generatesKeys = keys._kind === 'generated';
    this.keys = keys._login(server, {
      prop: 'keys',
      fixedKeys: true,
      secretName: `${server.componentName}-secret`,
      usernameKey: KEYS[0],
      passwordKey: KEYS[1],
      username: { generate: 'fernet' },
      password: { generate: 'token' },
    }).secretName;
    if (authentication._kind === 'basic') {
      this.people = this.peopleSecret();
      if (this.hasJob) this.requestUsers();
    }
    if (authentication._kind === 'mlflow') {
      this.admin = this.adminSecret();
      this.sessions = keys._kind === 'secret' ? this.keys : this.sessionSecret();
    }
  }

  public get realm(): string {
    return this.authentication._basic.realm ?? 'MLflow Authentication';
  }

  /** What nginx asks for. */
  public get proxyLogin() {
    if (this.people) {
      const programs = { secretName: this.usersSecret, optional: !this.hasJob };
      return { kind: 'basic' as const, realm: this.realm, usersSecret: this.people.secretName, programs };
    }
    return { kind: this.authentication._kind as 'mlflow' | 'none' };
  }

  /** What MLflow's processes read from Secrets. */
  public get secretVariables(): SecretVariable[] {
    return [
      ...KEYS.map((key) => ({ variable: key, secretName: this.keys, key })),
      ...(this.sessions ? [{ variable: FLASK_KEY, secretName: this.sessions, key: FLASK_KEY }] : []),
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
    if (this.authentication._kind !== 'mlflow') return undefined;
    return this.authentication._mlflow.databaseName ?? 'mlflow_auth';
  }

  public addProgram(program: string, role?: ProgramRole): ProgramLogin {
    check(this.server, [
      {
        wrong: !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(program) || program.length > LONGEST_PROGRAM,
        given: `the program's name is '${program}'`,
        want: `expected at most ${LONGEST_PROGRAM} lower-case letters, digits and '-', e.g. 'deployer'`,
      },
      {
        wrong: program === ADMINISTRATOR,
        given: `the program's name is '${program}'`,
        want: 'expected another one: the generated user of people has that name',
      },
      {
        wrong: this.programs.some(({ username }) => username === program),
        given: `the program '${program}' is there already`,
        want: 'expected a name of its own for each program: its login can then be taken away alone',
      },
    ]);
    if (this.programs.length === 0) {
      this.requestUsers();
      this.onFirstProgram?.();
    }
    const key = CredentialsJob._of(this.server)._addUser(this.usersSecret, program, role);
    this.programs.push({ username: program, key, models: new Set() });
    return {
      secretName: `${this.server.componentName}-${program}-login`,
      usernameKey: 'username',
      passwordKey: 'password',
    };
  }

  /** Has a program's Secret copied for a component of another namespace. */
  public copyFor(component: Component, program: string): string {
    return CredentialsJob._of(this.server)._copyFor(component, this.usersSecret, program);
  }

  /** Secret with an entry `<role>.<name>` for each program: nginx's line, or the password for MLflow's own login. */
  public get usersSecret(): string {
    return `${this.server.componentName}-users`;
  }

  /** Of each entry of that Secret: the models that the program may change. */
  public get models(): Record<string, string[]> {
    return Object.fromEntries(this.programs.map(({ key, models }) => [key, [...models].sort()]));
  }

  /** Lets a program change a registered model. */
  public letEdit(program: string, model: string): void {
    this.programs.find(({ username }) => username === program)!.models.add(model);
  }

  /** Whether a credentials Job is there without any program: the users' Secret is then too, and pods wait for it. */
  private get hasJob(): boolean {
    return this.generatesKeys || (this.authentication._basic.users ?? Credentials.generated())._kind === 'generated';
  }

  private requestUsers(): void {
    CredentialsJob._of(this.server)._addUsers({
      prefix: `${this.server.componentName}-`,
      file: this.usersSecret,
      form: this.people ? 'htpasswd' : 'password',
    });
  }

  private peopleSecret(): LoginReference {
    const users = this.authentication._basic.users ?? Credentials.generated();
    return users._login(this.server, {
      prop: 'users',
      fixedKeys: true,
      secretName: `${this.server.instanceName}-basic-auth`,
      usernameKey: 'username',
      passwordKey: 'password',
      username: { value: ADMINISTRATOR },
      password: { generate: 'password' },
      more: { auth: { generate: 'htpasswd', username: 'username', password: 'password' } },
      // One made by `kubectl create secret generic … --from-file=auth` has the file alone.
      optional: ['username', 'password'],
    });
  }

  /** A Secret of its own: a platform that changes to MLflow's login has the others already. */
  private sessionSecret(): string {
    return CredentialsJob._of(this.server)._add({
      name: `${this.server.componentName}-session-secret`,
      keys: { [FLASK_KEY]: { generate: 'token' } },
    });
  }

  private adminSecret(): LoginReference {
    const admin = this.authentication._mlflow.admin ?? Credentials.generated();
    return admin._login(this.server, {
      prop: 'admin',
      secretName: `${this.server.componentName}-admin`,
      usernameKey: 'username',
      passwordKey: 'password',
      username: { value: ADMINISTRATOR },
      password: { generate: 'password' },
    });
  }
}
