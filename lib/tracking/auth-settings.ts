import { DefaultPermission, OidcPermissions } from './oidc-permissions';

/** Begins MLflow's names of programs, with single sign-on: as PROGRAM in runtime/mlflow/proxy_login.py. */
export const PROGRAM_USER = 'program:';
/** The administrator that MLflow creates at its first start. Nothing can log in as it. */
export const FIRST_ADMINISTRATOR = `${PROGRAM_USER}mlflow`;

/**
 * Settings of MLflow's permissions with single sign-on: the proxy has checked the login.
 *
 * @param uri of the database of users
 */
export function proxyAuthSettings(
  uri: string,
  { defaultPermission = DefaultPermission.READ }: OidcPermissions,
): string {
  return [
    '[mlflow]',
    `default_permission = ${defaultPermission}`,
    `database_uri = ${uri}`,
    'authorization_function = proxy_login:authenticate',
    `admin_username = ${FIRST_ADMINISTRATOR}`,
    '',
  ].join('\n');
}

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
