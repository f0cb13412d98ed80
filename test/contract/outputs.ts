import { execFileSync } from 'child_process';
import { readFileSync } from 'fs';
import { join } from 'path';
import { Contract, contractOf } from './contract';
import { parseManifests } from '../output/manifests';
import { platformApp, platforms } from '../support/platforms';
import { ROOT } from '../support/run';
import { render } from '../support/synth';

/** Where the contract of the last release lies. */
export const RELEASED = join(__dirname, 'released.json');

export interface Release {
  readonly version: string;
  readonly outputs: Record<string, Contract>;
}

/**
 * The contract of each output as it is now: the platforms of test/support, main.ts (dist/), and every example whose
 * YAML is committed.
 */
export function outputs(): Record<string, Contract> {
  const found: Record<string, Contract> = {};
  for (const name of Object.keys(platforms) as (keyof typeof platforms)[]) {
    found[name] = contractOf(platformApp(name).charts.flatMap(render));
  }
  for (const [folder, files] of committed('dist', 'examples/*/dist')) {
    const objects = files.flatMap((file) => parseManifests(readFileSync(join(ROOT, file), 'utf8')));
    found[folder] = contractOf(objects);
  }
  return found;
}

/** YAML files by the folder `dist` that they are in. What only lies there, ignored by git, is of nobody else's. */
function committed(...folders: string[]): Map<string, string[]> {
  const patterns = folders.map((folder) => `:(glob)${folder}/**/*.yaml`);
  const files = execFileSync('git', ['ls-files', '-z', ...patterns], { cwd: ROOT, encoding: 'utf8' }).split('\0');
  const byFolder = new Map<string, string[]>();
  for (const file of files.filter(Boolean)) {
    const folder = file.replace(/(^|\/)dist\/.*/, '$1dist');
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
  }
  return byFolder;
}
