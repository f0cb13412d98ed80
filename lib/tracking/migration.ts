import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { OperatedServer } from './operated-server';
import { Component } from '../component/component';
import { NetworkBoundary } from '../component/network-boundary';
import { ONCE_JOB_SUFFIX, onceJob } from '../component/once-job';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, programs } from '../component/program';
import { onTheNodeOf } from '../component/spread-and-affinity';
import { configMap, serviceAccount } from '../component/standard-objects';
import { withAuthority } from '../kubernetes/certificate-authority';
import { Connection } from '../kubernetes/connection';
import { Container, Volume, VolumeMount } from '../kubernetes/manifest';
import { Mounted, accountAnnotations, environment, mountConnections, scratch } from '../kubernetes/pod';
import { LOG_SPACE, mebibytes, mergeResources, renderResources, resourceRules } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const FILES = ['secret_files.py', 'mounted.py', 'schema.py', 'table_locks.py', 'dumps.py', 'migrate.py'];
/** What another kind of database needs: the program that dumps it, and Python modules. */
const MYSQL_FILES = ['mysql_database.py', 'mysql_migration.py'];
const dumpProgram = (isMysql: boolean) => (isMysql ? 'dump-mysql.sh' : 'dump-databases.sh');
const WORK = '/work';
/** Ephemeral storage for `/tmp` and logs, in addition to the dump. */
const OTHER_SPACE_MEBIBYTES = 512;
const WANTED_IMAGE = 'wanted-image';

export interface MigrationProps extends OperatedServer {
  /** Where dumps go: a URI that MLflow can write to. */
  readonly backups: string;
}

/** Suffix of the longest name of a migration. */
export const MIGRATION_SUFFIX = `-migration${ONCE_JOB_SUFFIX}`;

/**
 * Upgrades the database to the schema of one MLflow version, once, under a lock. It uploads a dump to the artifact store
 * before it changes existing data. Servers of that version wait for it.
 */
export class Migration extends Component {
  /** Also for the Job of the users, whose pods have the same labels, so that the database admits them. */
  public readonly database: Connection;

  constructor(
    owner: Component,
    private readonly props: MigrationProps,
  ) {
    super(owner, 'migration', { role: 'migration', longestSuffix: ONCE_JOB_SUFFIX });
    this._image = props.image;
    this._check({}, resourceRules(this.resources, 'jobResources'));
    const name = this.componentName;
    const client = {
      name: this.node.path,
      podLabels: this.podSelector,
      namespace: this.namespace,
      maxConnections: 10,
    };
    const { database, artifacts } = props.connect(client);
    this.database = database;
    const connections = [database, artifacts];
    serviceAccount(this, accountAnnotations(connections));
    const files = () => ({
      ...programs(...FILES, ...(props.databaseIsMysql ? MYSQL_FILES : []), dumpProgram(props.databaseIsMysql)),
      // The same for all migrations of a server: one that still tries sees here that it is not wanted any more.
      [WANTED_IMAGE]: props.image,
      ...(props.auth && { 'basic_auth.ini': props.auth.settings }),
    });
    configMap(this, 'config-map', name, files);
    const network = new NetworkBoundary(this).allowDns();
    for (const { egress } of connections) network.allowEgress(egress);
    network.allowEgress(props.egress);
    onceJob(this, 'job', {
      name,
      backoffLimit: 10,
      // Exit 3: a newer MLflow's database, or wrong settings. A retry does not help.
      failOnExitCodes: { container: 'migrate', codes: [3] },
      inputs: () => Object.values(files()),
      pod: () => this.pod(database, artifacts),
    });
  }

  private pod(database: Connection, artifacts: Connection): PodProps {
    const { props } = this;
    const connected = mountConnections([database, artifacts], props.auth?.secretVariables);
    const mounted = withAuthority(connected, props.placement.authority);
    // The program that dumps has no business with the keys of the store, nor with those of MLflow.
    const dumping = mountConnections([database], [], 'database-');
    const mounts: VolumeMount[] = [
      { name: 'program', mountPath: PROGRAMS, readOnly: true },
      { name: 'work', mountPath: WORK },
      { name: 'tmp', mountPath: '/tmp' },
      ...mounted.mounts,
    ];
    const env = environment({
      ...MLFLOW_PROGRAM,
      BACKUP_DESTINATION: props.backups,
      DUMPS_KEPT: String(props.dumpsKept),
      MIGRATION_IMAGE: props.image,
      WANTED_IMAGE_FILE: `${PROGRAMS}/${WANTED_IMAGE}`,
      ...(props.databaseIsMysql && { MIGRATION_MODULE: 'mysql_migration' }),
      ...(props.auth && {
        AUTH_DATABASE: props.auth.databaseName,
        MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini`,
      }),
      ...mounted.environment,
      ...props.environment,
    });
    const migrate: Container = {
      name: 'migrate',
      image: props.image,
      command: ['python', `${PROGRAMS}/migrate.py`],
      env,
      resources: renderResources(this.resources),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: mounts,
    };
    const volumes: Volume[] = [
      { name: 'program', configMap: { name: this.componentName } },
      scratch('work', props.dumpSpace),
      scratch('tmp', Size.mebibytes(256)),
      ...mounted.volumes,
      ...dumping.volumes,
    ];
    return {
      user: ANY_USER,
      placement: props.sameNodeAs ? { ...props.placement, affinity: onTheNodeOf(props.sameNodeAs) } : props.placement,
      terminationGracePeriodSeconds: 30,
      initContainers: [this.dump(dumping)],
      containers: [migrate],
      volumes,
    };
  }

  /** Dumps the databases that `migrate.py` requests while it holds the lock. Kubernetes stops this sidecar afterwards. */
  private dump(mounted: Mounted): Container {
    // The name of the database is in the request.
    const connection = Object.entries(mounted.environment).filter(
      ([name]) => !['DATABASE_MODULE', 'DATABASE_NAME', 'PGDATABASE'].includes(name),
    );
    return {
      name: 'dump',
      restartPolicy: 'Always',
      image: this.props.clientImage,
      command: ['sh', `${PROGRAMS}/${dumpProgram(this.props.databaseIsMysql)}`],
      env: environment({ ...Object.fromEntries(connection), DUMP_KIBIBYTES: String(this.dumpKibibytes()) }),
      resources: renderResources({
        cpu: { request: Cpu.millis(20), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(32), limit: Size.mebibytes(512) },
        // Kubernetes adds the volume of the dump to the pod's usage, not to the container's.
        ephemeralStorage: LOG_SPACE,
      }),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: [
        { name: 'program', mountPath: PROGRAMS, readOnly: true },
        { name: 'work', mountPath: WORK },
        ...mounted.mounts,
      ],
      // Its loop touches the file each second, also while a dump runs.
      livenessProbe: {
        exec: { command: ['sh', '-c', `test -n "$(find ${WORK}/alive -mmin -2)"`] },
        initialDelaySeconds: 10,
        periodSeconds: 30,
        timeoutSeconds: 10,
        failureThreshold: 3,
      },
    };
  }

  private get resources(): ContainerResources {
    const disk = Math.ceil(mebibytes(this.props.dumpSpace)) + OTHER_SPACE_MEBIBYTES;
    return mergeResources(
      {
        cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(512), limit: Size.gibibytes(2) },
        ephemeralStorage: { request: Size.mebibytes(Math.min(disk, 1024)), limit: Size.mebibytes(disk) },
      },
      this.props.placement.jobResources,
    );
  }

  /** The size that fits into the volume and the pod's limit. The other files of the volume are small. */
  private dumpKibibytes(): number {
    const limit = mebibytes(this.resources.ephemeralStorage!.limit!) - OTHER_SPACE_MEBIBYTES;
    const space = Math.min(mebibytes(this.props.dumpSpace), limit);
    return Math.max(Math.floor(space * 1024) - 64, 1);
  }
}
