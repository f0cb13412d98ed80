import { ApiObject, Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { Credentials } from './credentials';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { durationRule, seconds } from '../kubernetes/durations';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject } from '../kubernetes/manifest';
import { isDataKey } from '../kubernetes/metadata-rules';
import { Rule, check, objectNameRule, shownRule } from '../kubernetes/rules';

/** The kind of a store of External Secrets: `spec.secretStoreRef.kind`. */
export enum SecretStoreKind {
  /** Of the whole cluster. */
  CLUSTER_SECRET_STORE = 'ClusterSecretStore',
  /** In the namespace of the ExternalSecret. */
  SECRET_STORE = 'SecretStore',
}

/** An entry of a store outside the cluster, as a Secret. */
export interface ExternalSecretProps {
  /** Name of the store that External Secrets reads: `spec.secretStoreRef.name`. */
  readonly store: string;
  /**
   * The kind of that store.
   * @default SecretStoreKind.CLUSTER_SECRET_STORE
   */
  readonly storeKind?: SecretStoreKind;
  /** Name of the entry in the provider, e.g. a path of Vault: `remoteRef.key`. */
  readonly remoteKey: string;
  /**
   * For each key of the Secret, the property of the entry that has its value: `remoteRef.property`. E.g.
   * `{ username: 'user', password: 'password' }` for a database.
   */
  readonly keys: Record<string, string>;
  /**
   * Time between two reads of the provider, in whole seconds: `spec.refreshInterval`. Pods read a changed password with
   * their next start: see the guide on rotation.
   * @default Duration.hours(1)
   */
  readonly refreshInterval?: Duration;
}

/**
 * A Secret that the operator External Secrets writes from a store outside the cluster, e.g. Vault or a cloud's secret manager.
 * It is named by its id, as the Secret is. Put it in a chart of its own: it needs the operator.
 *
 * Object, by the id for `apiObject()`: `external-secret`.
 *
 * @see https://external-secrets.io/latest/api/externalsecret/
 */
export class ExternalSecret extends Construct {
  /** Name of the Secret, for props that take one. */
  public readonly secretName: string;

  /**
   * @param scope the chart, or a construct in a chart, that contains it. The Secret is in its namespace
   * @param id names the ExternalSecret and the Secret
   * @param props store, entry and keys
   */
  constructor(scope: Construct, id: string, props: ExternalSecretProps) {
    super(checkedScope('ExternalSecret', scope, id), id);
    checkInputs('new ExternalSecret', { scope, id, props }, this);
    check(this, [objectNameRule('the id of the external secret', id, 'database-login'), ...rules(props)]);
    this.secretName = id;
    const { store, storeKind = SecretStoreKind.CLUSTER_SECRET_STORE, remoteKey, keys } = props;
    // With all that the API server would fill in: GitOps controllers would see a change after each sync.
    const strategies = { conversionStrategy: 'Default', decodingStrategy: 'None', metadataPolicy: 'None' };
    const spec = {
      refreshInterval: `${seconds(props.refreshInterval ?? Duration.hours(1))}s`,
      secretStoreRef: { kind: storeKind, name: store },
      target: { name: id, creationPolicy: 'Owner', deletionPolicy: 'Retain' },
      data: Object.entries(keys).map(([secretKey, property]) => ({
        secretKey,
        remoteRef: { key: remoteKey, property, ...strategies },
      })),
    };
    this.node.defaultChild = apiObject(this, 'external-secret', {
      apiVersion: 'external-secrets.io/v1',
      kind: 'ExternalSecret',
      name: id,
      labels: {
        'app.kubernetes.io/name': 'mlflow',
        'app.kubernetes.io/component': 'external-secret',
        'app.kubernetes.io/part-of': 'mlflow',
        'app.kubernetes.io/managed-by': 'cdk8s',
      },
      body: { spec },
    });
  }

  /** The Secret as credentials, with the keys that a component chooses: give `keys` these names. */
  public get credentials(): Credentials {
    return Credentials.fromSecret(this.secretName);
  }

  /**
   * Returns the ExternalSecret, to change a field that no prop sets.
   *
   * @param id `external-secret`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('ExternalSecret#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}

function rules({ store, remoteKey, keys, refreshInterval }: ExternalSecretProps): Rule[] {
  const wrongKey = Object.keys(keys).find((key) => !isDataKey(key));
  const wrongProperty = Object.entries(keys).find(([, property]) => !isOneLine(property));
  return [
    objectNameRule('store', store, 'vault'),
    shownRule(!isOneLine(remoteKey), 'remoteKey', remoteKey, "one line, e.g. 'prod/mlflow/database'"),
    shownRule(wrongKey !== undefined, 'a key of keys', wrongKey, "letters, digits, '-', '_' and '.', e.g. 'password'"),
    shownRule(
      wrongProperty !== undefined,
      `keys.${wrongProperty?.[0]}`,
      wrongProperty?.[1],
      "the name of a property of the entry, e.g. 'password'",
    ),
    {
      wrong: Object.keys(keys).length === 0,
      given: 'keys is {}',
      want: "expected at least one key of the Secret, e.g. { username: 'user', password: 'password' }",
    },
    durationRule('refreshInterval', refreshInterval, 1),
  ];
}

const isOneLine = (text: string) => /^[^\p{Cc}]{1,1024}$/u.test(text) && text.trim() !== '';
