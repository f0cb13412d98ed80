import { Component } from '../component/component';
import { Credentials, LoginReference } from '../credentials/credentials';
import { Connection, SecretFiles, SecretVariable } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';

/**
 * The environment variable by which MLflow tells boto3 whether the bucket's name is in the path or in the host. Boto3 itself
 * has none.
 */
export function addressingStyle(style: 'path' | 'virtual'): Record<string, string> {
  return { MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: style };
}

/** Folder in a container, with the files of a Secret that the connection to the store needs. */
export const STORE_FILES = '/etc/mlflow-store';
/** File of the authority of the store's certificate, in that folder. */
export const AUTHORITY_KEY = 'ca.crt';

export const ACCESS_KEY = 'AWS_ACCESS_KEY_ID';
export const SECRET_KEY = 'AWS_SECRET_ACCESS_KEY';

/** What a pod needs to reach a store that this library runs. */
export function embeddedStoreConnection(
  endpoint: string,
  login: LoginReference,
  egress: EgressRule,
  tlsSecretName?: string,
): Connection {
  return {
    environment: {
      MLFLOW_S3_ENDPOINT_URL: endpoint,
      AWS_DEFAULT_REGION: 'us-east-1',
      ...addressingStyle('path'),
      ...(tlsSecretName && { AWS_CA_BUNDLE: `${STORE_FILES}/${AUTHORITY_KEY}` }),
    },
    ...(tlsSecretName && { secretFiles: authorityFiles(tlsSecretName) }),
    secretVariables: s3Login(login),
    egress: [egress],
  };
}

/** The authority of the store's certificate, from the Secret of that. */
export function authorityFiles(tlsSecretName: string | undefined): SecretFiles[] {
  return tlsSecretName ? [{ secretName: tlsSecretName, keys: [AUTHORITY_KEY], directory: STORE_FILES }] : [];
}

/** Requests a key for such a store: in a Secret of this name, unless `given` says another. */
export function storeLogin(
  component: Component,
  prop: string,
  secretName: string,
  given = Credentials.generated(),
): LoginReference {
  return given._login(component, {
    prop,
    secretName,
    usernameKey: ACCESS_KEY,
    passwordKey: SECRET_KEY,
    username: { generate: 'access-key' },
    password: { generate: 'password' },
  });
}

/** The environment variables that boto3 reads. */
export function s3Login(login: LoginReference): SecretVariable[] {
  return [
    { variable: ACCESS_KEY, secretName: login.secretName, key: login.usernameKey },
    { variable: SECRET_KEY, secretName: login.secretName, key: login.passwordKey },
  ];
}
