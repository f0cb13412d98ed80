import { spawnSync } from 'child_process';
import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { version } from '../../package.json';
import { ROOT } from '../support/run';

/** The package that pack.mjs packed. */
export const TARBALL = join(ROOT, 'build', 'package', `cdk8s-mlflow-${version}.tgz`);

/** Returns what a command writes to stdout. Throws if the command fails. */
export function run(folder: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    env: ENVIRONMENT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? `exit ${status}`}\n${stdout}${stderr}`);
  return stdout;
}

/** Installs packages as a user does. */
export function install(folder: string, ...packages: string[]): void {
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...packages);
}

/** An empty folder, for the tests of one file. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'package-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

// The environment of a user's shell, without the variables that npm and jest set for these tests.
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !['NODE_ENV', 'NODE_OPTIONS', 'JEST_WORKER_ID', 'CI'].includes(name) && !/^npm_(package|lifecycle)_/.test(name),
  ),
);
