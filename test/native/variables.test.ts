// Each variable is in the text of the package that reads it: MLflow, boto3 and libpq, as the tests install them.
import { spawnSync } from 'child_process';
import { readFileSync, readdirSync } from 'fs';
import { dirname, join } from 'path';
import { READERS } from '../../docs/generate/variables';
import { ROOT } from '../support/run';

function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

const python = output('bash', 'e2e/venv');
const packages = output(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))');

/** Sources of a package, without the file in which MLflow only declares its variables. */
function sourcesOf(name: string): string[] {
  return readdirSync(join(packages, name), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.py') && file !== 'environment_variables.py')
    .map((file) => readFileSync(join(packages, name, file), 'utf8'));
}

/** The bytes of all files whose path begins with the argument. */
function libraryOf(path: string): string[] {
  const folder = dirname(join(packages, path));
  return readdirSync(folder)
    .filter((file) => join(folder, file).startsWith(join(packages, path)))
    .map((file) => readFileSync(join(folder, file), 'latin1'));
}

const unread = (texts: string[], variables: readonly string[]) =>
  variables.filter((variable) => {
    const word = new RegExp(`(?<![A-Z_])${variable}(?![A-Z_])`);
    return !texts.some((text) => word.test(text));
  });

const inPackages = READERS.flatMap(({ name, where, variables }) =>
  'package' in where ? [{ name, folder: where.package, variables }] : [],
);
const inLibraries = READERS.flatMap(({ name, where, variables }) =>
  'library' in where ? [{ name, path: where.library, variables }] : [],
);

test.each(inPackages)('$name reads the variables of the table', ({ folder, variables }) => {
  const sources = sourcesOf(folder);
  expect(sources.length).toBeGreaterThan(10);
  expect(unread(sources, variables)).toEqual([]);
  // Proves that the check can fail: boto3 does not read this variable.
  expect(unread(sources, ['AWS_S3_ADDRESSING_STYLE'])).toEqual(['AWS_S3_ADDRESSING_STYLE']);
});

test.each(inLibraries)('$name reads the variables of the table', ({ path, variables }) => {
  const libraries = libraryOf(path);
  expect(libraries).toHaveLength(1);
  expect(unread(libraries, variables)).toEqual([]);
});

test('Python reads the variables of the table', () => {
  const { variables } = READERS.find(({ name }) => name === 'Python')!;
  const told = output(python, '--help-env');
  // The help does not mention HOME, which expanduser reads.
  expect(unread([told], variables)).toEqual(['HOME']);
  expect(output('env', 'HOME=/here', python, '-c', 'import os.path; print(os.path.expanduser("~"))')).toBe('/here');
});
