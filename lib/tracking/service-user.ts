import { Component } from '../component/component';
import { CredentialsJob } from '../credentials/credentials-job';
import { checkInputs } from '../inputs/inputs';
import { check } from '../kubernetes/rules';
import { RestrictedRole } from '../nginx/role-routes';
import { ServiceUserRole } from '../nginx/service-user-role';

/** The longest name of a service user that nginx accepts. */
export const LONGEST_SERVICE_USER = 58;

/** Options of a service user. */
export interface ServiceUserOptions {
  /**
   * What it may do: the proxy checks method and path of each request. A changed role takes effect within a minute, without a
   * restart. With `Authentication.mlflow()` an error, as MLflow's permissions say there what a user may do.
   * @default ServiceUserRole.ADMIN - all that a person may do
   */
  readonly role?: ServiceUserRole;
  /**
   * The only workspace in which the login is valid: one of the server's prop `workspaces`, or `default`. Requests with the name of
   * another workspace, or without one, get 401 as with a wrong password. With `Authentication.mlflow()` the user gets MLflow's
   * permission `USE` in the workspace instead, and none in the others.
   * @default - all workspaces of the server
   */
  readonly workspace?: string;
}

/** @internal */
export interface ServiceUserProps {
  readonly server: Component;
  readonly username: string;
  /** @default - all that a person may do */
  readonly role?: RestrictedRole;
  /** @default - all */
  readonly workspace?: string;
  /** Secret with an entry for each service user of the server. */
  readonly usersSecret: string;
}

/**
 * The login of a program: the deployer, a serving, a notebook, a pipeline. Its name and password are in a Secret of the
 * server's namespace, which the credentials Job creates once.
 */
export class ServiceUser {
  /** @internal */
  public static _of(props: ServiceUserProps): ServiceUser {
    return new ServiceUser(props);
  }

  /** The user name: `MLFLOW_TRACKING_USERNAME`. */
  public readonly username: string;
  /** Name of the Secret. */
  public readonly secretName: string;
  /** Key of the user name in the Secret. */
  public readonly usernameKey = 'username';
  /** Key of the password in the Secret: `MLFLOW_TRACKING_PASSWORD`. */
  public readonly passwordKey = 'password';
  /** `<role>.<username>`, with `_<workspace>` if it has one: its entry in the Secret of the users. @internal */
  public readonly _entry: string;
  private readonly models = new Set<string>();

  private constructor(private readonly props: ServiceUserProps) {
    const { server, username, role, workspace, usersSecret } = props;
    this.username = username;
    this.secretName = `${server.componentName}-${username}-login`;
    this._entry = CredentialsJob._of(server)._addUser(usersSecret, { username, role, workspace });
  }

  /**
   * Gives the user MLflow's permission `EDIT` on a registered model. It takes effect with `Authentication.mlflow()` only:
   * with `basic()` and `oidc()` a role says what a user may do, for all models alike.
   *
   * @param model name of the registered model
   */
  public mayEdit(model: string): void {
    checkInputs('ServiceUser#mayEdit', { model }, this.props.server);
    check(this.props.server, [
      { wrong: model === '', given: "the registered model's name is ''", want: "expected its name, e.g. 'churn'" },
    ]);
    this._mayEditIn(this.props.workspace, model);
  }

  /** The same for a model of a workspace. @internal */
  public _mayEditIn(workspace: string | undefined, model: string): void {
    // No name of a model has a '/'.
    this.models.add(workspace === undefined ? model : `${workspace}/${model}`);
  }

  /** Registered models that it may edit, each with `<workspace>/` before it if it is not in the default one. @internal */
  public get _models(): string[] {
    return [...this.models].sort();
  }

  /** Has its Secret copied for a component of another namespace; gives the name of the copy. @internal */
  public _copyFor(component: Component): string {
    const { server, usersSecret } = this.props;
    return CredentialsJob._of(server)._copyFor(component, usersSecret, this._entry);
  }
}
