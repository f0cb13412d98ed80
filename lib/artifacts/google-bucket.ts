import { IArtifactStore } from './artifact-store';
import { folderRule } from './bucket-rules';
import { STORE_FILES } from './s3-connection';
import { GOOGLE_METADATA_SERVER } from '../component/network-boundary';
import { Credentials } from '../credentials/credentials';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { Rule, check, shownRule } from '../kubernetes/rules';

/** An existing bucket of Google Cloud Storage. */
export interface GoogleBucketProps {
  /** Name of the bucket: with the prefix, `--artifacts-destination`, `gs://…`. */
  readonly bucket: string;
  /**
   * Folder in the bucket, without slashes at its ends.
   * @default - the bucket itself
   */
  readonly prefix?: string;
  /**
   * `Credentials.fromServiceAccount(…)` for the workload identity of GKE, e.g. with the annotation
   * `iam.gke.io/gcp-service-account`. Or `Credentials.fromSecret(…)`: the Secret has the key file of a service account under
   * `key.json`, or under the key that `passwordKey` names: `GOOGLE_APPLICATION_CREDENTIALS`.
   * @see https://cloud.google.com/docs/authentication/application-default-credentials
   */
  readonly credentials: Credentials;
  /**
   * Destinations of the store that the NetworkPolicy lets the pods connect to.
   * @default - any address, on port 443
   */
  readonly egress?: EgressRule[];
}

/** @internal */
export class GoogleBucket implements IArtifactStore {
  public readonly sharedByReplicas = true;
  public readonly reachableByClients = true;
  public readonly uri: string;

  constructor(private readonly props: GoogleBucketProps) {
    this.uri = props.prefix ? `gs://${props.bucket}/${props.prefix}` : `gs://${props.bucket}`;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('ArtifactStore.fromGoogleBucket', clientRules(client));
    check(client.name, rules(this.props));
    const { credentials, egress = [{ peer: { anyone: true }, port: 443 }] } = this.props;
    if (credentials._kind === 'serviceAccount') {
      return {
        environment: {},
        serviceAccountAnnotations: credentials._annotations,
        egress: [...egress, ...GOOGLE_METADATA_SERVER],
      };
    }
    const { secretName, passwordKey: key } = credentials._existing('', 'key.json');
    return {
      environment: { GOOGLE_APPLICATION_CREDENTIALS: `${STORE_FILES}/${key}` },
      secretFiles: [{ secretName, keys: [key], directory: STORE_FILES }],
      egress,
    };
  }
}

function rules(props: GoogleBucketProps): Rule[] {
  return [
    shownRule(
      !/^[a-z0-9][-._a-z0-9]{1,220}[a-z0-9]$/.test(props.bucket) || /^goog|google/.test(props.bucket),
      'bucket',
      props.bucket,
      "the name of a bucket: 3 to 222 lower-case letters, digits, '-', '_' and '.', a letter or digit at both ends, e.g. 'models'",
    ),
    folderRule(props.prefix),
    ...props.credentials._rules("the bucket's credentials"),
    ...egressRules('egress', props.egress),
    {
      wrong: props.credentials._kind === 'generated',
      given: "the bucket's credentials are generated",
      want: "expected Credentials.fromServiceAccount(…) or fromSecret('name'): this app cannot create a key for this bucket",
    },
  ];
}
