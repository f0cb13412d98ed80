import { Component } from '../component/component';
import { Credentials } from '../credentials/credentials';
import { CredentialsJob } from '../credentials/credentials-job';

/** Variables with which MLflow encrypts what it stores: the secrets of webhooks, and those of its gateway. */
export const ENCRYPTION_KEYS = ['MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY', 'MLFLOW_CRYPTO_KEK_PASSPHRASE'];
/** The variable with which MLflow's own login signs sessions and forms. */
export const SESSION_KEY = 'MLFLOW_FLASK_SERVER_SECRET_KEY';

/** Requests the encryption keys, and returns the name of their Secret. */
export function encryptionKeys(server: Component, keys: Credentials): string {
  return keys._login(server, {
    prop: 'keys',
    fixedKeys: true,
    secretName: `${server.componentName}-secret`,
    usernameKey: ENCRYPTION_KEYS[0],
    passwordKey: ENCRYPTION_KEYS[1],
    username: { generate: 'fernet' },
    password: { generate: 'token' },
  }).secretName;
}

/** A separate Secret, because a platform that changes to MLflow's login already has that of the encryption keys. */
export function sessionSecret(server: Component): string {
  return CredentialsJob._of(server)._add({
    name: `${server.componentName}-session-secret`,
    keys: { [SESSION_KEY]: { generate: 'token' } },
  });
}

/** The key of the session cookie of oauth2-proxy, which all servers share. */
export const COOKIE_KEY = 'cookie-secret';

/** Requests a key of the cookie that an oauth2-proxy wants which checks tokens only, and returns the name of its Secret. */
export function tokenIssuerSecret(server: Component): string {
  return CredentialsJob._of(server)._add({
    name: `${server.componentName}-token-issuers`,
    keys: { [COOKIE_KEY]: { generate: 'password' } },
  });
}

/** Requests it, and returns the name of its Secret. */
export function signOnSecret(server: Component): string {
  return CredentialsJob._of(server)._add({
    name: `${server.componentName}-sso-session`,
    keys: { [COOKIE_KEY]: { generate: 'password' } },
  });
}
