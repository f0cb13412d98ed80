import { CredentialsJob } from './credentials-job';
import { PlannedKey } from './secret-request';
import { Component } from '../component/component';
import { checkInputs } from '../inputs/inputs';
import { annotationRules, isDataKey } from '../kubernetes/metadata-rules';
import { Rule, check, objectNameRule } from '../kubernetes/rules';

/** Keys of a Secret, if they differ from those that the component would choose. */
export interface SecretKeys {
  /**
   * Key that holds the user name, or the access key id of an S3 store.
   * @default - the component's own key, e.g. `username` or `AWS_ACCESS_KEY_ID`
   */
  readonly usernameKey?: string;
  /**
   * Key that holds the password, or the secret access key of an S3 store.
   * @default - the component's own key, e.g. `password` or `AWS_SECRET_ACCESS_KEY`
   */
  readonly passwordKey?: string;
}

/** A login that a component needs: the default names of its Secret and keys. @internal */
export interface LoginRequest {
  /** The prop by which the user gives other credentials, for messages. */
  readonly prop: string;
  readonly secretName: string;
  readonly usernameKey: string;
  readonly passwordKey: string;
  /** True if the keys have fixed names. */
  readonly fixedKeys?: boolean;
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
 * The source of a user name and a password, never the values themselves: those stay in the cluster.
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
   * An existing Secret in the same namespace. `secret.name` of a Secret of cdk8s-plus is such a name.
   *
   * @param name name of the Secret
   * @param keys its keys, if they differ from the component's own
   */
  public static fromSecret(name: string, keys: SecretKeys = {}): Credentials {
    checkInputs('Credentials.fromSecret', { name, keys });
    return new Credentials('secret', name, keys);
  }

  /**
   * No Secret at all: the identity of the pod's ServiceAccount (IAM roles for service accounts, workload identity).
   *
   * @param annotations of the ServiceAccount, e.g. `{'eks.amazonaws.com/role-arn': 'arn:aws:iam::…'}`
   */
  public static fromServiceAccount(annotations: Record<string, string>): Credentials {
    checkInputs('Credentials.fromServiceAccount', { annotations });
    return new Credentials('serviceAccount', undefined, {}, annotations);
  }

  private constructor(
    /** @internal */ public readonly _kind: 'generated' | 'secret' | 'serviceAccount',
    private readonly name?: string,
    private readonly keys: SecretKeys = {},
    /** @internal */ public readonly _annotations: Record<string, string> = {},
  ) {}

  /** The keys of a Secret that this library does not create. @internal */
  public _existing(usernameKey: string, passwordKey: string): LoginReference {
    return {
      secretName: this.name ?? '',
      usernameKey: this.keys.usernameKey ?? usernameKey,
      passwordKey: this.keys.passwordKey ?? passwordKey,
    };
  }

  /**
   * What is wrong with the Secret's name and keys.
   *
   * @param prop the prop that they were given as
   * @param fixedKeys true if the keys are the component's own, e.g. names of environment variables
   * @internal
   */
  public _rules(prop: string, fixedKeys = false): Rule[] {
    if (this._kind === 'serviceAccount') return annotationRules(`the annotations of ${prop}`, this._annotations);
    if (this._kind !== 'secret') return [];
    const keys = Object.entries(this.keys).filter(([, key]) => key !== undefined);
    return [
      objectNameRule(`the name of the Secret of ${prop}`, this.name ?? ''),
      ...keys.map(([what, key]) => ({
        wrong: fixedKeys || !isDataKey(key),
        given: `the ${what} of ${prop} is '${key}'`,
        want: fixedKeys
          ? 'expected none: the keys of this Secret have fixed names'
          : "expected the name of a key of the Secret: letters, digits, '-', '_' and '.', e.g. 'password'",
      })),
    ];
  }

  /** @internal */
  public _login(component: Component, request: LoginRequest): LoginReference {
    check(component, [
      {
        wrong: this._kind === 'serviceAccount',
        given: `credentials for ${request.secretName} are a service account's`,
        want: "expected Credentials.generated() or Credentials.fromSecret('name'): only cloud stores know service accounts",
      },
      ...this._rules(request.prop, request.fixedKeys),
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
