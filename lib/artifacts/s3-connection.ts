import { LoginReference } from '../credentials/credentials';
import { SecretVariable } from '../kubernetes/connection';

/** The variable by which MLflow tells boto3 where the bucket's name stands. Boto3 itself reads none. */
export function addressingStyle(style: 'path' | 'virtual'): Record<string, string> {
  return { MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: style };
}

/** Folder in a container with files of a Secret by which the store is reached. */
export const STORE_FILES = '/etc/mlflow-store';
/** The authority of the store's certificate in it. */
export const AUTHORITY_KEY = 'ca.crt';

export const ACCESS_KEY = 'AWS_ACCESS_KEY_ID';
export const SECRET_KEY = 'AWS_SECRET_ACCESS_KEY';

/** The variables that boto3 reads. */
export function s3Login(login: LoginReference): SecretVariable[] {
  return [
    { variable: ACCESS_KEY, secretName: login.secretName, key: login.usernameKey },
    { variable: SECRET_KEY, secretName: login.secretName, key: login.passwordKey },
  ];
}
