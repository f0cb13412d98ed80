import { spawnSync } from 'child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join, relative, resolve } from 'path';
import { buildSync } from 'esbuild';

export const ROOT = resolve(__dirname, '../..');

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** In build/, because the library looks for build/runtime/ in its parent folders. */
const BUNDLES = join(ROOT, 'build', `bundles-${process.pid}`);

/**
 * Runs in a separate process, with a list of [bundle, output folder]. Programs run one after another, because loading
 * cdk8s takes longer than most of them. Each bundle has its own copy of the library.
 */
const RUNNER = `const [list, results] = process.argv.slice(2);
const outcomes = JSON.parse(list).map(([bundle, folder]) => {
  let said = '';
  const write = (text) => { said += text; return true; };
  const streams = [process.stdout, process.stderr];
  const before = streams.map((stream) => stream.write);
  streams.forEach((stream) => { stream.write = write; });
  process.env.CDK8S_OUTDIR = folder;
  process.argv = [process.argv[0], bundle, folder];
  process.exitCode = 0;
  try {
    require(bundle);
  } catch (error) {
    process.exitCode = 1;
    said += error?.stack ?? error;
  }
  streams.forEach((stream, index) => { stream.write = before[index]; });
  return { status: process.exitCode, said };
});
process.exitCode = 0;
require('fs').writeFileSync(results, JSON.stringify(outcomes));
`;

/** The files that a TypeScript program writes into a new folder, by name. It runs in a separate process. */
export function written(program: string, options: RunOptions = {}): Record<string, string> {
  const [files] = writtenByEach([program], options);
  return files();
}

/**
 * The files that each of several TypeScript programs writes into a new folder, by name. All run in one process, one after
 * another. The returned functions throw if their program fails, or prints something.
 */
export function writtenByEach(
  programs: string[],
  { cwd = ROOT, env = {} }: RunOptions = {},
): (() => Record<string, string>)[] {
  const folder = mkdtempSync(join(tmpdir(), 'synth-'));
  const list = programs.map((_, index) => [join(BUNDLES, `${index}.cjs`), join(folder, String(index))]);
  try {
    buildSync({
      entryPoints: programs.map((program, index) => ({ in: resolve(ROOT, program), out: String(index) })),
      outdir: BUNDLES,
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      packages: 'external',
      alias: { 'cdk8s-mlflow': join(ROOT, 'lib', 'index.ts') },
      logLevel: 'warning',
    });
    for (const [, output] of list) mkdirSync(output);
    const runner = join(BUNDLES, 'runner.cjs');
    const results = join(folder, 'results.json');
    writeFileSync(runner, RUNNER);
    const { status, stdout, stderr } = spawnSync(process.execPath, [runner, JSON.stringify(list), results], {
      cwd,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    if (status !== 0 || stdout + stderr !== '') {
      throw new Error(`${programs.join(', ')} exit with ${status}:\n${stdout}${stderr}`);
    }
    const outcomes: { status: number; said: string }[] = JSON.parse(readFileSync(results, 'utf8'));
    return outcomes.map((outcome, index) => {
      const files = filesOf(list[index][1]);
      return () => {
        if (outcome.status === 0 && outcome.said === '') return files;
        throw new Error(`${programs[index]} exits with ${outcome.status}:\n${outcome.said}`);
      };
    });
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
