import { PlacementOptions } from '../component/pod-options';
import { Connection } from '../kubernetes/connection';
import { ANY_USER } from '../kubernetes/security';

const PORT = 5432;
export const DRILL_DATA = '/drill';

/** initdb refuses a user without a name. A user that the cluster chooses gets one from run-postgres.sh. */
export function passwd({ clusterAssignsUsers }: PlacementOptions): Record<string, string> {
  return clusterAssignsUsers ? {} : { passwd: `mlflow:x:${ANY_USER}:${ANY_USER}::/tmp:/bin/sh\n` };
}

export function drillMounts(placement: PlacementOptions) {
  const names = Object.keys(passwd(placement));
  return [
    { name: 'drill', mountPath: DRILL_DATA },
    ...names.map((name) => ({ name: 'program', mountPath: `/etc/${name}`, subPath: name, readOnly: true })),
  ];
}

/** The drill's PostgreSQL, in the same pod. */
export const drillDatabase: Connection = {
  environment: { PGHOST: '127.0.0.1', PGPORT: String(PORT), PGUSER: 'mlflow', PGDATABASE: 'postgres' },
  egress: [],
};
