import { databaseUri } from '../database/database-client';

/** MLflow's own login: who is not told otherwise may read. The administrator comes from the environment. */
export function authSettings(database: string): string {
  return [
    '[mlflow]',
    'default_permission = READ',
    `database_uri = ${databaseUri(database)}`,
    'authorization_function = mlflow.server.auth:authenticate_request_basic_auth',
    // Without it each request costs a slow password hash (6 requests/s against 178); a changed password counts after this.
    'auth_cache_ttl_seconds = 60',
    '',
  ].join('\n');
}
