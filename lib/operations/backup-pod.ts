import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { BackupProps } from './backup-props';
import { DRILL_DATA, drillDatabase, drillMounts, passwd } from './drill-database';
import { pushgatewayEgress, pushgatewayVariables } from './pushgateway';
import { proxyEnvironment, rcloneEnvironment, rcloneImage, rcloneResources } from './rclone-container';
import { sharedMounts, sidecar } from './sidecar';
import { Component } from '../component/component';
import { NetworkBoundary } from '../component/network-boundary';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, programVolume, programs, withRevisionKey } from '../component/program';
import { shareClaims } from '../component/shared-claims';
import { onTheNodeOf, preferredOnTheNodeOf } from '../component/spread-and-affinity';
import { configMap, serviceAccount } from '../component/standard-objects';
import { withAuthority } from '../kubernetes/certificate-authority';
import { Connection, SecretVariable } from '../kubernetes/connection';
import { Container } from '../kubernetes/manifest';
import { Mounted, accountAnnotations, environment, mountConnections, scratch } from '../kubernetes/pod';
import { LOG_SPACE, mebibytes, mergeResources, renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';
import { OperatedServer } from '../tracking/operated-server';

/** The modules that each of the programs imports. */
const FILES = [
  ...['secret_files.py', 'mounted.py', 'schema.py', 'table_locks.py', 'dumps.py', 'migrate.py', 'operation_lock.py'],
  ...[
    'sidecars.py',
    'backups.py',
    'retention.py',
    'artifact_sizes.py',
    'push_figures.py',
    'backup.py',
    'sqlite_files.py',
    'sqlite_operations.py',
  ],
  ...['run-rclone.sh', 'run-postgres.sh'],
];
/** Ephemeral storage for `/tmp`, logs and lists of files, in addition to the dumps. */
const OTHER_SPACE_MEBIBYTES = 512;

export interface BackupPodProps {
  readonly backup: BackupProps;
  readonly server: OperatedServer;
  /** Name of the main container. */
  readonly name: string;
  /** Its program, and the modules that it imports in addition to the backup's. */
  readonly files: string[];
  readonly environment: Record<string, string>;
  /** URL of a Pushgateway, to which it sends its figures. */
  readonly pushgateway?: string;
  /** True if it changes the schema. It then has what the migration has. */
  readonly migrates?: boolean;
  /** True if it calls the API server. */
  readonly apiAccess?: boolean;
  /** True if it only reads the target. */
  readonly isDrill?: boolean;
  /** Size of the pod's own PostgreSQL, if a drill needs one. */
  readonly drillSpace?: Size;
}

/**
 * Three containers: MLflow's image has Python, PostgreSQL's image its client, and rclone's image rclone. The program sends
 * requests to the other two as files of a shared volume, so that each has only the Secrets that it needs. With SQLite files
 * the container of PostgreSQL is left out, because Python copies them.
 */
export class BackupPod {
  private readonly database: Connection;
  /** None in a drill, which reads only the target. */
  private readonly artifacts: Connection[];
  private readonly target: Connection;

  constructor(
    private readonly component: Component,
    private readonly props: BackupPodProps,
  ) {
    const { server, backup } = props;
    const client = {
      name: component.node.path,
      podLabels: component.podSelector,
      namespace: component.namespace,
      // The connections that the database reserves are enough, so a backup does not restart it.
      maxConnections: 0,
    };
    const stores = props.isDrill ? undefined : server.connect(client);
    this.database = stores?.database ?? (server.databaseIsInPod ? { environment: {}, egress: [] } : drillDatabase);
    this.artifacts = stores ? [stores.artifacts] : [];
    this.target = backup.target._connect(client);
    serviceAccount(component, accountAnnotations(this.connections));
    configMap(component, 'config-map', component.componentName, () => this.files());
    const network = new NetworkBoundary(component).allowDns().allowEgress(server.egress);
    for (const { egress } of this.connections) network.allowEgress(egress);
    network.allowEgress(pushgatewayEgress(props.pushgateway));
    if (props.apiAccess) network.allowApiServer(server.placement.apiServerEgress);
  }

  public render(): PodProps {
    const { server } = this.props;
    const auth = this.props.migrates ? (server.auth?.secretVariables ?? []) : [];
    const main = mountConnections([this.database], auth);
    const client = mountConnections([this.database], [], 'database-');
    const { placement } = server;
    const stores = mountConnections([...this.artifacts, this.target], this.encryption, 'rclone-');
    const copier = withAuthority(stores, placement.authority);
    return shareClaims({
      user: ANY_USER,
      placement: this.affinity ? { ...placement, affinity: this.affinity } : placement,
      apiAccess: this.props.apiAccess,
      terminationGracePeriodSeconds: 30,
      initContainers: [...(server.databaseIsInPod ? [] : [this.postgres(client)]), this.rclone(copier)],
      containers: [this.main(main)],
      volumes: [
        programVolume(this.component.componentName, this.files()),
        scratch('work', this.dumpSpace),
        scratch('tmp', Size.mebibytes(256)),
        // A separate volume, because it contains rclone.conf.
        scratch('rclone-tmp', Size.mebibytes(64)),
        ...(this.props.drillSpace ? [scratch('drill', this.props.drillSpace)] : []),
        ...[main, ...(server.databaseIsInPod ? [] : [client]), copier].flatMap(({ volumes }) => volumes),
      ],
    });
  }

  /**
   * If the store is a ReadWriteOnce volume, the backup runs on the node of the servers. A restore only prefers that node,
   * because possibly no server runs. A drill does not mount the volume.
   */
  private get affinity() {
    const { server, isDrill, migrates } = this.props;
    if (!server.sameNodeAs || isDrill) return undefined;
    return migrates ? preferredOnTheNodeOf(server.sameNodeAs) : onTheNodeOf(server.sameNodeAs);
  }

  private get connections(): Connection[] {
    return [this.database, ...this.artifacts, this.target];
  }

  private get dumpSpace(): Size {
    return this.props.backup.dumpSpace ?? this.props.server.dumpSpace;
  }

  private get dumpKibibytes(): string {
    return String(Math.max(Math.floor(mebibytes(this.dumpSpace) * 1024) - 64, 1));
  }

  private get encryption(): SecretVariable[] {
    const { encryption } = this.props.backup;
    if (!encryption) return [];
    return [{ variable: 'ENCRYPTION_PASSWORD', secretName: encryption.secretName, key: encryption.key ?? 'password' }];
  }

  private files(): Record<string, string> {
    const { auth } = this.props.server;
    const data = {
      ...programs(...FILES, ...this.props.files),
      ...(this.props.migrates && auth && { 'basic_auth.ini': auth.settings }),
      ...(this.props.drillSpace && passwd(this.props.server.placement)),
    };
    return withRevisionKey(data);
  }

  private main(mounted: Mounted): Container {
    const { props } = this;
    const { auth } = props.server;
    const users = auth && {
      MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini`,
      // The users that the platform creates: all others are people.
      SERVICE_USERS: auth.serviceUsers().join(' '),
    };
    return {
      name: props.name,
      image: props.server.image,
      command: ['python', `${PROGRAMS}/${props.files[0]}`],
      env: environment({
        ...MLFLOW_PROGRAM,
        ...(auth && !props.isDrill && { AUTH_DATABASE: auth.databaseName, ...(props.migrates && users) }),
        ...mounted.environment,
        ...(props.server.databaseIsInPod && { DUMP_KIBIBYTES: this.dumpKibibytes }),
        ...props.environment,
      }).concat(pushgatewayVariables(this.component.componentName, props.pushgateway)),
      resources: renderResources(this.mainResources()),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: [...sharedMounts, { name: 'tmp', mountPath: '/tmp' }, ...mounted.mounts],
    };
  }

  private mainResources(): ContainerResources {
    const { drillSpace, server } = this.props;
    const disk =
      Math.ceil(mebibytes(this.dumpSpace) + (drillSpace ? mebibytes(drillSpace) : 0)) + OTHER_SPACE_MEBIBYTES;
    return mergeResources(
      {
        cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(this.props.migrates ? 512 : 256), limit: Size.gibibytes(2) },
        ephemeralStorage: { request: Size.mebibytes(Math.min(disk, 1024)), limit: Size.mebibytes(disk) },
      },
      server.placement.jobResources,
    );
  }

  private postgres(mounted: Mounted): Container {
    const { drillSpace } = this.props;
    const libpq = Object.entries(mounted.environment).filter(([name]) => name !== 'PGDATABASE');
    return sidecar('postgres', this.props.server.clientImage, {
      env: environment({
        ...Object.fromEntries(libpq),
        DUMP_KIBIBYTES: this.dumpKibibytes,
        ...(drillSpace && { DRILL_DATA: `${DRILL_DATA}/data` }),
      }),
      resources: renderResources({
        cpu: { request: Cpu.millis(20), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(drillSpace ? 256 : 32), limit: Size.gibibytes(1) },
        ephemeralStorage: LOG_SPACE,
      }),
      volumeMounts: [
        ...sharedMounts,
        { name: 'tmp', mountPath: '/tmp' },
        ...(drillSpace ? drillMounts(this.props.server.placement) : []),
        ...mounted.mounts,
      ],
    });
  }

  private rclone(mounted: Mounted): Container {
    const { server, backup } = this.props;
    return sidecar('rclone', rcloneImage(backup, server.placement), {
      env: environment({
        HOME: '/tmp',
        ...(!this.props.isDrill && { STORE_URI: server.artifactsUri }),
        TARGET_REMOTE: backup.target._remote,
        ...rcloneEnvironment(mounted.environment),
        ...proxyEnvironment(server),
      }),
      resources: renderResources(rcloneResources(backup)),
      volumeMounts: [...sharedMounts, { name: 'rclone-tmp', mountPath: '/tmp' }, ...mounted.mounts],
    });
  }
}
