import { lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'fs';
import { join } from 'path';
import { Command } from 'commander';
import { project } from './project';

export function initCommand(): Command {
  return new Command('init')
    .description('write a working project: an app with a platform, a snapshot test, and the settings of both')
    .argument('[folder]', 'where to: made if it is not there; no file in it is overwritten', '.')
    .action((folder: string) => {
      const files = project();
      writeFiles(folder, files);
      console.log(`Wrote ${Object.keys(files).join(', ')}\n\nNext:${nextSteps(folder)}`);
    });
}

/**
 * Writes all files or none: stops where one of them is there, and takes back what it wrote where writing fails.
 * @internal for tests
 */
export function writeFiles(folder: string, files: Record<string, string>): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) throw new Error(`${folder} is a file, not a folder`);
  const there = Object.keys(files).filter((file) => lstatSync(join(folder, file), { throwIfNoEntry: false }));
  if (there.length > 0) {
    const place = folder === '.' ? 'this folder' : folder;
    throw new Error(`nothing written, as ${place} has ${there.join(', ')}: name a folder without, or move them away`);
  }
  const written: string[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(folder, file), text, { flag: 'wx' });
      written.push(file);
    }
  } catch (error) {
    for (const file of written) rmSync(join(folder, file));
    throw error;
  }
}

function nextSteps(folder: string): string {
  const steps = [
    ['npm install', ''],
    ['npm run synth', 'writes the platform to dist/mlflow.k8s.yaml'],
    ['npm test', 'checks types and the snapshot; its first run writes the snapshot'],
    ['kubectl apply -f dist/mlflow.k8s.yaml', ''],
  ];
  if (folder !== '.') steps.unshift([`cd ${/^[\w./-]+$/.test(folder) ? folder : `'${folder}'`}`, '']);
  const lines = steps.map(([command, comment]) => `  ${comment ? `${command.padEnd(15)} # ${comment}` : command}`);
  return `\n${lines.join('\n')}\n\nplatform.ts is yours to change. Commit dist/ and __snapshots__/.`;
}
