import { Volume } from './manifest';
import { isDataKey } from './metadata-rules';
import { Mounted } from './pod';
import { Rule, objectNameRule } from './rules';
import { checkInputs } from '../inputs/inputs';

/** Folder of the certificates in each container that has them, and their file. */
export const AUTHORITY_FOLDER = '/etc/mlflow-authority';
const FILE = 'ca.crt';
export const AUTHORITY_FILE = `${AUTHORITY_FOLDER}/${FILE}`;

/** Certificates of authorities that pods trust in addition to the public ones: a PEM file in a ConfigMap or a Secret. */
export class CertificateAuthority {
  /**
   * An existing ConfigMap in the namespace of each pod, e.g. one that cert-manager's trust-manager writes into every namespace.
   * Without it the pods do not start: they wait, and `kubectl describe pod` names it.
   *
   * @param name name of the ConfigMap, e.g. `company-ca`
   * @param key key whose value has the certificates as PEM. Without it: `ca.crt`
   */
  public static fromConfigMap(name: string, key: string = FILE): CertificateAuthority {
    checkInputs('CertificateAuthority.fromConfigMap', { name, key });
    return new CertificateAuthority('ConfigMap', name, key);
  }

  /**
   * An existing Secret in the namespace of each pod, e.g. one that cert-manager writes. Only the key with the certificates is
   * mounted. Without it the pods do not start: they wait, and `kubectl describe pod` names it.
   *
   * @param name name of the Secret, e.g. `company-ca`
   * @param key key whose value has the certificates as PEM. Without it: `ca.crt`
   */
  public static fromSecret(name: string, key: string = FILE): CertificateAuthority {
    checkInputs('CertificateAuthority.fromSecret', { name, key });
    return new CertificateAuthority('Secret', name, key);
  }

  private constructor(
    /** @internal */ public readonly _kind: 'ConfigMap' | 'Secret',
    /** @internal */ public readonly _name: string,
    /** @internal */ public readonly _key: string,
  ) {}

  /** @internal */
  public get _rules(): Rule[] {
    return [
      objectNameRule(`the name of the ${this._kind} of authority`, this._name, 'company-ca'),
      {
        wrong: !isDataKey(this._key),
        given: `the key of authority is '${this._key}'`,
        want: "expected the name of a key: letters, digits, '-', '_' and '.', e.g. 'ca.crt'",
      },
    ];
  }

  /** One file, whatever the key is called. @internal */
  public _volume(name: string): Volume {
    const items = [{ key: this._key, path: FILE }];
    return this._kind === 'ConfigMap'
      ? { name, configMap: { name: this._name, items } }
      : { name, secret: { secretName: this._name, defaultMode: 0o440, items } };
  }
}

/**
 * What a container of a program of the library needs to trust it. Python's programs make one file of it and the public
 * authorities (runtime/mlflow/secret_files.py), as the libraries trust only the file that they are told.
 *
 * @param variable the one that has the path of the file
 */
export function withAuthority(
  mounted: Mounted,
  authority: CertificateAuthority | undefined,
  variable = 'AUTHORITY_FILE',
): Mounted {
  if (authority === undefined) return mounted;
  return {
    volumes: [...mounted.volumes, authority._volume('authority')],
    mounts: [...mounted.mounts, { name: 'authority', mountPath: AUTHORITY_FOLDER, readOnly: true }],
    environment: { ...mounted.environment, [variable]: AUTHORITY_FILE },
  };
}
