import { Authentication } from './authentication';
import { Component } from '../component/component';
import { Credentials, LoginReference } from '../credentials/credentials';

/** User of people in a generated Secret. */
export const ADMINISTRATOR = 'admin';

/** Users and passwords of people, for nginx. */
export function peopleSecret(server: Component, authentication: Authentication): LoginReference {
  const users = authentication._basic.users ?? Credentials.generated();
  return users._login(server, {
    prop: 'users',
    fixedKeys: true,
    secretName: `${server.instanceName}-basic-auth`,
    usernameKey: 'username',
    passwordKey: 'password',
    username: { value: ADMINISTRATOR },
    password: { generate: 'password' },
    more: { auth: { generate: 'htpasswd', username: 'username', password: 'password' } },
    // A Secret of `kubectl create secret generic … --from-file=auth` has only the file.
    optional: ['username', 'password'],
  });
}

/** The administrator of MLflow's own login. */
export function adminSecret(server: Component, authentication: Authentication): LoginReference {
  const admin = authentication._mlflow.admin ?? Credentials.generated();
  return admin._login(server, {
    prop: 'admin',
    secretName: `${server.componentName}-admin`,
    usernameKey: 'username',
    passwordKey: 'password',
    username: { value: ADMINISTRATOR },
    password: { generate: 'password' },
  });
}
