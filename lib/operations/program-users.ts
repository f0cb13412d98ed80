import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Migration } from './migration';
import { configMap } from '../kubernetes/common-objects';
import { SecretVariable } from '../kubernetes/connection';
import { onceJob } from '../kubernetes/once-job';
import { environment, mountConnections, podTemplate, scratch } from '../kubernetes/pod';
import { PlacementOptions } from '../kubernetes/pod-options';
import { PROGRAMS, programs } from '../kubernetes/program';
import { mergeResources, renderResources, resourceRules } from '../kubernetes/resources';
import { check } from '../kubernetes/rules';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const FILES = ['secret_files.py', 'schema.py', 'program_users.py'];
const PLAN = 'program-users.json';
const USERS = '/run/secrets/program-users';

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
  ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};

export interface ProgramUsersProps {
  /** Name of the Job without its hash, and of its ConfigMap. */
  readonly name: string;
  readonly image: string;
  readonly placement: PlacementOptions;
  readonly databaseName: string;
  /** Text of `basic_auth.ini`. */
  readonly settings: string;
  readonly secretVariables: SecretVariable[];
  readonly environment?: Record<string, string>;
  /** Secret with a file `<role>.<name>` for each program. */
  readonly usersSecret: string;
  /** Of each `<role>.<name>`, asked at synth: the registered models that it may change. */
  readonly users: () => Record<string, string[]>;
}

/**
 * Gives programs their users in MLflow's own login. A Job beside the migration, so that a program that is added touches
 * no schema and no server; its pods have the migration's labels, account and policy.
 */
export function programUsers(migration: Migration, props: ProgramUsersProps): void {
  check(migration, resourceRules(mergeResources(resources, props.placement.jobResources), 'jobResources'));
  const files = () => ({
    ...programs(...FILES),
    'basic_auth.ini': props.settings,
    [PLAN]: `{${Object.entries(props.users())
      .map(([user, models]) => `\n${JSON.stringify(user)}:${JSON.stringify(models)}`)
      .join()}\n}\n`,
  });
  configMap(migration, 'users-config-map', props.name, files);
  onceJob(migration, 'users-job', {
    name: props.name,
    backoffLimit: 10,
    // Exit 3: a program has the name of an administrator, or the database is a newer MLflow's.
    failOnExitCodes: { container: 'users', codes: [3] },
    inputs: () => Object.values(files()),
    template: () => template(migration, props),
  });
}

function template(migration: Migration, props: ProgramUsersProps) {
  const mounted = mountConnections([migration.database], props.secretVariables);
  return podTemplate({
    labels: migration.labels,
    serviceAccountName: migration.componentName,
    user: ANY_USER,
    placement: props.placement,
    restartPolicy: 'Never',
    containers: [
      {
        name: 'users',
        image: props.image,
        command: ['python', `${PROGRAMS}/program_users.py`],
        env: environment({
          HOME: '/tmp',
          PYTHONDONTWRITEBYTECODE: '1',
          PYTHONUNBUFFERED: '1',
          MLFLOW_DISABLE_TELEMETRY: 'true',
          AUTH_DATABASE: props.databaseName,
          MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini`,
          PROGRAM_USERS_DIRECTORY: USERS,
          PROGRAM_USERS_FILE: `${PROGRAMS}/${PLAN}`,
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
  });
}
