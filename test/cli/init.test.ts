import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { writeFiles } from '../../cli/init';
import { project } from '../../cli/project';
import { devDependencies, peerDependencies } from '../../package.json';
import { filesOf } from '../support/run';
import { errorOf } from '../support/synth';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'init-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('a project is written as it is meant, into a folder that is not there yet', () => {
  writeFiles(join(folder, 'new', 'platform'), project());
  expect(filesOf(join(folder, 'new', 'platform'))).toEqual(project());
});

test('other files of the folder stay', () => {
  writeFileSync(join(folder, 'README.md'), 'mine');
  writeFiles(folder, project());
  expect(filesOf(folder)).toEqual({ ...project(), 'README.md': 'mine' });
});

test('if files exist already, all of them are named and nothing is written', () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  // A link to nowhere is a file that is there, too: writing would make what it leads to.
  symlinkSync(join(folder, 'nowhere'), join(folder, 'main.ts'));
  expect(errorOf(() => writeFiles(folder, project()))).toBe(
    `${folder}: main.ts, package.json there already, so nothing was written; expected a folder without, ` +
      'e.g. npx cdk8s-mlflow init platform',
  );
  expect(readdirSync(folder).sort()).toEqual(['main.ts', 'package.json']);
  expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe('{}');
});

const writable = 'expected a folder in which you may create files, e.g. npx cdk8s-mlflow init platform';

test.each<[string, string, string]>([
  ['a file', 'file', `file: a file; ${writable}`],
  ['a folder below a file', 'file/new/platform', `file: a file; ${writable}`],
  ['a link to itself', 'loop', `loop: too many symbolic links encountered (ELOOP); ${writable}`],
  ['a name that is too long', 'a'.repeat(300), `${'a'.repeat(300)}: name too long (ENAMETOOLONG); ${writable}`],
])('%s is refused with its path, and leaves nothing behind', (_, name, message) => {
  writeFileSync(join(folder, 'file'), 'mine');
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
  expect(errorOf(() => writeFiles(join(folder, name), project()))).toBe(join(folder, message));
  expect(readdirSync(folder).sort()).toEqual(['file', 'loop']);
});

test('an empty folder name is refused', () => {
  expect(errorOf(() => writeFiles('', project()))).toMatch(/^folder is ''; expected the name of a folder/);
});

test('if writing fails, the files and folders that were written are removed', () => {
  const files = { first: '', 'no-such-folder/second': '' };
  const path = join(folder, 'new', 'platform');
  expect(errorOf(() => writeFiles(path, files))).toBe(
    `${join(path, 'no-such-folder/second')}: no such file or directory (ENOENT); ${writable}`,
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('a project depends on the library, its peers, and what the library itself is tested with', () => {
  const written = JSON.parse(project()['package.json']);
  expect(written.dependencies).toEqual({ ...peerDependencies, 'cdk8s-mlflow': expect.stringMatching(/^\^\d/) });
  expect(written.devDependencies).toMatchObject({
    'cdk8s-cli': `^${devDependencies['cdk8s-cli']}`,
    typescript: devDependencies.typescript,
  });
});
