import { IArtifactStore } from './artifact-store';
import { folderRule } from './bucket-rules';
import { Credentials } from '../credentials/credentials';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { Rule, check, shownRule } from '../kubernetes/rules';

/** The environment variable from which MLflow reads the key of a storage account. */
const ACCOUNT_KEY = 'AZURE_STORAGE_ACCESS_KEY';
/** The domains that MLflow accepts. */
const CLOUDS = ['blob.core.windows.net', 'blob.core.chinacloudapi.cn', 'blob.core.usgovcloudapi.net'];

/** An existing container of Azure Blob Storage. */
export interface AzureContainerProps {
  /** Name of the storage account. */
  readonly account: string;
  /** Name of the container in the storage account: with account and prefix, `--artifacts-destination`, `wasbs://…`. */
  readonly container: string;
  /**
   * Folder in the container, without slashes at its ends.
   * @default - the container itself
   */
  readonly prefix?: string;
  /**
   * `Credentials.fromServiceAccount(…)` for Microsoft Entra Workload ID, with the annotation
   * `azure.workload.identity/client-id`. The pods also need the label `azure.workload.identity/use: "true"`, in
   * `pods.podLabels`. Or `Credentials.fromSecret(…)`: the Secret has a key of the account under `AZURE_STORAGE_ACCESS_KEY`,
   * or under the key that `passwordKey` names.
   * @see https://azure.github.io/azure-workload-identity/docs/
   */
  readonly credentials: Credentials;
  /**
   * Domain of the cloud: `blob.core.windows.net`, `blob.core.chinacloudapi.cn` or `blob.core.usgovcloudapi.net`.
   * @default 'blob.core.windows.net'
   */
  readonly domain?: string;
  /**
   * Destinations of the store that the NetworkPolicy lets the pods connect to.
   * @default - any address, on port 443
   */
  readonly egress?: EgressRule[];
}

/** @internal */
export class AzureContainer implements IArtifactStore {
  public readonly sharedByReplicas = true;
  public readonly reachableByClients = true;
  public readonly uri: string;

  constructor(private readonly props: AzureContainerProps) {
    const { account, container, prefix, domain = CLOUDS[0] } = props;
    const root = `wasbs://${container}@${account}.${domain}`;
    this.uri = prefix ? `${root}/${prefix}` : root;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('ArtifactStore.fromAzureContainer', clientRules(client));
    check(client.name, rules(this.props));
    const { credentials, egress } = this.props;
    const byServiceAccount = credentials._kind === 'serviceAccount';
    const { secretName, passwordKey: key } = credentials._existing('', ACCOUNT_KEY);
    const https = { peer: { anyone: true }, port: 443 };
    return {
      environment: {},
      secretVariables: byServiceAccount ? [] : [{ variable: ACCOUNT_KEY, secretName, key }],
      serviceAccountAnnotations: byServiceAccount ? credentials._annotations : undefined,
      // The pods exchange the token of their ServiceAccount at Entra ID.
      egress: egress ? [...egress, ...(byServiceAccount ? [https] : [])] : [https],
    };
  }
}

function rules(props: AzureContainerProps): Rule[] {
  return [
    shownRule(
      !/^[a-z0-9]{3,24}$/.test(props.account),
      'account',
      props.account,
      "the name of a storage account: 3 to 24 lower-case letters and digits, e.g. 'mlflowmodels'",
    ),
    shownRule(
      !/^(?!.*--)[a-z0-9][-a-z0-9]{1,61}[a-z0-9]$/.test(props.container),
      'container',
      props.container,
      "the name of a container: 3 to 63 lower-case letters, digits and single '-', a letter or digit at both ends, e.g. 'models'",
    ),
    shownRule(
      props.domain !== undefined && !CLOUDS.includes(props.domain),
      'domain',
      props.domain,
      `${CLOUDS.map((cloud) => `'${cloud}'`).join(', ')}: MLflow knows no other`,
    ),
    folderRule(props.prefix),
    ...props.credentials._rules("the container's credentials"),
    ...egressRules('egress', props.egress),
    {
      wrong: props.credentials._kind === 'generated',
      given: "the container's credentials are generated",
      want: "expected Credentials.fromServiceAccount(…) or fromSecret('name'): this app cannot create a key for this account",
    },
  ];
}
