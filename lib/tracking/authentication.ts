import { OidcAuthenticationProps } from './oidc-props';
import { oidcRules } from './oidc-rules';
import { Credentials } from '../credentials/credentials';
import { databaseNameRule } from '../database/database-name-rule';
import { checkInputs } from '../inputs/inputs';
import { Rule } from '../kubernetes/rules';

/** Options of `Authentication.basic()`. */
export interface BasicAuthenticationProps {
  /**
   * People's users: a Secret whose key `auth` is an htpasswd file. A generated one has one user, with the keys `username`
   * and `password`. A changed Secret takes effect within about a minute, without a restart.
   * @default Credentials.generated() - Secret `<platform>-basic-auth`, user `admin`
   */
  readonly users?: Credentials;
  /**
   * The realm that a browser shows in its login dialog: nginx's `auth_basic`.
   * @default 'MLflow Authentication'
   */
  readonly realm?: string;
}

/** Options of `Authentication.mlflow()`. */
export interface MlflowAuthenticationProps {
  /**
   * The first administrator: keys `username` and `password` of a Secret. They are used once, to create the
   * administrator; change the password later through MLflow. At least 12 characters.
   * @default Credentials.generated() - Secret `<server>-admin`, user `admin`
   */
  readonly admin?: Credentials;
  /**
   * Name of MLflow's second database, for its users. An existing database must have it already.
   * @default 'mlflow_auth'
   */
  readonly databaseName?: string;
}

/**
 * How users log in.
 */
export class Authentication {
  /**
   * The proxy checks the login. Every user who logs in has all permissions. The default.
   *
   * @param props users and realm
   */
  public static basic(props: BasicAuthenticationProps = {}): Authentication {
    checkInputs('Authentication.basic', { props });
    return new Authentication('basic', props);
  }

  /**
   * MLflow's own users with permissions for each experiment and model (its app `basic-auth`), in a second database.
   *
   * @param props administrator and database
   */
  public static mlflow(props: MlflowAuthenticationProps = {}): Authentication {
    checkInputs('Authentication.mlflow', { props });
    return new Authentication('mlflow', {}, props);
  }

  /**
   * Single sign-on with an OpenID Connect provider: people log in there, and programs send a token of it as
   * `MLFLOW_TRACKING_TOKEN`. oauth2-proxy checks both, in the pod of the server. Everybody who is let in has all
   * permissions, or those of MLflow with the option `permissions`. Programs of this library, and those of `addServiceUser()`, have generated passwords as with `basic()`.
   *
   * @param props the provider, the client that you registered there, and who may come in
   */
  public static oidc(props: OidcAuthenticationProps): Authentication {
    checkInputs('Authentication.oidc', { props });
    return new Authentication('oidc', {}, {}, props);
  }

  /**
   * No login: every client that reaches the server may read and delete everything. For a private cluster, or if another proxy checks the login.
   */
  public static none(): Authentication {
    return new Authentication('none');
  }

  private constructor(
    /** @internal */ public readonly _kind: 'basic' | 'oidc' | 'mlflow' | 'none',
    /** @internal */ public readonly _basic: BasicAuthenticationProps = {},
    /** @internal */ public readonly _mlflow: MlflowAuthenticationProps = {},
    /** @internal */ public readonly _oidc?: OidcAuthenticationProps,
  ) {}

  /** @internal */
  public get _realm(): string {
    return this._basic.realm ?? 'MLflow Authentication';
  }

  /** Name of MLflow's database of users, where it has one. @internal */
  public get _databaseName(): string | undefined {
    const users = this._kind === 'mlflow' ? this._mlflow : this._oidc?.permissions;
    return users && (users.databaseName ?? 'mlflow_auth');
  }

  /** @internal */
  public get _rules(): Rule[] {
    const { _realm: realm, _databaseName: database } = this;
    return [
      ...(database === undefined ? [] : [databaseNameRule(database)]),
      ...(this._oidc ? oidcRules(this._oidc) : []),
      {
        wrong: !/^[^'"\\$\p{Cc}]+$/u.test(realm) || realm === 'off',
        given: `realm is '${realm}'`,
        want: "expected text other than 'off', without quotes, '\\' and '$', e.g. 'MLflow Authentication'",
      },
    ];
  }
}
