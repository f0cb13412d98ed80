import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
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

test('where files are there, all of them are named and nothing is written', () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  // A link to nowhere is a file that is there, too: writing would make what it leads to.
  symlinkSync(join(folder, 'nowhere'), join(folder, 'main.ts'));
  expect(errorOf(() => writeFiles(folder, project()))).toBe(
    `nothing written, as ${folder} has main.ts, package.json: name a folder without, or move them away`,
  );
  expect(readdirSync(folder).sort()).toEqual(['main.ts', 'package.json']);
  expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe('{}');
});

test('a file is no folder', () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'mine');
  expect(errorOf(() => writeFiles(file, project()))).toBe(`${file} is a file, not a folder`);
});

test('where writing fails, what was written is taken back', () => {
  const files = { first: '', 'no-such-folder/second': '' };
  expect(errorOf(() => writeFiles(folder, files))).toMatch(/ENOENT.*no-such-folder/);
  expect(existsSync(join(folder, 'first'))).toBe(false);
});

test('a project depends on the library, its peers, and what the library itself is tested with', () => {
  const written = JSON.parse(project()['package.json']);
  expect(written.dependencies).toEqual({ ...peerDependencies, 'cdk8s-mlflow': expect.stringMatching(/^\^\d/) });
  expect(written.devDependencies).toMatchObject({
    'cdk8s-cli': `^${devDependencies['cdk8s-cli']}`,
    typescript: devDependencies.typescript,
  });
});
