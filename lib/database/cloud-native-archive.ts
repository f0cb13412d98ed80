import { Duration, Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { PostgresArchiveProps } from './cloud-native-postgres-props';
import { ExistingBucket } from '../artifacts/existing-bucket';
import { ACCESS_KEY, SECRET_KEY } from '../artifacts/s3-connection';
import { Component } from '../component/component';
import { Connection } from '../kubernetes/connection';
import { scheduleRule } from '../kubernetes/cron-rules';
import { seconds } from '../kubernetes/durations';
import { apiObject } from '../kubernetes/manifest';
import { renderResources } from '../kubernetes/resources';
import { Rule, nameRule, objectNameRule } from '../kubernetes/rules';

const PLUGIN = 'barman-cloud.cloudnative-pg.io';
const DAY_SECONDS = 24 * 3600;
const MOST_DAYS = 36_500;

/** Resources of the plugin's container in the pod of each instance, which compresses a whole base backup. */
const sidecarResources: ContainerResources = {
  cpu: { request: Cpu.millis(50), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(128), limit: Size.mebibytes(512) },
  ephemeralStorage: { request: Size.mebibytes(128), limit: Size.gibibytes(1) },
};

/**
 * The archive of a cluster in a bucket, by the Barman Cloud plugin. The operator's own archiving is removed in its release
 * 1.31.
 */
export class CloudNativeArchive {
  /** What the pods need to connect to the bucket. */
  public readonly connection: Connection;
  public readonly serverName: string;

  constructor(
    private readonly component: Component,
    private readonly props: PostgresArchiveProps,
  ) {
    const { bucket, prefix, endpoint, region, credentials, egress } = props;
    this.serverName = props.serverName ?? component.componentName;
    const given = Object.entries({ bucket, prefix, endpoint, region, credentials, egress });
    const known = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    this.connection = new ExistingBucket({ ...known, bucket, credentials }).connectFrom({
      name: component.node.path,
      podLabels: component.podSelector,
      namespace: component.namespace,
      maxConnections: 0,
    });
  }

  public rules(): Rule[] {
    const { schedule, authoritySecretName } = this.props;
    const days = seconds(this.retention) / DAY_SECONDS;
    return [
      scheduleRule('archive.schedule', schedule ?? '0 3 * * *'),
      {
        wrong: !Number.isInteger(days) || days < 1 || days > MOST_DAYS,
        given: `archive.retention is ${seconds(this.retention)} seconds`,
        want: `expected whole days, from 1 to ${MOST_DAYS}, e.g. Duration.days(30)`,
      },
      nameRule('archive.serverName', this.serverName),
      ...(authoritySecretName === undefined
        ? []
        : [objectNameRule('archive.authoritySecretName', authoritySecretName)]),
    ];
  }

  /** The fields of the Cluster that turn the archive on. */
  public clusterFields() {
    const annotations = this.connection.serviceAccountAnnotations;
    return {
      plugins: [{ ...this.pluginFor(this.serverName), isWALArchiver: true }],
      serviceAccountTemplate: annotations && { metadata: { annotations } },
    };
  }

  public pluginFor(serverName: string) {
    return { name: PLUGIN, parameters: { barmanObjectName: this.component.componentName, serverName } };
  }

  /** The ObjectStore and the ScheduledBackup. */
  public addObjects(): void {
    const { component } = this;
    const { componentName: name, labels } = component;
    apiObject(component, 'object-store', {
      apiVersion: 'barmancloud.cnpg.io/v1',
      kind: 'ObjectStore',
      name,
      labels,
      body: { spec: this.objectStore() },
    });
    const schedule = this.props.schedule ?? '0 3 * * *';
    apiObject(component, 'scheduled-backup', {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'ScheduledBackup',
      name,
      labels,
      body: {
        spec: {
          cluster: { name },
          // The operator's format has six fields, of which the first is seconds.
          schedule: schedule.startsWith('@') ? schedule : `0 ${schedule}`,
          // Without a base backup, no restore from the archived changes is possible.
          immediate: true,
          backupOwnerReference: 'self',
          method: 'plugin',
          pluginConfiguration: { name: PLUGIN },
        },
      },
    });
  }

  private objectStore(): object {
    const { bucket, prefix, endpoint, region, credentials, authoritySecretName } = this.props;
    const { secretName, usernameKey, passwordKey } = credentials._existing(ACCESS_KEY, SECRET_KEY);
    return {
      configuration: {
        destinationPath: prefix ? `s3://${bucket}/${prefix}` : `s3://${bucket}`,
        endpointURL: endpoint,
        endpointCA: authoritySecretName && { name: authoritySecretName, key: 'ca.crt' },
        s3Credentials:
          credentials._kind === 'serviceAccount'
            ? { inheritFromIAMRole: true }
            : {
                accessKeyId: { name: secretName, key: usernameKey },
                secretAccessKey: { name: secretName, key: passwordKey },
              },
        wal: { compression: 'gzip' },
        data: { compression: 'gzip' },
      },
      retentionPolicy: `${seconds(this.retention) / DAY_SECONDS}d`,
      instanceSidecarConfiguration: {
        env: region ? [{ name: 'AWS_DEFAULT_REGION', value: region }] : undefined,
        resources: renderResources(sidecarResources),
      },
    };
  }

  private get retention(): Duration {
    return this.props.retention ?? Duration.days(30);
  }
}
