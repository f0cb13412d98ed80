// What the program reads. A wrong setting ends it at once with code 2; nothing else does.
//
//   /etc/deployer/targets.json                 what to follow, see targets.ts (DEPLOYER_TARGETS names another file)
//   /run/secrets/mlflow/                       MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, a file each, read
//                                              anew for every request; without the files no login is sent
//                                              (MLFLOW_LOGIN_DIRECTORY names another folder)
//   /var/run/secrets/kubernetes.io/serviceaccount/   token, ca.crt, namespace (SERVICE_ACCOUNT_DIRECTORY)
//   KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT   as the kubelet sets them
//   LEASE_NAME                                 the Lease in POD_NAMESPACE that one replica holds
//   POD_NAME, POD_NAMESPACE                    by the downward API
//   HEALTH_PORT (8080), METRICS_PORT (9090)    /healthz and /metrics
//   NODE_EXTRA_CA_CERTS                        Node's own: a file with the authority of an https:// tracking server
//
// What its ServiceAccount needs:
//   in its own namespace   leases (coordination.k8s.io): get and update by name; create, unless the YAML has the Lease
//   in every serving's     deployments (apps): get and patch by name; events (events.k8s.io): create
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DeployerTarget, type DeployerTargets, problemsOfTargets, targetsOf } from './targets';
import { SetupError } from '../kubernetes/failure';

export interface Settings extends DeployerTargets {
  /** Read again before each poll, for its targets. */
  readonly targetsPath: string;
  readonly host: string;
  readonly port: number;
  readonly serviceAccountDirectory: string;
  readonly loginDirectory: string;
  readonly lease: { readonly name: string; readonly namespace: string; readonly holder: string };
  readonly healthPort: number;
  readonly metricsPort: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function readSettings(env: Environment): Settings {
  const targetsPath = env.DEPLOYER_TARGETS || '/etc/deployer/targets.json';
  return {
    ...readTargets(targetsPath),
    targetsPath,
    host: text(env, 'KUBERNETES_SERVICE_HOST'),
    port: port(env, 'KUBERNETES_SERVICE_PORT', '443'),
    serviceAccountDirectory: env.SERVICE_ACCOUNT_DIRECTORY || '/var/run/secrets/kubernetes.io/serviceaccount',
    loginDirectory: env.MLFLOW_LOGIN_DIRECTORY || '/run/secrets/mlflow',
    lease: { name: text(env, 'LEASE_NAME'), namespace: text(env, 'POD_NAMESPACE'), holder: text(env, 'POD_NAME') },
    healthPort: port(env, 'HEALTH_PORT', '8080'),
    metricsPort: port(env, 'METRICS_PORT', '9090'),
  };
}

function readTargets(path: string): DeployerTargets {
  let input: unknown;
  try {
    input = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SetupError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'it is not JSON'})`);
  }
  const problems = problemsOfTargets(input);
  if (problems.length > 0) throw new SetupError(`${path} is wrong: ${problems.join(' | ')}`);
  const found = input as DeployerTargets;
  return { ...found, targets: targetsOf(found) };
}

/** Reads the targets anew: the kubelet brings the file up to date while the program runs. */
export class TargetsFile {
  private trouble = '';

  constructor(
    private readonly path: string,
    private targets: readonly DeployerTarget[],
    /** Told once of each thing that is wrong; then the targets stay as they were. */
    private readonly complain: (message: string) => void,
    private readonly changed: (targets: readonly DeployerTarget[]) => void,
  ) {}

  public read(): readonly DeployerTarget[] {
    let trouble = '';
    try {
      const targets = targetsOf(readTargets(this.path), this.targets);
      if (JSON.stringify(targets) !== JSON.stringify(this.targets)) {
        this.targets = targets;
        this.changed(targets);
      }
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      trouble = error.message;
    }
    if (trouble && trouble !== this.trouble) this.complain(`${trouble}; the targets stay as they were`);
    this.trouble = trouble;
    return this.targets;
  }
}

export interface Login {
  /** The header's value; undefined when the folder has no login. */
  readonly authorization?: string;
  readonly password?: string;
}

export function readLogin(directory: string): Login {
  const read = (file: string) => {
    try {
      return readFileSync(join(directory, file), 'utf8').replace(/\r?\n$/, '');
    } catch {
      return '';
    }
  };
  const username = read('MLFLOW_TRACKING_USERNAME');
  const password = read('MLFLOW_TRACKING_PASSWORD');
  if (username === '' || password === '') return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`, password };
}

function text(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new SetupError(`${name} is not set; the pod's template has to set it`);
  return value;
}

function port(env: Environment, name: string, usual: string): number {
  const value = env[name] || usual;
  if (/^[1-9]\d{0,4}$/.test(value) && Number(value) < 65536) return Number(value);
  throw new SetupError(`${name} is ${JSON.stringify(value.slice(0, 60))}; expected a port number`);
}
