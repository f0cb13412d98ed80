import { Size } from 'cdk8s';
import { Rule } from '../kubernetes/rules';

/** Connections kept free for people, monitoring and backups. Postgres itself keeps 3 for superusers. */
const RESERVED_CONNECTIONS = 20;
/** Memory of a backend that runs MLflow's queries: work_mem and its own caches. */
const MEBIBYTES_A_CONNECTION = 8;
const WORK_MEM_MEBIBYTES = 4;

export interface Tuning {
  readonly memoryMebibytes: number;
  readonly neededConnections: number;
  /** The number that the user set, if any. */
  readonly maxConnections?: number;
}

/** Rounded up to a multiple of 25, because a new value restarts the database. */
export function maxConnections(tuning: Tuning): number {
  return tuning.maxConnections ?? Math.max(50, Math.ceil((tuning.neededConnections + RESERVED_CONNECTIONS) / 25) * 25);
}

/**
 * Settings of `postgres -c`, from the memory limit: a quarter of it for shared_buffers, and three quarters for
 * effective_cache_size, as PostgreSQL's manual advises (sections 19.4 and 19.7).
 */
export function settings(tuning: Tuning): Record<string, string> {
  const memory = tuning.memoryMebibytes;
  return {
    max_connections: String(maxConnections(tuning)),
    shared_buffers: `${Math.floor(memory / 4)}MB`,
    effective_cache_size: `${Math.floor((memory * 3) / 4)}MB`,
    maintenance_work_mem: `${Math.max(16, Math.floor(memory / 16))}MB`,
    work_mem: `${WORK_MEM_MEBIBYTES}MB`,
  };
}

export function tuningRules(tuning: Tuning): Rule[] {
  const most = maxConnections(tuning);
  const available = Math.floor(tuning.memoryMebibytes * 0.9) - Math.floor(tuning.memoryMebibytes / 4);
  const fits = Math.floor(available / MEBIBYTES_A_CONNECTION);
  const least = tuning.neededConnections + 3;
  return [
    {
      wrong: most < least,
      given: `maxConnections is ${most}`,
      want:
        `expected at least ${least}: its clients can open ${tuning.neededConnections} and 3 are ` +
        'kept for superusers; or fewer servers, or fewer requests at once (maxDatabaseRequests)',
    },
    {
      wrong: most > fits,
      given: `max_connections is ${most} with a memory limit of ${Size.mebibytes(tuning.memoryMebibytes).asString()}`,
      want:
        // Do not suggest a smaller number if the clients need more.
        `expected ${least > fits ? '' : `at most ${fits} (${MEBIBYTES_A_CONNECTION}Mi each beside shared_buffers), `}` +
        `a memory limit of ${Math.ceil((most * MEBIBYTES_A_CONNECTION) / 0.65 / 64) * 64}Mi, fewer servers, or fewer ` +
        'requests at once (maxDatabaseRequests)',
    },
  ];
}
