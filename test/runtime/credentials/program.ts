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
  /** The plan file's content as it is, instead of the plan. */
  readonly planText?: string;
  readonly ca?: string;
  readonly token?: string;
  readonly deadlineSeconds?: number;
  readonly env?: Record<string, string>;
  /** The file `revision` that is mounted beside the plan; none without. */
  readonly revision?: string;
  /** What the program said on stderr so far, and the folder that is mounted. */
  readonly onStderr?: (said: string, folder: string) => void;
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the bundled program as the Job does, and fails if anything secret shows in what it says. */
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
    // Not by expect(…).not.toContain: a failing test must not print the value either.
    if (`${stdout}${stderr}`.includes(value)) throw new Error(`the program's output holds a secret value`);
  }
  return { code, stdout, stderr, seconds: (performance.now() - started) / 1000 };
}

/** Every value that was sent or stored, plain and in base64, except for the plan's literal ones. */
function secretsOf(server: ApiServer, plan: CredentialsPlan, options: RunOptions): string[] {
  const literals = plan.secrets.flatMap(({ keys }) =>
    Object.values(keys).flatMap((key) => ('value' in key ? [key.value] : [])),
  );
  // A user's name is no secret, also one that is not planned any more.
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
