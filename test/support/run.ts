import { spawnSync } from 'child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join, relative, resolve } from 'path';
import { pathToFileURL } from 'url';

export const ROOT = resolve(__dirname, '../..');

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** What a TypeScript program writes into a new folder, by file name, when it runs as a process of its own. */
export function written(program: string, { cwd = ROOT, env = {} }: RunOptions = {}): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'synth-'));
  try {
    // By its URL, because a bare name would be looked for from the working directory.
    const loader = pathToFileURL(require.resolve('tsx')).href;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', loader, program, folder], {
      cwd,
      env: { ...process.env, ...env, CDK8S_OUTDIR: folder },
      encoding: 'utf8',
    });
    if (status !== 0 || stdout + stderr !== '') throw new Error(`${program} exits with ${status}:\n${stdout}${stderr}`);
    return filesOf(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text of each file of a folder, and of the folders in it. */
export function filesOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((file) => [relative(folder, file), readFileSync(file, 'utf8')]),
  );
}
