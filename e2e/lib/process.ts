import { spawnSync } from 'node:child_process';

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

/** Runs a program and waits for its end. */
export function run(command: string, args: string[], options: RunOptions = {}): Result {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    input: options.input,
    env: { ...process.env, ...options.env },
    timeout: (options.seconds ?? 300) * 1000,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error) throw new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`);
  return { status, stdout, stderr };
}

/** Calls `probe` twice a second until it returns a truthy value. */
export async function until<T>(
  what: string,
  seconds: number,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
