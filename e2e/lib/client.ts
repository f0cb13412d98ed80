import { join } from 'node:path';
import { Namespace } from './namespace';
import { Result, run } from './process';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export function loginOf(namespace: Namespace, secret: string): Login {
  return { username: namespace.secret(secret, 'username'), password: namespace.secret(secret, 'password') };
}

export function basic({ username, password }: Login): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** A line of an htpasswd file, in the form that `htpasswd` writes. */
export function htpasswd(login: Login): string {
  const { stdout } = run('openssl', ['passwd', '-apr1', '-stdin'], { input: login.password });
  return `${login.username}:${stdout}`;
}

/** Runs a Python program of e2e/ with MLflow's own client, which finds the server by environment variables. */
export function python(script: string, port: number, login: Login, args: string[] = []): Result {
  return run(process.env.E2E_PYTHON ?? 'python3', [join(__dirname, '..', script), ...args], {
    env: {
      MLFLOW_TRACKING_URI: `http://127.0.0.1:${port}`,
      MLFLOW_TRACKING_USERNAME: login.username,
      MLFLOW_TRACKING_PASSWORD: login.password,
      PYTHONWARNINGS: 'ignore',
    },
  });
}
