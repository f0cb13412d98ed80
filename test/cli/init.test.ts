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

test('init writes all files of a project into a folder that it creates', () => {
  writeFiles(join(folder, 'new', 'platform'), project());
  expect(filesOf(join(folder, 'new', 'platform'))).toEqual(project());
});

test('init keeps other files of the folder', () => {
  writeFileSync(join(folder, 'README.md'), 'mine');
  writeFiles(folder, project());
  expect(filesOf(folder)).toEqual({ ...project(), 'README.md': 'mine' });
});

test('init names all files that exist and writes nothing', () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  // A broken symbolic link is an existing file too: writing to it would create its target.
  symlinkSync(join(folder, 'nowhere'), join(folder, 'main.ts'));
  expect(errorOf(() => writeFiles(folder, project()))).toBe(
    `${folder}: contains main.ts, package.json; expected a folder without these files, ` +
      'e.g. npx cdk8s-mlflow init platform. Nothing was written.',
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
])('init refuses %s with its path, and removes what it wrote', (_, name, message) => {
  writeFileSync(join(folder, 'file'), 'mine');
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
  expect(errorOf(() => writeFiles(join(folder, name), project()))).toBe(join(folder, message));
  expect(readdirSync(folder).sort()).toEqual(['file', 'loop']);
});

test('init refuses an empty folder name', () => {
  expect(errorOf(() => writeFiles('', project()))).toMatch(/^folder is ''; expected the name of a folder/);
});

test('init removes the files and folders that it wrote if writing fails', () => {
  const files = { first: '', 'no-such-folder/second': '' };
  const path = join(folder, 'new', 'platform');
  expect(errorOf(() => writeFiles(path, files))).toBe(
    `${join(path, 'no-such-folder/second')}: no such file or directory (ENOENT); ${writable}`,
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('a new project depends on the library, its peers, and the tools that the library is tested with', () => {
  const written = JSON.parse(project()['package.json']);
  expect(written.dependencies).toEqual({ ...peerDependencies, 'cdk8s-mlflow': expect.stringMatching(/^\^\d/) });
  expect(written.devDependencies).toMatchObject({
    'cdk8s-cli': `^${devDependencies['cdk8s-cli']}`,
    typescript: devDependencies.typescript,
  });
});
