import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CredentialsPlan, PlanError, validatePlan } from './plan';
import { SetupError } from '../kubernetes/failure';

/** Key and file beside the plan. */
export const REVISION = 'revision';

export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly serviceAccountDirectory: string;
  readonly planPath: string;
  /** The ConfigMap that the plan lies in, by which a run learns that another one was applied. */
  readonly planConfigMap?: string;
  /** What the file `revision` beside the plan says, if what is mounted is of this run's own Job. */
  readonly revision?: string;
  readonly deadlineMs: number;
}

export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const host = env.KUBERNETES_SERVICE_HOST;
  if (!host) throw new SetupError('KUBERNETES_SERVICE_HOST is not set; this program runs in a pod');
  return {
    host,
    port: positive('KUBERNETES_SERVICE_PORT', env.KUBERNETES_SERVICE_PORT || '443'),
    serviceAccountDirectory: env.SERVICE_ACCOUNT_DIRECTORY || '/var/run/secrets/kubernetes.io/serviceaccount',
    planPath: env.CREDENTIALS_PLAN || '/opt/cdk8s-mlflow/credentials.json',
    planConfigMap: env.CREDENTIALS_CONFIG_MAP_NAME || undefined,
    revision: env.MOUNTED_REVISION || undefined,
    deadlineMs: 1000 * positive('CREDENTIALS_DEADLINE_SECONDS', env.CREDENTIALS_DEADLINE_SECONDS || '120'),
  };
}

export function readPlanFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    throw new SetupError(`the plan ${path} cannot be read (${code}); CREDENTIALS_PLAN names the file`);
  }
}

/** The kubelet mounts a ConfigMap as it saw it last, which can be minutes behind what the Job was made for. */
export function isMounted(revision: string, planPath: string): boolean {
  try {
    return readFileSync(join(dirname(planPath), REVISION), 'utf8') === revision;
  } catch {
    return false;
  }
}

export function readPlan(path: string, text: string): CredentialsPlan {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    // The parser's own message would quote the file.
    throw new SetupError(`the plan ${path} is not JSON (${text.length} characters)`);
  }
  try {
    return validatePlan(input);
  } catch (error) {
    if (error instanceof PlanError) throw new SetupError(`the plan ${path} is wrong: ${error.problems.join(' | ')}`);
    throw error;
  }
}

function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new SetupError(`${name} is ${JSON.stringify(text.slice(0, 60))}; expected a whole number above 0`);
}
