import { spawn, spawnSync } from 'node:child_process';

export const namespace = process.env.E2E_NAMESPACE ?? 'mlflow-e2e';

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Record<string, string>;
  readonly seconds?: number;
}

/** Runs a program to its end. */
export function run(command: string, args: string[], options: RunOptions = {}): Result {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    input: options.input,
    env: { ...process.env, ...options.env },
    timeout: (options.seconds ?? 300) * 1000,
    maxBuffer: 1 << 28,
  });
  if (error) throw new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`);
  return { status, stdout, stderr };
}

/** kubectl in the platform's namespace; throws where it fails. */
export function kubectl(...args: string[]): string {
  const result = run('kubectl', ['--namespace', namespace, ...args]);
  if (result.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

export function kubectlJson<T = any>(...args: string[]): T {
  return JSON.parse(kubectl(...args, '--output', 'json'));
}

/** A key of a Secret, as `kubectl get secret` shows it to a person. */
export function secretValue(name: string, key: string): string {
  const secret = kubectlJson<{ data: Record<string, string> }>('get', 'secret', name);
  return Buffer.from(secret.data[key] ?? '', 'base64').toString('utf8');
}

export interface Forward {
  readonly port: number;
  stop(): void;
}

/** `kubectl port-forward` to a free local port. */
export async function portForward(target: string, port: number): Promise<Forward> {
  const child = spawn('kubectl', ['--namespace', namespace, 'port-forward', target, `:${port}`]);
  const local = await new Promise<number>((resolve, reject) => {
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk;
      const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(text);
      if (found) resolve(Number(found[1]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`kubectl port-forward ${target}: ${text}`)));
  });
  return { port: local, stop: () => void child.kill() };
}

/** Waits until `probe` gives something, asking twice a second. */
export async function until<T>(what: string, seconds: number, probe: () => T | undefined | false): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** What a person would look at when something failed. */
export function report(): string {
  const parts = [
    ['get', 'pods,jobs,pvc', '--output', 'wide'],
    ['get', 'events', '--sort-by', '.lastTimestamp'],
  ].map((args) => run('kubectl', ['--namespace', namespace, ...args]).stdout);
  const pods = run('kubectl', ['--namespace', namespace, 'get', 'pods', '--output', 'name']).stdout.split('\n');
  for (const pod of pods.filter(Boolean)) {
    const logs = ['logs', pod, '--all-containers', '--prefix', '--tail', '30'];
    parts.push(run('kubectl', ['--namespace', namespace, ...logs]).stdout);
  }
  return parts.join('\n');
}
