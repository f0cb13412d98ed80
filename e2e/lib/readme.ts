import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process';

/** The commands of a section of the README, as a person would paste them, with another namespace than `mlflow`. */
export function commandsOf(section: string, namespace: string): string {
  const readme = readFileSync(join(__dirname, '..', '..', 'README.md'), 'utf8');
  const text = readme.split(/^## /m).find((each) => each.startsWith(`${section}\n`)) ?? '';
  const blocks = [...text.matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block);
  if (blocks.length === 0) throw new Error(`README.md has no commands under '${section}'`);
  return blocks.join('').replaceAll('-n mlflow ', `-n ${namespace} `);
}

/** Throws where one of the commands fails. */
export function paste(commands: string, folder: string): string {
  const { status, stdout, stderr } = run('bash', ['-c', `set -euo pipefail; cd "$0"; ${commands}`, folder]);
  if (status !== 0) throw new Error(`${commands}\n${stdout}\n${stderr}`);
  return stdout;
}
