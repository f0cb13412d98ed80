import { ExistingBucket, ExistingBucketProps } from '../artifacts/existing-bucket';
import { ACCESS_KEY, AUTHORITY_KEY, SECRET_KEY } from '../artifacts/s3-connection';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient, SecretVariable } from '../kubernetes/connection';
import { isDataKey } from '../kubernetes/metadata-rules';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { Rule, objectNameRule, shownRule } from '../kubernetes/rules';

const DIRECTORY = '/backups';
/** Folder of the target's certificate authority. The artifact store has another folder, because the pod mounts both. */
const TARGET_AUTHORITY = '/etc/mlflow-backup-target';

/** A volume for backups. */
export interface ClaimTargetProps {
  /**
   * Name of a PersistentVolumeClaim in the namespace of the server. It should not be on the same disk as the platform's own
   * volumes.
   */
  readonly claimName: string;
  /**
   * Folder on the volume, without slashes at its ends.
   * @default - the volume itself
   */
  readonly folder?: string;
}

/** A remote of an rclone configuration: Google Cloud Storage, Azure Blob Storage, SFTP and some 70 others. */
export interface RcloneTargetProps {
  /** Name of a Secret in the namespace of the server, with a configuration file of rclone, as `rclone config` writes it. */
  readonly configurationSecretName: string;
  /**
   * Key of that Secret.
   * @default 'rclone.conf'
   */
  readonly configurationKey?: string;
  /** A remote of that file, and a folder in it, e.g. `gcs:my-backups/mlflow`. */
  readonly remote: string;
  /**
   * Destinations of the storage that the NetworkPolicy lets the pods connect to.
   * @default - any address, on port 443
   */
  readonly egress?: EgressRule[];
}

/**
 * Where backups are stored. Each platform needs a target, or a folder of it, of its own. Choose one that is not lost
 * together with the platform: a bucket of another account or region.
 */
export class BackupTarget {
  /**
   * An existing bucket, on Amazon S3 or an S3-compatible store. The pods read, list and write it, and delete old backups.
   *
   * @param props the bucket, and how the pods connect to it
   */
  public static bucket(props: ExistingBucketProps): BackupTarget {
    checkInputs('BackupTarget.bucket', { props });
    const remote = `bucket:${props.bucket}${props.prefix ? `/${props.prefix}` : ''}`;
    return new BackupTarget(
      remote,
      (client) => bucketConnection(props, client),
      () => [],
    );
  }

  /**
   * An existing volume.
   *
   * @param props the claim
   */
  public static claim(props: ClaimTargetProps): BackupTarget {
    checkInputs('BackupTarget.claim', { props });
    const { claimName, folder } = props;
    const connection = { environment: {}, claims: [{ claimName, directory: DIRECTORY }], egress: [] };
    return new BackupTarget(
      folder ? `${DIRECTORY}/${folder}` : DIRECTORY,
      () => connection,
      () => [
        objectNameRule('claimName of the target', claimName, 'mlflow-backups'),
        shownRule(
          folder !== undefined && !/^[^/\s]+(\/[^/\s]+)*$/.test(folder),
          'folder of the target',
          folder,
          "a folder without slashes at its ends, e.g. 'mlflow'",
        ),
      ],
    );
  }

  /**
   * Any other storage that rclone supports.
   *
   * @param props rclone's configuration, and the remote in it
   */
  public static rclone(props: RcloneTargetProps): BackupTarget {
    checkInputs('BackupTarget.rclone', { props });
    const { configurationSecretName: secretName, configurationKey: key = 'rclone.conf', remote } = props;
    const connection = {
      environment: {},
      secretVariables: [{ variable: 'RCLONE_CONF', secretName, key }],
      egress: props.egress ?? [{ peer: { anyone: true }, port: 443 }],
    };
    return new BackupTarget(
      remote,
      () => connection,
      () => [
        objectNameRule('configurationSecretName of the target', secretName, 'rclone'),
        shownRule(
          !isDataKey(key),
          'configurationKey of the target',
          key,
          "the name of a key of the Secret, e.g. 'rclone.conf'",
        ),
        shownRule(
          !/^[A-Za-z0-9_][-A-Za-z0-9_+@.]*:\S*$/.test(remote) || /^(store|source|bucket|plain|target):/.test(remote),
          'remote of the target',
          remote,
          "a remote of the configuration and a folder of it, e.g. 'gcs:my-backups/mlflow'; store, source, bucket, plain and target are names of the library's own",
        ),
        ...egressRules('egress of the target', props.egress),
      ],
    );
  }

  private constructor(
    /** As rclone writes it. @internal */ public readonly _remote: string,
    /** @internal */ public readonly _connect: (client: ConnectionClient) => Connection,
    /** @internal */ public readonly _rules: () => Rule[],
  ) {}
}

/** Renames the variables and the folder, because the pod also has those of the artifact store. */
function bucketConnection(props: ExistingBucketProps, client: ConnectionClient): Connection {
  const {
    secretVariables = [],
    secretFiles,
    ...rest
  } = new ExistingBucket(props).connectFrom({
    ...client,
    name: `${client.name}: target`,
  });
  const names: Record<string, string> = {
    [ACCESS_KEY]: 'TARGET_ACCESS_KEY_ID',
    [SECRET_KEY]: 'TARGET_SECRET_ACCESS_KEY',
  };
  const { endpoint, region, pathStyle, authoritySecretName } = props;
  return {
    ...rest,
    secretVariables: secretVariables.map((each): SecretVariable => ({ ...each, variable: names[each.variable] })),
    secretFiles: secretFiles?.map((each) => ({ ...each, directory: TARGET_AUTHORITY })),
    environment: {
      ...(endpoint !== undefined && { TARGET_ENDPOINT: endpoint }),
      ...(region !== undefined && { TARGET_REGION: region }),
      ...(pathStyle !== undefined && { TARGET_PATH_STYLE: String(pathStyle) }),
      ...(authoritySecretName && { TARGET_CA_BUNDLE: `${TARGET_AUTHORITY}/${AUTHORITY_KEY}` }),
    },
  };
}
