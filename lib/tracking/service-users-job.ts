import { Migration } from './migration';
import { PlanJobOptions, planJob } from './plan-job';
import { PROGRAMS } from '../component/program';
import { SecretVariable } from '../kubernetes/connection';

const PLAN = 'service-users.json';
const USERS = '/run/secrets/service-users';

export interface ServiceUsersJobProps extends PlanJobOptions {
  readonly databaseName: string;
  /** Text of `basic_auth.ini`. */
  readonly settings: string;
  readonly secretVariables: SecretVariable[];
  /** Secret with a file `<role>.<name>` for each service user. */
  readonly usersSecret: string;
  /** Of each `<role>.<name>`, asked at synth: the registered models that it may change. */
  readonly users: () => Record<string, string[]>;
}

/**
 * Creates the service users in MLflow's own login: a new user restarts no server. Exit code 3: a service user has the name of an
 * administrator, or the database is a newer MLflow's.
 */
export function serviceUsersJob(migration: Migration, props: ServiceUsersJobProps): void {
  const { name, image, placement, environment, secretVariables } = props;
  planJob(migration, {
    ...{ name, image, placement, environment, secretVariables },
    id: 'users',
    program: 'service_users.py',
    files: () => ({
      'basic_auth.ini': props.settings,
      [PLAN]: `{${Object.entries(props.users())
        .map(([user, models]) => `\n${JSON.stringify(user)}:${JSON.stringify(models)}`)
        .join()}\n}\n`,
    }),
    variables: {
      AUTH_DATABASE: props.databaseName,
      MLFLOW_AUTH_CONFIG_PATH: `${PROGRAMS}/basic_auth.ini`,
      SERVICE_USERS_DIRECTORY: USERS,
      SERVICE_USERS_FILE: `${PROGRAMS}/${PLAN}`,
    },
    mounts: [{ name: 'users', mountPath: USERS, readOnly: true }],
    volumes: [{ name: 'users', secret: { secretName: props.usersSecret, defaultMode: 0o440 } }],
  });
}
