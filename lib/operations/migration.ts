import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { LoginReference } from '../credentials/credentials';
import { configMap, serviceAccount } from '../kubernetes/common-objects';
import { Component } from '../kubernetes/component';
import { Connection, ConnectionClient, SecretVariable } from '../kubernetes/connection';
import { Container, Volume, VolumeMount } from '../kubernetes/manifest';
import { NetworkBoundary } from '../kubernetes/network-boundary';
import { ONCE_JOB_SUFFIX, onceJob } from '../kubernetes/once-job';
import { environment, mountConnections, podTemplate, scratch } from '../kubernetes/pod';
import { PlacementOptions } from '../kubernetes/pod-options';
import { PROGRAMS, programs } from '../kubernetes/program';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const FILES = ['secret_files.py', 'schema.py', 'migrate.py', 'dump-databases.sh'];
const WORK = '/work';
const PROGRAM_USERS = '/run/secrets/program-users';

export interface MigrationProps {
  /** MLflow's image: its schema is the one that is made. */
  readonly image: string;
  readonly placement: PlacementOptions;
  readonly dumpSpace: Size;
  /** Image with a `pg_dump` for the database. */
  readonly clientImage: string;
  /** Where dumps go: a URI that MLflow can write to. */
  readonly backups: string;
  readonly connect: (client: ConnectionClient) => Connection[];
  /** MLflow's own users: their database, the administrator, and the programs that get a user. */
  readonly auth?: {
    readonly databaseName: string;
    /** Text of `basic_auth.ini`. */
    readonly settings: string;
    readonly secretVariables: SecretVariable[];
    readonly programs: () => { username: string; login: LoginReference }[];
  };
}

/** Suffix of the longest name that a migration makes. */
export const MIGRATION_SUFFIX = `-migration${ONCE_JOB_SUFFIX}`;

/**
 * Brings the database to the schema of one MLflow version, once: under a lock, with a dump in the artifact store before
 * anything that exists is changed. Servers of that version wait until it is done.
 */
export class Migration extends Component {
  constructor(
    owner: Component,
    private readonly props: MigrationProps,
  ) {
    super(owner, 'migration', 'migration', ONCE_JOB_SUFFIX);
    const name = this.componentName;
    const client = { name: this.node.path, podLabels: this.podSelector, maxConnections: 10 };
    const connections = props.connect(client);
    const annotations = Object.assign({}, ...connections.map((connection) => connection.serviceAccountAnnotations ?? {}));
    serviceAccount(this, 'service-account', name, annotations);
    const files = { ...programs(...FILES), ...(props.auth && { 'basic_auth.ini': props.auth.settings }) };
    configMap(this, 'config-map', name, files);
    const network = new NetworkBoundary(this, 'network-policy', name, this.podSelector).allowDns();
    for (const { peer, port } of connections.flatMap((connection) => connection.egress)) network.allowTo(peer, port);
    onceJob(this, 'job', {
      name,
      activeDeadlineSeconds: 6 * 3600,
      backoffLimit: 10,
      inputs: () => Object.values(files),
      template: () => this.template(connections),
    });
  }

  private template(connections: Connection[]) {
    const { props } = this;
    const users = props.auth?.programs() ?? [];
    const mounted = mountConnections(connections, props.auth?.secretVariables);
    const mounts: VolumeMount[] = [
      { name: 'program', mountPath: PROGRAMS, readOnly: true },
      { name: 'work', mountPath: WORK },
      { name: 'tmp', mountPath: '/tmp' },
      ...mounted.mounts,
      ...users.map(({ username }) => ({
        name: `user-${username}`,
        mountPath: `${PROGRAM_USERS}/${username}`,
        readOnly: true,
      })),
    ];
    const env = environment({
      HOME: '/tmp',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      BACKUP_DESTINATION: props.backups,
      ...(props.auth && {
        AUTH_DATABASE: props.auth.databaseName,
        PROGRAM_USERS_DIRECTORY: PROGRAM_USERS,
        MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini`,
      }),
      ...mounted.environment,
    });
    const python = (name: string, command: string): Container => ({
      name,
      image: props.image,
      command: ['python', `${PROGRAMS}/migrate.py`, command],
      env,
      resources: renderResources({
        cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(512), limit: Size.gibibytes(2) },
        ephemeralStorage: { request: Size.mebibytes(64), limit: this.ephemeral() },
      }),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: mounts,
    });
    const dump: Container = {
      ...python('dump', ''),
      image: props.clientImage,
      command: ['sh', `${PROGRAMS}/dump-databases.sh`],
    };
    const volumes: Volume[] = [
      { name: 'program', configMap: { name: this.componentName } },
      scratch('work', props.dumpSpace.asString()),
      scratch('tmp', '256Mi'),
      ...mounted.volumes,
      ...users.map(({ username, login }) => ({
        name: `user-${username}`,
        secret: {
          secretName: login.secretName,
          defaultMode: 0o440,
          items: [
            { key: login.usernameKey, path: 'username' },
            { key: login.passwordKey, path: 'password' },
          ],
        },
      })),
    ];
    return podTemplate({
      labels: this.labels,
      serviceAccountName: this.componentName,
      user: ANY_USER,
      placement: props.placement,
      restartPolicy: 'Never',
      initContainers: [python('check', 'check'), dump],
      containers: [python('upgrade', 'upgrade')],
      volumes,
    });
  }

  private ephemeral(): Size {
    return Size.mebibytes(this.props.dumpSpace.toMebibytes() + 512);
  }
}
