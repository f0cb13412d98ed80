import { spawnSync } from 'child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { dirname, join } from 'path';
import { buildSync } from 'esbuild';
import { version } from '../../package.json';
import { ROOT } from '../support/run';

// One file without imports, as in the package.
const command = join(mkdtempSync(join(tmpdir(), 'command-')), 'cdk8s-mlflow.js');
buildSync({ entryPoints: [join(ROOT, 'cli', 'main.ts')], outfile: command, bundle: true, platform: 'node' });
afterAll(() => rmSync(dirname(command), { recursive: true }));

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'command-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the command as a separate process, in an empty folder. */
function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], options);
  return { status, stdout, stderr };
}

const dist = join(ROOT, 'dist');

test('images prints one image per line, or a JSON array', () => {
  const { status, stdout } = run('images', dist);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  expect(JSON.parse(run('images', dist, '--format', 'json').stdout)).toEqual(lines);
});

test.each(['text', 'json'])(
  'images exits with 1 and one line if no object has an image, with --format %s',
  (format) => {
    const file = join(dist, 'mlflow-monitoring.k8s.yaml');
    expect(run('images', file, '--format', format)).toEqual({
      status: 1,
      stdout: '',
      stderr:
        `cdk8s-mlflow: ${file}: no object names an image; ` +
        "expected the YAML that 'npx cdk8s synth' writes, e.g. the folder dist\n",
    });
  },
);

test('images exits with 1 and one line if the folder does not exist', () => {
  const { status, stdout, stderr } = run('images');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^cdk8s-mlflow: dist: no such file or directory \(ENOENT\); expected .*\n$/);
});

test('init exits with 1 and one line if the folder cannot be created, below a broken link', () => {
  symlinkSync(join(folder, 'nothing'), join(folder, 'link'));
  const { status, stdout, stderr } = run('init', 'link/platform');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^cdk8s-mlflow: link\/platform: .*\(EEXIST\); expected a folder in which .*\n$/);
});

test.each([
  [[]],
  [['nope']],
  [['images', 'a', 'b']],
  [['images', '--format', 'xml']],
  [['init', '--force']],
  [['diff', 'a']],
  [['doctor', '--format', 'xml']],
])('wrong usage exits with 2: %j', (args) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/--help/);
  expect(existsSync(join(folder, 'main.ts'))).toBe(false);
});

test.each([['--help'], ['images', '--help'], ['init', '-h']])('%s %s prints the help and exits with 0', (...args) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^Usage: cdk8s-mlflow/);
});

test('diff exits with 0 if nothing needs a person, with 1 if something does, and with 2 without the folders', () => {
  expect(run('diff', dist, dist)).toEqual({ status: 0, stdout: 'Nothing changes.\n', stderr: '' });
  const file = (serviceName: string) => {
    const name = join(folder, `${serviceName}.yaml`);
    writeFileSync(name, `kind: StatefulSet\nmetadata: {name: own}\nspec: {serviceName: ${serviceName}}\n`);
    return name;
  };
  const { status, stdout } = run('diff', file('a'), file('b'), '--format', 'json');
  expect(status).toBe(1);
  expect(JSON.parse(stdout).needsPerson).toEqual([
    expect.objectContaining({ object: 'statefulset/own', fields: ['spec.serviceName'] }),
  ]);
  expect(run('diff', 'absent', dist)).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/^cdk8s-mlflow: absent: /),
  });
});

test('doctor exits with 2 and one line if no API server answers', () => {
  const config = join(folder, 'config');
  const cluster = { server: 'https://127.0.0.1:1' };
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  const users = [{ name: 'u', user: {} }];
  writeFileSync(
    config,
    JSON.stringify({ clusters: [{ name: 'c', cluster }], contexts, users, 'current-context': 'c' }),
  );
  const { status, stdout, stderr } = run('doctor', '--kubeconfig', config);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^cdk8s-mlflow: https:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*; expected an answer of the API server\n$/,
  );
});

test('--version prints the version', () => {
  expect(run('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

test('init writes into the given folder, and prints the files and the next commands', () => {
  const { status, stdout } = run('init', 'my platform');
  expect(status).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
   "Wrote .gitignore, cdk8s.yaml, main.ts, package.json, platform.test.ts, platform.ts, tsconfig.json

   Next:
     cd 'my platform'
     npm install
     npm run synth   # writes the platform to dist/mlflow.k8s.yaml
     npm test        # checks types and the snapshot; the first run writes the snapshot
     kubectl apply -f dist/mlflow.k8s.yaml

   Change platform.ts as you need it. Commit dist/ and __snapshots__/.
   "
  `);
  expect(existsSync(join(folder, 'my platform', 'main.ts'))).toBe(true);
  expect(run('init', 'my platform')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('Nothing was written'),
  });
});

test('init without an argument writes into the current folder, and refuses to overwrite files', () => {
  expect(run('init')).toMatchObject({ status: 0, stdout: expect.not.stringContaining('cd ') });
  expect(existsSync(join(folder, 'package.json'))).toBe(true);
  expect(run('init').stderr).toMatch(
    /^cdk8s-mlflow: this folder: contains \.gitignore, cdk8s\.yaml, main\.ts, .*; expected .*Nothing was written\.\n$/,
  );
});
