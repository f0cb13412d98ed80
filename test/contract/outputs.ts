import { existsSync, readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { Contract, contractOf } from './contract';
import { parseManifests } from '../output/manifests';
import { platformApp, platforms } from '../support/platforms';
import { ROOT } from '../support/run';
import { render } from '../support/synth';

/** The file with the contract of the last release. */
export const RELEASED = join(__dirname, 'released.json');

export interface Release {
  readonly version: string;
  readonly outputs: Record<string, Contract>;
}

/**
 * The present contract of each output: the platforms of test/support, main.ts (dist/), and each example that has a dist/.
 */
export function outputs(): Record<string, Contract> {
  const found: Record<string, Contract> = {};
  for (const name of Object.keys(platforms) as (keyof typeof platforms)[]) {
    found[name] = contractOf(platformApp(name).charts.flatMap(render));
  }
  for (const folder of ['dist', ...examples()]) {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
    const manifests = files.filter((file) => file.endsWith('.yaml')).sort();
    found[folder] = contractOf(
      manifests.flatMap((file) => parseManifests(readFileSync(join(ROOT, folder, file), 'utf8'))),
    );
  }
  return found;
}

function examples(): string[] {
  if (!existsSync(join(ROOT, 'examples'))) return [];
  const folders = readdirSync(join(ROOT, 'examples')).sort();
  return folders.map((name) => `examples/${name}/dist`).filter((folder) => existsSync(join(ROOT, folder)));
}
