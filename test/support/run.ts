import { spawnSync } from 'child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join, relative, resolve } from 'path';
import { buildSync } from 'esbuild';

export const ROOT = resolve(__dirname, '../..');

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Beside build/runtime/, which the library looks for above itself. */
const BUNDLES = join(ROOT, 'build', `bundles-${process.pid}`);

/**
 * What a TypeScript program writes into a new folder, by file name, when it runs as a process of its own. It runs bundled:
 * a loader of TypeScript in each process takes longer than the program.
 */
export function written(program: string, { cwd = ROOT, env = {} }: RunOptions = {}): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'synth-'));
  const bundle = join(BUNDLES, 'program.cjs');
  try {
    buildSync({
      entryPoints: [resolve(ROOT, program)],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      packages: 'external',
      alias: { 'cdk8s-mlflow': join(ROOT, 'lib', 'index.ts') },
      logLevel: 'warning',
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, folder], {
      cwd,
      env: { ...process.env, ...env, CDK8S_OUTDIR: folder },
      encoding: 'utf8',
    });
    if (status !== 0 || stdout + stderr !== '') throw new Error(`${program} exits with ${status}:\n${stdout}${stderr}`);
    return filesOf(folder);
  } finally {
    for (const each of [folder, BUNDLES]) rmSync(each, { recursive: true, force: true });
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
