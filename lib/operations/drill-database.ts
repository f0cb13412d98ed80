import { Connection } from '../kubernetes/connection';

const PORT = 5432;
export const DRILL_DATA = '/drill';

export const DRILL_MOUNTS = [
  { name: 'drill', mountPath: DRILL_DATA },
  // initdb refuses a user that is not in /etc/passwd.
  { name: 'program', mountPath: '/etc/passwd', subPath: 'passwd', readOnly: true },
];

/** The drill's PostgreSQL, in the same pod. */
export const drillDatabase: Connection = {
  environment: { PGHOST: '127.0.0.1', PGPORT: String(PORT), PGUSER: 'mlflow', PGDATABASE: 'postgres' },
  egress: [],
};
