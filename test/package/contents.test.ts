import { existsSync, readdirSync } from 'fs';
import { join, parse } from 'path';
import { TARBALL, run } from './package';
import { ROOT } from '../support/run';

jest.setTimeout(600_000);

const packed = run(ROOT, 'tar', '-tzf', TARBALL)
  .trimEnd()
  .split('\n')
  .map((file) => file.replace(/^package\//, ''));

/** The files below a folder of the repository, by their path in that folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}

/** The types that the compiler writes for the TypeScript below a folder. */
function types(folder: string): string[] {
  return filesBelow(folder).flatMap((file) => {
    const { dir, name, ext } = parse(file);
    return ext === '.ts' ? [join('build', dir, `${name}.d.ts`)] : [];
  });
}

/** The files that runtime/bundle.mjs writes: a program for each main.ts, and Python and shell files unchanged. */
function programs(): string[] {
  return filesBelow('runtime').flatMap((file) => {
    const { dir, base } = parse(file);
    if (base === 'main.ts') return [`build/${dir}.js`];
    return /\.(py|sh)$/.test(base) ? [`build/runtime/${base}`] : [];
  });
}

const groups: Record<string, string[]> = {
  'the library in one file, with the types of its modules': ['build/lib/index.js', ...types('lib')],
  'the types of foreign kinds': types('imports'),
  'the programs that run in the cluster': programs(),
  // lib/ uses the programs' own types for the files that it writes for them.
  'the types that the library shares with its programs': ['credentials/plan', 'deployer/targets'].map(
    (file) => `build/runtime/${file}.d.ts`,
  ),
  'the command': ['build/bin/THIRD-PARTY-LICENSES', 'build/bin/cdk8s-mlflow.js'],
  'what jsii needs for other languages': ['.jsii'],
  'what is read': ['CHANGELOG.md', 'LICENSE', 'README.md', ...(existsSync(join(ROOT, 'API.md')) ? ['API.md'] : [])],
  'what npm needs': ['package.json'],
};

test.each(Object.entries(groups))('the package holds %s', (_, files) => {
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => !packed.includes(file))).toEqual([]);
});

test('the package holds nothing else', () => {
  const expected = Object.values(groups).flat();
  expect(packed.filter((file) => !expected.includes(file))).toEqual([]);
});

test('the package contains no source map, test or source under another name', () => {
  expect(packed.filter((file) => /\.map$|\.test\.|\.snap$|(?<!\.d)\.ts$/.test(file))).toEqual([]);
});
