/**
 * Settings of MLflow's own login: users may read by default. The administrator comes from the environment.
 *
 * @param uri of the database of users
 */
export function authSettings(uri: string): string {
  return [
    '[mlflow]',
    'default_permission = READ',
    `database_uri = ${uri}`,
    'authorization_function = mlflow.server.auth:authenticate_request_basic_auth',
    // Without it each request needs a slow password hash (6 requests/s instead of 178). A changed password takes effect
    // after this time.
    'auth_cache_ttl_seconds = 60',
    '',
  ].join('\n');
}
