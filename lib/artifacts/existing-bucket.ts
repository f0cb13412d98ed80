import { IArtifactStore } from './artifact-store';
import { bucketRule, folderRule } from './bucket-rules';
import { ACCESS_KEY, AUTHORITY_KEY, SECRET_KEY, STORE_FILES, addressingStyle, s3Login } from './s3-connection';
import { POD_IDENTITY_AGENT } from '../component/network-boundary';
import { Credentials } from '../credentials/credentials';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { Rule, check, cidrRule, objectNameRule } from '../kubernetes/rules';

/** An existing bucket, of Amazon S3 or of another store with the S3 API. */
export interface ExistingBucketProps {
  /** Name of the bucket: with the prefix, `--artifacts-destination`. */
  readonly bucket: string;
  /**
   * Folder in the bucket, without slashes at its ends.
   * @default - the bucket itself
   */
  readonly prefix?: string;
  /**
   * Region of the bucket: `AWS_DEFAULT_REGION`.
   * @default - the region that the client detects, e.g. from the service account
   */
  readonly region?: string;
  /**
   * URL of the endpoint, with scheme: `MLFLOW_S3_ENDPOINT_URL`. Many stores that are not Amazon's refuse the checksums that
   * boto3 adds since 1.36. With an endpoint, boto3 therefore adds and checks them only if S3 demands it:
   * `AWS_REQUEST_CHECKSUM_CALCULATION` and `AWS_RESPONSE_CHECKSUM_VALIDATION` are `when_required`.
   * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
   * @default - Amazon's
   */
  readonly endpoint?: string;
  /**
   * True if the bucket is part of the path, as in most stores that are not Amazon's. False if it is part of the host name:
   * `MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE`, `path` or `virtual`.
   * @default - true if an endpoint is given; without one boto3 decides
   */
  readonly pathStyle?: boolean;
  /**
   * `Credentials.fromSecret(…)`, with the keys `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` unless it names others, or
   * `Credentials.fromServiceAccount(…)`.
   */
  readonly credentials: Credentials;
  /**
   * Name of a Secret whose key `ca.crt` is the authority of the endpoint's certificate: `AWS_CA_BUNDLE`. boto3 then trusts
   * no other authority. Refused without an `https` endpoint.
   * @default - the authorities of MLflow's image
   */
  readonly authoritySecretName?: string;
  /**
   * Arguments that MLflow passes to boto3 with each upload: `MLFLOW_S3_UPLOAD_EXTRA_ARGS`. For a key of KMS: `{
   * ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/mlflow' }`. The uploads of a backup use the bucket's default
   * encryption.
   * @see https://boto3.amazonaws.com/v1/documentation/api/latest/reference/customizations/s3.html#boto3.s3.transfer.S3Transfer.ALLOWED_UPLOAD_ARGS
   * @default - none
   */
  readonly uploadArguments?: Record<string, string>;
  /**
   * Addresses of the endpoint in CIDR notation, for the NetworkPolicy.
   * @default - any address, on the endpoint's port
   */
  readonly cidr?: string;
  /**
   * Destinations of the store that the NetworkPolicy lets the pods connect to, instead of `cidr`. If the endpoint is a
   * Service, give the port of its pods: for `http://rook-ceph-rgw-store.rook-ceph.svc` of Rook it is 8080 and not 80.
   * @default - `cidr`, or any address, on the endpoint's port
   */
  readonly egress?: EgressRule[];
}

/** The arguments that boto3's `upload_file` accepts. */
const UPLOAD_ARGUMENTS = [
  ...['ACL', 'CacheControl', 'ChecksumAlgorithm', 'ChecksumType', 'ContentDisposition', 'ContentEncoding'],
  ...[
    'ContentLanguage',
    'ContentType',
    'ExpectedBucketOwner',
    'Expires',
    'GrantFullControl',
    'GrantRead',
    'GrantReadACP',
  ],
  ...['GrantWriteACP', 'ObjectLockLegalHoldStatus', 'ObjectLockMode', 'ObjectLockRetainUntilDate', 'RequestPayer'],
  ...[
    'SSECustomerAlgorithm',
    'SSEKMSEncryptionContext',
    'SSEKMSKeyId',
    'ServerSideEncryption',
    'StorageClass',
    'Tagging',
  ],
  ...['WebsiteRedirectLocation'],
];

/** @internal */
export class ExistingBucket implements IArtifactStore {
  public readonly sharedByReplicas = true;
  public readonly reachableByClients = true;
  public readonly uri: string;

  constructor(private readonly props: ExistingBucketProps) {
    this.uri = props.prefix ? `s3://${props.bucket}/${props.prefix}` : `s3://${props.bucket}`;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('ArtifactStore.fromBucket', clientRules(client));
    check(client.name, rules(this.props));
    const { endpoint, region, credentials, cidr, egress, authoritySecretName, uploadArguments } = this.props;
    const pathStyle = this.props.pathStyle ?? (endpoint === undefined ? undefined : true);
    const byServiceAccount = credentials._kind === 'serviceAccount';
    return {
      environment: {
        ...(endpoint && { MLFLOW_S3_ENDPOINT_URL: endpoint }),
        ...(region && { AWS_DEFAULT_REGION: region }),
        ...(pathStyle !== undefined && addressingStyle(pathStyle ? 'path' : 'virtual')),
        ...(endpoint && {
          AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
          AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
        }),
        ...(authoritySecretName && { AWS_CA_BUNDLE: `${STORE_FILES}/${AUTHORITY_KEY}` }),
        ...(uploadArguments && { MLFLOW_S3_UPLOAD_EXTRA_ARGS: JSON.stringify(uploadArguments) }),
      },
      ...(authoritySecretName && {
        secretFiles: [{ secretName: authoritySecretName, keys: [AUTHORITY_KEY], directory: STORE_FILES }],
      }),
      secretVariables: byServiceAccount ? [] : s3Login(credentials._existing(ACCESS_KEY, SECRET_KEY)),
      serviceAccountAnnotations: byServiceAccount ? credentials._annotations : undefined,
      egress: [
        ...(egress ?? [{ peer: cidr ? { cidr } : { anyone: true }, port: endpointPort(endpoint) }]),
        // The cloud's service that exchanges the token of the ServiceAccount for a key.
        ...(byServiceAccount && (egress || cidr || endpointPort(endpoint) !== 443)
          ? [{ peer: { anyone: true }, port: 443 }]
          : []),
        ...(byServiceAccount ? POD_IDENTITY_AGENT : []),
      ],
    };
  }
}

function rules(props: ExistingBucketProps): Rule[] {
  return [
    bucketRule(props.bucket),
    folderRule(props.prefix),
    {
      wrong: props.region !== undefined && !/^[A-Za-z0-9_-]{1,63}$/.test(props.region),
      given: `region is '${props.region}'`,
      want: "expected the name of a region, e.g. 'eu-west-1'",
    },
    {
      wrong:
        props.endpoint !== undefined &&
        !(/^https?:\/\/[^/\s@?#]+$/.test(props.endpoint) && URL.canParse(props.endpoint)),
      given: `endpoint is '${props.endpoint}'`,
      want: "expected a URL with scheme and host, without user or path, e.g. 'https://s3.example.com'",
    },
    ...(props.authoritySecretName === undefined
      ? []
      : [
          objectNameRule('authoritySecretName', props.authoritySecretName, 'store-ca'),
          {
            wrong: !props.endpoint?.startsWith('https:'),
            given: `authoritySecretName is given, and endpoint is ${props.endpoint ? `'${props.endpoint}'` : 'not'}`,
            want: "expected an endpoint with https, e.g. 'https://s3.example.com': only there it has an effect",
          },
        ]),
    ...Object.keys(props.uploadArguments ?? {}).map((name) => ({
      wrong: !UPLOAD_ARGUMENTS.includes(name),
      given: `uploadArguments has '${name}'`,
      want: `expected an argument of boto3's upload_file, e.g. ServerSideEncryption; SSECustomerKey is a secret and is not accepted`,
    })),
    ...props.credentials._rules("the bucket's credentials"),
    cidrRule('cidr', props.cidr),
    ...egressRules('egress', props.egress),
    {
      wrong: props.cidr !== undefined && props.egress !== undefined,
      given: 'cidr and egress are both given',
      want: "expected one of the two: egress can hold the addresses, e.g. { peer: { cidr: '10.1.2.0/24' }, port: 9000 }",
    },
    {
      wrong: props.credentials._kind === 'generated',
      given: "the bucket's credentials are generated",
      want: "expected Credentials.fromSecret('name') or fromServiceAccount(…): this app cannot create a key for this bucket",
    },
  ];
}

function endpointPort(endpoint = 'https://s3.amazonaws.com'): number {
  const url = new URL(endpoint);
  return Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
}
