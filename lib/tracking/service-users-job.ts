import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Migration } from './migration';
import { onceJob } from '../component/once-job';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, contentHash, programs, withRevision } from '../component/program';
import { configMap } from '../component/standard-objects';
import { SecretVariable } from '../kubernetes/connection';
import { environment, mountConnections, scratch } from '../kubernetes/pod';
import { mergeResources, renderResources, resourceRules } from '../kubernetes/resources';
import { check } from '../kubernetes/rules';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const FILES = ['secret_files.py', 'mounted.py', 'schema.py', 'service_users.py'];
const PLAN = 'service-users.json';
const USERS = '/run/secrets/service-users';

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
  ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};

export interface ServiceUsersJobProps {
  /** Name of the Job without its hash, and of its ConfigMap. */
  readonly name: string;
  readonly image: string;
  readonly placement: PlacementOptions;
  readonly databaseName: string;
  /** Text of `basic_auth.ini`. */
  readonly settings: string;
  readonly secretVariables: SecretVariable[];
  readonly environment?: Record<string, string>;
  /** Secret with a file `<role>.<name>` for each service user. */
  readonly usersSecret: string;
  /** Of each `<role>.<name>`, asked at synth: the registered models that it may change. */
  readonly users: () => Record<string, string[]>;
}

/**
 * Creates the service users in MLflow's own login. It is a separate Job, so that a new user starts no migration and
 * restarts no server. Its pods have the migration's labels, ServiceAccount and NetworkPolicy.
 */
export function serviceUsersJob(migration: Migration, props: ServiceUsersJobProps): void {
  check(migration, resourceRules(mergeResources(resources, props.placement.jobResources), 'jobResources'));
  const content = () => ({
    ...programs(...FILES),
    'basic_auth.ini': props.settings,
    [PLAN]: `{${Object.entries(props.users())
      .map(([user, models]) => `\n${JSON.stringify(user)}:${JSON.stringify(models)}`)
      .join()}\n}\n`,
  });
  const files = () => withRevision(content());
  configMap(migration, 'users-config-map', props.name, files);
  onceJob(migration, 'users-job', {
    name: props.name,
    backoffLimit: 10,
    // Exit 3: a service user has the name of an administrator, or the database is a newer MLflow's.
    failOnExitCodes: { container: 'users', codes: [3] },
    inputs: () => Object.values(files()),
    pod: () => pod(migration, props, contentHash(content())),
  });
}

function pod(migration: Migration, props: ServiceUsersJobProps, revision: string): PodProps {
  const mounted = mountConnections([migration.database], props.secretVariables);
  return {
    user: ANY_USER,
    placement: props.placement,
    containers: [
      {
        name: 'users',
        image: props.image,
        command: ['python', `${PROGRAMS}/service_users.py`],
        env: environment({
          ...MLFLOW_PROGRAM,
          AUTH_DATABASE: props.databaseName,
          MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini`,
          SERVICE_USERS_DIRECTORY: USERS,
          SERVICE_USERS_FILE: `${PROGRAMS}/${PLAN}`,
          MOUNTED_REVISION: revision,
          ...mounted.environment,
          ...props.environment,
        }),
        resources: renderResources(mergeResources(resources, props.placement.jobResources)),
        securityContext: containerSecurity(ANY_USER),
        volumeMounts: [
          { name: 'program', mountPath: PROGRAMS, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'users', mountPath: USERS, readOnly: true },
          ...mounted.mounts,
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: props.name } },
      scratch('tmp', Size.mebibytes(128)),
      { name: 'users', secret: { secretName: props.usersSecret, defaultMode: 0o440 } },
      ...mounted.volumes,
    ],
  };
}
