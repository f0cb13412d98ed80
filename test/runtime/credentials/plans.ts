import type { CredentialsPlan, PlannedSecret } from '../../../runtime/credentials/plan';

export const postgres: PlannedSecret = {
  name: 'mlflow-postgres-secret',
  labels: { 'app.kubernetes.io/name': 'postgres', 'app.kubernetes.io/managed-by': 'cdk8s' },
  annotations: { 'example.com/team': 'ml' },
  keys: {
    POSTGRES_USER: { value: 'postgres' },
    POSTGRES_PASSWORD: { generate: 'password' },
    POSTGRES_DB: { value: 'mlflow' },
  },
};

export const login: PlannedSecret = {
  name: 'mlflow-login',
  labels: {},
  type: 'kubernetes.io/basic-auth',
  keys: {
    // It is before the keys that it uses, to test that the order does not matter.
    htpasswd: { generate: 'htpasswd', username: 'username', password: 'password' },
    username: { value: 'admin' },
    password: { generate: 'password' },
    key: { generate: 'fernet' },
    access: { generate: 'access-key' },
    flask: { generate: 'token' },
  },
  optional: ['flask'],
};

export const plan: CredentialsPlan = { secrets: [postgres, login] };
