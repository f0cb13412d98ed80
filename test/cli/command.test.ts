import { spawnSync } from 'child_process';
import { existsSync, mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { pathToFileURL } from 'url';
import { version } from '../../package.json';
import { ROOT } from '../support/run';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'command-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** How the command ends when it runs as a process of its own, in an empty folder. */
function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const loader = pathToFileURL(require.resolve('tsx')).href;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', loader, join(ROOT, 'cli', 'main.ts'), ...args],
    { cwd: folder, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

const dist = join(ROOT, 'dist');

test('images: a line an image, or a JSON array', () => {
  const { status, stdout } = run('images', dist);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  expect(JSON.parse(run('images', dist, '--format', 'json').stdout)).toEqual(lines);
});

test('images: no image is no error, and says so beside the list', () => {
  const file = join(dist, 'mlflow-monitoring.k8s.yaml');
  expect(run('images', file)).toEqual({ status: 0, stdout: '', stderr: `No object in ${file} names an image.\n` });
});

test('what cannot be done ends with 1 and one line', () => {
  const { status, stdout, stderr } = run('images');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^cdk8s-mlflow: there is no dist: .*\n$/);
});

test.each([[[]], [['nope']], [['images', 'a', 'b']], [['images', '--format', 'xml']], [['init', '--force']]])(
  'wrong usage ends with 2: %s',
  (args) => {
    const { status, stdout, stderr } = run(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/--help/);
    expect(existsSync(join(folder, 'main.ts'))).toBe(false);
  },
);

test.each([['--help'], ['images', '--help'], ['init', '-h']])('%s %s is an answer', (...args) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^Usage: cdk8s-mlflow/);
});

test('--version', () => {
  expect(run('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

test('init says what was written and what to type next, in the folder that it was given', () => {
  const { status, stdout } = run('init', 'my platform');
  expect(status).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
   "Wrote .gitignore, cdk8s.yaml, main.ts, package.json, platform.test.ts, platform.ts, tsconfig.json

   Next:
     cd 'my platform'
     npm install
     npm run synth   # writes the platform to dist/mlflow.k8s.yaml
     npm test        # checks types and the snapshot; its first run writes the snapshot
     kubectl apply -f dist/mlflow.k8s.yaml

   platform.ts is yours to change. Commit dist/ and __snapshots__/.
   "
  `);
  expect(existsSync(join(folder, 'my platform', 'main.ts'))).toBe(true);
  expect(run('init', 'my platform')).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing written') });
});

test('init without a folder means this one', () => {
  expect(run('init')).toMatchObject({ status: 0, stdout: expect.not.stringContaining('cd ') });
  expect(existsSync(join(folder, 'package.json'))).toBe(true);
  expect(run('init').stderr).toMatch(
    /^cdk8s-mlflow: nothing written, as this folder has \.gitignore, cdk8s\.yaml, main\.ts/,
  );
});
