// Translates the TypeScript of README and of the docstrings into Python, for the README of the wheel. The tool looks for its
// fixtures only in a folder `rosetta` next to package.json.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = `${root}/rosetta`;
cpSync(fileURLToPath(new URL('.', import.meta.url)), here, { recursive: true });
try {
  const { status } = spawnSync('npx', ['jsii-rosetta', 'extract', '--fail'], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(here, { recursive: true });
}
