import { readFileSync, writeFileSync } from 'fs';
import { join } from 'path';
import { TARBALL, emptyFolder, install, run } from './package';
import { peerDependencies } from '../../package.json';
import { parseManifests } from '../output/manifests';
import { ROOT, filesOf } from '../support/run';

jest.setTimeout(600_000);

// `cdk8s init typescript-app` writes these settings and versions.
const TEMPLATE = join(ROOT, 'node_modules', 'cdk8s-cli', 'templates', 'typescript-app');
const { devDependencies } = JSON.parse(readFileSync(join(TEMPLATE, 'package.json'), 'utf8'));

const folder = emptyFolder();
const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
const peers = Object.entries(peerDependencies);

beforeAll(() => {
  write('package.json', '{ "private": true }');
  const compiler = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  install(folder, TARBALL, ...peers.map(([name, range]) => `${name}@${range}`), ...compiler);
});

test('a strictly compiled app of `cdk8s init` writes the same dist/ from main.ts', () => {
  write('tsconfig.json', readFileSync(join(TEMPLATE, 'tsconfig.json'), 'utf8'));
  write('main.ts', readFileSync(join(ROOT, 'main.ts'), 'utf8').replace("from './lib'", "from 'cdk8s-mlflow'"));
  run(folder, 'npx', 'tsc', '--build');
  run(folder, 'node', 'main.js');
  // Compares objects, not bytes, because a newer cdk8s can format the same YAML in another way.
  const objects = (dist: string) => Object.entries(filesOf(dist)).map(([file, text]) => [file, parseManifests(text)]);
  expect(objects(join(folder, 'dist'))).toEqual(objects(join(ROOT, 'dist')));
});

const strict = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022'];

test('strict TypeScript refuses a wrong prop', () => {
  write('wrong.ts', "import { Exposure } from 'cdk8s-mlflow';\nExposure.ingress({ hosts: 'mlflow.example.com' });\n");
  expect(() => run(folder, 'npx', 'tsc', '--noEmit', ...strict, 'wrong.ts')).toThrow(
    /: exit 2\nwrong\.ts\(2,20\): error TS2561: .* 'IngressExposureProps'/,
  );
});

test('an ES module of strict TypeScript compiles and runs', () => {
  write(
    'module.mts',
    "import { MlflowPlatform } from 'cdk8s-mlflow';\nclass Mine extends MlflowPlatform {}\nconsole.log(Mine.name);\n",
  );
  run(folder, 'npx', 'tsc', ...strict, 'module.mts');
  expect(run(folder, 'node', 'module.mjs')).toBe('Mine\n');
});

const names = (): string[] =>
  JSON.parse(run(folder, 'node', '-p', "JSON.stringify(Object.keys(require('cdk8s-mlflow')).sort())"));

test('require() of CommonJS returns the constructs', () => {
  expect(names()).toEqual(expect.arrayContaining(['MlflowPlatform', 'ModelServing', 'TrackingServer']));
});

test('an ES module can import every name that require() returns', () => {
  // If Node.js does not detect a name in the compiled CommonJS, the import fails before the first line runs.
  write(
    'named.mjs',
    `import { ${names().join(', ')} } from 'cdk8s-mlflow';\nconsole.log([${names().join(', ')}].length);\n`,
  );
  expect(run(folder, 'node', 'named.mjs')).toBe(`${names().length}\n`);
});

test.each(peers)('%s is installed once, in the newest version of %s', (name, range) => {
  const { dependencies } = JSON.parse(run(folder, 'npm', 'ls', name, '--all', '--json'));
  const found = [...JSON.stringify(dependencies).matchAll(new RegExp(`"${name}":\\{"version":"([^"]+)"`, 'g'))];
  const versions = ([] as string[]).concat(
    JSON.parse(run(folder, 'npm', 'view', `${name}@${range}`, 'version', '--json')),
  );
  expect([...new Set(found.map(([, version]) => version))]).toEqual([versions.at(-1)]);
});
