import { readFileSync, rmSync, writeFileSync } from 'fs';
import { join } from 'path';
import { TARBALL, emptyFolder, install, run } from './package';
import { defaultImages } from '../support/images';
import { filesOf } from '../support/run';

jest.setTimeout(600_000);

const folder = emptyFolder();
const project = join(folder, 'project');

// The steps of a new user, in order: each test continues with the result of the test before it.
test('init writes a project with only the package installed', () => {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  install(folder, '--legacy-peer-deps', TARBALL);
  expect(run(folder, 'npx', 'cdk8s-mlflow', 'init', 'project')).toMatch(/npm run synth/);
  for (const file of ['package.json', 'package-lock.json', 'node_modules']) {
    rmSync(join(folder, file), { recursive: true });
  }
});

test('npm install and npx tsc --noEmit succeed in the project', () => {
  install(project, TARBALL);
  run(project, 'npx', 'tsc', '--noEmit');
});

test('npm test writes the snapshot the first time, then compares the platform with it', () => {
  run(project, 'npm', 'test');
  expect(Object.keys(filesOf(join(project, '__snapshots__')))).toEqual(['platform.test.ts.snap']);
  run(project, 'npm', 'test', '--', '--ci');

  const platform = join(project, 'platform.ts');
  const text = readFileSync(platform, 'utf8');
  writeFileSync(platform, text.replace("namespace: 'mlflow'", "namespace: 'other'"));
  expect(() => run(project, 'npm', 'test', '--', '--ci')).toThrow(/1 snapshot failed/);
  writeFileSync(platform, text.replace("namespace: 'mlflow'", 'namespace: 1'));
  expect(() => run(project, 'npm', 'test', '--', '--ci')).toThrow(/error TS2322/);
  writeFileSync(platform, text);
});

test('npx cdk8s synth writes dist/, and images lists its images', () => {
  run(project, 'npx', 'cdk8s', 'synth', '--check-upgrade', 'false');
  expect(Object.keys(filesOf(join(project, 'dist')))).toEqual(['mlflow.k8s.yaml']);
  const images = run(project, 'npx', 'cdk8s-mlflow', 'images').trimEnd().split('\n');
  expect(images).toEqual(defaultImages);
});
