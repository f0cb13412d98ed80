import { Login, python } from './client';
import { Platform } from './platform';

/** Logs a run through the proxy with MLflow's own client, and returns its id. */
export function logRun(platform: Pick<Platform, 'namespace' | 'name'>, login: Login, text: string): Promise<string> {
  return runs(platform, login, 'log', text);
}

/** Throws unless the run has everything that `logRun` wrote. */
export async function readRun(
  platform: Pick<Platform, 'namespace' | 'name'>,
  login: Login,
  text: string,
  run: string,
): Promise<void> {
  await runs(platform, login, 'read', text, run);
}

async function runs(platform: Pick<Platform, 'namespace' | 'name'>, login: Login, ...args: string[]): Promise<string> {
  const forward = await platform.namespace.forward(`service/${platform.name}-server`, 5000);
  try {
    const { status, stdout, stderr } = python('programs/runs.py', forward.port, login, args);
    if (status !== 0) throw new Error(`runs.py ${args.join(' ')}: ${stderr.slice(-2000)}`);
    return stdout.trim().split('\n').pop()!;
  } finally {
    forward.stop();
  }
}
