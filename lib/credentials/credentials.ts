import { CredentialsJob } from './credentials-job';
import { PlannedKey } from './secret-request';
import { Component } from '../kubernetes/component';
import { Rule, check, objectNameRule } from '../kubernetes/rules';

/** Keys of a Secret, where they are not the ones that the component would choose. */
export interface SecretKeys {
  /**
   * Key that holds the user name, or the access key id of an S3 store.
   * @default - the component's own key, e.g. `username` or `AWS_ACCESS_KEY_ID`
   */
  readonly username?: string;
  /**
   * Key that holds the password, or the secret access key of an S3 store.
   * @default - the component's own key, e.g. `password` or `AWS_SECRET_ACCESS_KEY`
   */
  readonly password?: string;
}

/** What a component asks for: a user name and a password, by the names that it gives them. @internal */
export interface LoginRequest {
  readonly secretName: string;
  readonly usernameKey: string;
  readonly passwordKey: string;
  readonly username: PlannedKey;
  readonly password: PlannedKey;
  /** Further keys of a generated Secret. */
  readonly more?: Record<string, PlannedKey>;
  readonly optional?: string[];
}

/** A user name and a password in a Secret. @internal */
export interface LoginReference {
  readonly secretName: string;
  readonly usernameKey: string;
  readonly passwordKey: string;
}

/**
 * Where a user name and a password come from. Never the values themselves: those stay in the cluster.
 */
export class Credentials {
  /**
   * A Job makes the Secret once in the cluster, with a random password, and never overwrites one that exists: a Secret
   * of the same name that was there before is used as it is.
   */
  public static generated(): Credentials {
    return new Credentials('generated');
  }

  /**
   * An existing Secret in the same namespace.
   *
   * @param name name of the Secret
   * @param keys its keys, where they are not the component's own
   */
  public static fromSecret(name: string, keys: SecretKeys = {}): Credentials {
    return new Credentials('secret', name, keys);
  }

  /**
   * No Secret at all: the identity of the pod's ServiceAccount (IAM roles for service accounts, workload identity).
   *
   * @param annotations of the ServiceAccount, e.g. `{'eks.amazonaws.com/role-arn': 'arn:aws:iam::…'}`
   */
  public static fromServiceAccount(annotations: Record<string, string>): Credentials {
    return new Credentials('serviceAccount', undefined, {}, annotations);
  }

  private constructor(
    /** @internal */ public readonly _kind: 'generated' | 'secret' | 'serviceAccount',
    private readonly name?: string,
    private readonly keys: SecretKeys = {},
    /** @internal */ public readonly _annotations: Record<string, string> = {},
  ) {}

  /** The keys of a Secret that nobody here makes. @internal */
  public _existing(usernameKey: string, passwordKey: string): LoginReference {
    return {
      secretName: this.name ?? '',
      usernameKey: this.keys.username ?? usernameKey,
      passwordKey: this.keys.password ?? passwordKey,
    };
  }

  /** @internal */
  public _nameRule(): Rule {
    const rule = objectNameRule('the name of a Secret', this.name ?? '');
    return { ...rule, wrong: this._kind === 'secret' && rule.wrong };
  }

  /** @internal */
  public _login(component: Component, request: LoginRequest): LoginReference {
    check(component, [
      {
        wrong: this._kind === 'serviceAccount',
        given: `credentials for ${request.secretName} are a service account's`,
        want: "want Credentials.generated() or Credentials.fromSecret('name'): only cloud stores know service accounts",
      },
      this._nameRule(),
    ]);
    if (this._kind === 'generated') {
      CredentialsJob._of(component)._add({
        name: request.secretName,
        keys: { [request.usernameKey]: request.username, [request.passwordKey]: request.password, ...request.more },
        optional: request.optional,
      });
    }
    const { usernameKey, passwordKey } = request;
    return { ...this._existing(usernameKey, passwordKey), secretName: this.name ?? request.secretName };
  }
}
