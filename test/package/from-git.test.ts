import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'fs';
import { dirname, join } from 'path';
import { pathToFileURL } from 'url';
import { TARBALL, emptyFolder, install, run } from './package';
import { Images } from '../../lib';
import { parseManifests } from '../output/manifests';
import { ROOT, filesOf } from '../support/run';

jest.setTimeout(600_000);

const folder = emptyFolder();
const repository = join(folder, 'repository');
const app = join(folder, 'app');

/** A repository with one commit: the files of this checkout, also those that are not committed yet. */
function commitFiles(): void {
  const listed = run(ROOT, 'git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
  for (const file of listed.split('\0').filter((name) => name && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(repository, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(repository, file));
  }
  run(repository, 'git', 'init', '--quiet');
  run(repository, 'git', 'add', '--all');
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  run(repository, 'git', ...author, 'commit', '--quiet', '--message', 'test');
}

beforeAll(() => {
  commitFiles();
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }');
  install(app, `git+${pathToFileURL(repository).href}`);
});

test('npm install git+… installs the files of the package', () => {
  const packed = run(ROOT, 'tar', '-tzf', TARBALL).trimEnd().split('\n');
  const installed = run(join(app, 'node_modules', 'cdk8s-mlflow'), 'find', '.', '-type', 'f')
    .trimEnd()
    .split('\n');
  expect(installed.map((file) => file.replace('./', 'package/')).sort()).toEqual(packed.sort());
});

test('plain JavaScript synthesizes a platform with a package that is installed from git', () => {
  const lines = [
    "const { App, Chart } = require('cdk8s');",
    "const { MlflowPlatform } = require('cdk8s-mlflow');",
    'const app = new App();',
    "new MlflowPlatform(new Chart(app, 'mlflow', { namespace: 'mlflow' }), 'mlflow');",
    'app.synth();',
  ];
  writeFileSync(join(app, 'main.js'), lines.join('\n'));
  run(app, 'node', 'main.js');
  const [manifests] = Object.values(filesOf(join(app, 'dist'))).map(parseManifests);
  expect(manifests).toContainEqual(
    expect.objectContaining({ kind: 'Deployment', metadata: expect.objectContaining({ name: 'mlflow-server' }) }),
  );
});

test('the command of a package that is installed from git works', () => {
  const images = run(app, 'npx', 'cdk8s-mlflow', 'images').trimEnd().split('\n');
  expect(Object.values(Images)).toEqual(expect.arrayContaining(images));
});
