import { lstatSync, mkdirSync, rmSync, rmdirSync, statSync, writeFileSync } from 'fs';
import { dirname, join, normalize } from 'path';
import { Command } from 'commander';
import { withPath } from './file-errors';
import { project } from './project';

export function initCommand(): Command {
  return new Command('init')
    .description('create a project: an app with a platform, a snapshot test, and their settings')
    .argument('[folder]', 'folder of the project: created if it does not exist; no file is overwritten', '.')
    .action((folder: string) => {
      const files = project();
      writeFiles(folder, files);
      console.log(`Wrote ${Object.keys(files).join(', ')}\n\nNext:${nextSteps(folder)}`);
    });
}

/**
 * Writes all files or none: stops if one of them exists, and removes what it wrote if writing fails.
 * @internal for tests
 */
export function writeFiles(folder: string, files: Record<string, string>): void {
  if (folder === '') {
    throw new Error("folder is ''; expected the name of a folder, e.g. platform. Is its variable set?");
  }
  const written: string[] = [];
  try {
    written.push(...makeFolders(folder));
    const place = folder === '.' ? 'this folder' : folder;
    const existing = Object.keys(files).filter((file) =>
      withPath(place, 'a folder', () => lstatSync(join(folder, file), { throwIfNoEntry: false })),
    );
    if (existing.length > 0) {
      throw new Error(
        `${place}: contains ${existing.join(', ')}; expected a folder without these files, ` +
          'e.g. npx cdk8s-mlflow init platform. Nothing was written.',
      );
    }
    for (const [file, text] of Object.entries(files)) {
      const path = join(folder, file);
      withPath(path, WRITABLE, () => writeFileSync(path, text, { flag: 'wx' }));
      written.push(path);
    }
  } catch (error) {
    for (const path of written.reverse()) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

const WRITABLE = 'a folder in which you may create files, e.g. npx cdk8s-mlflow init platform';

/**
 * Creates a folder and its missing parents, one at a time, and returns those that it created. `mkdirSync` with `recursive`
 * never returns below a broken link or in /proc: there mkdir fails with ENOENT although the parent exists.
 */
function makeFolders(folder: string): string[] {
  const made: string[] = [];
  try {
    withPath(folder, WRITABLE, () => {
      const missing: string[] = [];
      let path = normalize(folder);
      for (; !exists(path); path = dirname(path)) missing.unshift(path);
      if (!statSync(path).isDirectory()) throw new Error(`${path}: a file; expected ${WRITABLE}`);
      for (const each of missing) {
        mkdirSync(each);
        made.push(each);
      }
    });
  } catch (error) {
    for (const path of made.reverse()) rmdirSync(path);
    throw error;
  }
  return made;
}

/** Whether a path exists. Below a file Node.js 20 throws ENOTDIR, also with `throwIfNoEntry: false`; Node.js 22 does not. */
function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function nextSteps(folder: string): string {
  const steps = [
    ['npm install', ''],
    ['npm run synth', 'writes the platform to dist/mlflow.k8s.yaml'],
    ['npm test', 'checks types and the snapshot; the first run writes the snapshot'],
    ['kubectl apply -f dist/mlflow.k8s.yaml', ''],
  ];
  if (folder !== '.') steps.unshift([`cd ${/^[\w./-]+$/.test(folder) ? folder : `'${folder}'`}`, '']);
  const lines = steps.map(([command, comment]) => `  ${comment ? `${command.padEnd(15)} # ${comment}` : command}`);
  return `\n${lines.join('\n')}\n\nChange platform.ts as you need it. Commit dist/ and __snapshots__/.`;
}
