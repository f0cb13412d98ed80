import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServer, namespace, token } from './api-server';
import type { CredentialsPlan } from '../../../runtime/credentials/plan';

const bundle = join(__dirname, '../../../build/runtime/credentials.js');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  /** The text of the plan file, instead of the plan. */
  readonly planText?: string;
  readonly ca?: string;
  readonly token?: string;
  readonly deadlineSeconds?: number;
  readonly env?: Record<string, string>;
  /** The text of the file `revision` in the plan's folder. Without it, the file does not exist. */
  readonly revision?: string;
  /** The program's stderr until now, and the mounted folder. */
  readonly onStderr?: (said: string, folder: string) => void;
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the bundled program as the Job does. Fails if its output contains a secret value. */
export async function run(server: ApiServer, plan: CredentialsPlan, options: RunOptions = {}): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  writeFileSync(join(folder, 'ca.crt'), options.ca ?? server.certificate.cert);
  writeFileSync(join(folder, 'token'), options.token ?? token);
  writeFileSync(join(folder, 'namespace'), namespace);
  writeFileSync(join(folder, 'plan.json'), options.planText ?? JSON.stringify(plan));
  if (options.revision !== undefined) writeFileSync(join(folder, 'revision'), options.revision);
  const started = performance.now();
  const child = spawn(process.execPath, [bundle], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(server.port),
      SERVICE_ACCOUNT_DIRECTORY: folder,
      CREDENTIALS_PLAN: join(folder, 'plan.json'),
      CREDENTIALS_DEADLINE_SECONDS: String(options.deadlineSeconds ?? 20),
      ...options.env,
    },
  });
  options.onStart?.((signal) => child.kill(signal));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    options.onStderr?.(stderr, folder);
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  rmSync(folder, { recursive: true });
  for (const value of secretsOf(server, plan, options)) {
    // Not expect(…).not.toContain: it would print the value if it fails.
    if (`${stdout}${stderr}`.includes(value)) throw new Error(`the program's output holds a secret value`);
  }
  return { code, stdout, stderr, seconds: (performance.now() - started) / 1000 };
}

/** Every value that was sent or stored, plain and in base64, except the literal values of the plan. */
function secretsOf(server: ApiServer, plan: CredentialsPlan, options: RunOptions): string[] {
  const literals = plan.secrets.flatMap(({ keys }) =>
    Object.values(keys).flatMap((key) => ('value' in key ? [key.value] : [])),
  );
  // The name of a user is not secret, even if it is no longer in the plan.
  literals.push(...[...server.secrets.keys()].map((name) => server.values(name).username).filter(Boolean));
  const bodies = [...server.secrets.values(), ...server.seen.flatMap(({ body }) => body ?? [])];
  const values = bodies
    .flatMap(({ data = {} }) => Object.values(data))
    .filter((encoded) => encoded !== null)
    .map((encoded) => ({ encoded, plain: Buffer.from(encoded, 'base64').toString().trim() }))
    .filter(({ plain }) => plain !== '' && !literals.includes(plain))
    .flatMap(({ encoded, plain }) => [encoded, plain, plain.slice(plain.indexOf('}') + 1)]);
  return [...values, (options.token ?? token).trim()].filter((value) => value !== '');
}
