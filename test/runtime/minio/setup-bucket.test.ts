// The script, with only the programs of its image on the PATH. `mc` is a stand-in that records its arguments.
import { spawnSync } from 'child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { contentsOf } from '../../../docs/generate/programs';
import { Images } from '../../../lib';
import { ROOT } from '../../support/run';

/** A stand-in uses only Bash, because it has the same PATH. */
const MC = `#!/bin/bash
cd "$WORK_DIRECTORY" || exit 1
input=
case "$*" in 'alias set'* | *'user add'*) input=$(while read -r line; do printf '<%s' "$line"; done) ;; esac
echo "$*$input" >>calls
case "$*" in
  'alias set'*) [ ! -e refuse ] || { echo 'mc: <ERROR> no such login' >&2; exit 1; } ;;
  *'policy attach'*) [ ! -e attached-already ] || { echo 'policy is attached' >&2; exit 1; } ;;
  *'policy entities'*) echo "$(<entities)" ;;
  *'user list'*) [ ! -e users.json ] || echo "$(<users.json)" ;;
esac
`;
const SECRETS = {
  ROOT_USER: 'root',
  ROOT_PASSWORD: 'root $ecret',
  AWS_ACCESS_KEY_ID: 'KEY2',
  AWS_SECRET_ACCESS_KEY: 's\\2',
};

let folder: string;
const file = (name: string) => join(folder, 'work', name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'setup-bucket-'));
  for (const each of ['bin', 'work', 'secrets']) mkdirSync(join(folder, each));
  const { programs } = contentsOf(Images.SILO)!;
  for (const program of ['sh', 'cat', 'sleep', 'tail'].filter((each) => programs.includes(each))) {
    const found = spawnSync('sh', ['-c', `command -v ${program === 'sh' ? 'bash' : program}`], { encoding: 'utf8' });
    symlinkSync(found.stdout.trim(), join(folder, 'bin', program));
  }
  writeFileSync(join(folder, 'bin', 'mc'), MC);
  chmodSync(join(folder, 'bin', 'mc'), 0o755);
  for (const [name, value] of Object.entries(SECRETS)) writeFileSync(join(folder, 'secrets', name), value);
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(more: Record<string, string> = {}) {
  const env = {
    PATH: join(folder, 'bin'),
    WORK_DIRECTORY: join(folder, 'work'),
    MLFLOW_SECRETS_DIRECTORY: join(folder, 'secrets'),
    ...{ ENDPOINT: 'http://store:9000', BUCKET: 'models', ...more },
  };
  const script = join(ROOT, 'runtime', 'minio', 'setup-bucket.sh');
  const { status, stdout, stderr } = spawnSync(join(folder, 'bin', 'sh'), [script], { env, encoding: 'utf8' });
  return { status, stdout, stderr, calls: readFileSync(file('calls'), 'utf8').trim().split('\n') };
}

test('creates the bucket, the policy and the key, with keys on standard input', () => {
  const { status, stderr, calls } = run();
  expect([status, stderr]).toEqual([0, '']);
  expect(calls).toEqual([
    'alias set store http://store:9000<root<root $ecret',
    'mb --ignore-existing store/models',
    'anonymous set none store/models',
    `admin policy create store mlflow-models ${file('policy.json')}`,
    'admin user add store<KEY2<s\\2',
    'admin policy attach store mlflow-models --user KEY2',
    'admin user list store --json',
  ]);
});

test('enables versioning', () => {
  expect(run({ VERSIONING: 'enabled' }).calls).toContain('version enable store/models');
});

test('the policy is JSON, allows this bucket, and denies reading the dumps', () => {
  run();
  const { Statement: statements } = JSON.parse(readFileSync(file('policy.json'), 'utf8'));
  expect(statements.map(({ Effect, Resource }: any) => [Effect, ...Resource])).toEqual([
    ['Allow', 'arn:aws:s3:::models'],
    ['Allow', 'arn:aws:s3:::models/*'],
    ['Deny', 'arn:aws:s3:::models/backups/*'],
  ]);
});

test('runs again if everything exists', () => {
  writeFileSync(file('attached-already'), '');
  writeFileSync(
    file('entities'),
    '{"status":"success","result":{"userMappings":[{"user":"KEY2","policies":["mlflow-models"]}]}}',
  );
  writeFileSync(
    file('users.json'),
    '{"status":"success","accessKey":"KEY2","policyName":"mlflow-models","userStatus":"enabled"}\n',
  );
  const { status, stderr, calls } = run();
  expect([status, stderr]).toEqual([0, '']);
  expect(calls.filter((call) => call.includes('remove'))).toEqual([]);
});

test('fails with the message of mc if the policy is not attached', () => {
  writeFileSync(file('attached-already'), '');
  writeFileSync(
    file('entities'),
    '{"status":"success","result":{"userMappings":[{"user":"KEY2","policies":["mlflow-models2"]}]}}',
  );
  const { status, stderr } = run();
  expect([status, stderr]).toEqual([1, 'policy is attached\n']);
});

test('removes replaced keys, and no user of another policy', () => {
  const users = [
    { status: 'success', accessKey: 'KEY1', policyName: 'mlflow-models', userStatus: 'enabled' },
    { status: 'success', accessKey: 'KEY2', policyName: 'mlflow-models', userStatus: 'enabled' },
    { status: 'success', accessKey: 'somebody', policyName: 'readonly', userStatus: 'enabled' },
    { status: 'success', accessKey: 'none', userStatus: 'enabled' },
    { status: 'success', accessKey: 'KEY0', policyName: 'mlflow-models', userStatus: 'disabled' },
  ];
  writeFileSync(file('users.json'), users.map((user) => `${JSON.stringify(user)}\n`).join(''));
  expect(run().calls.filter((call) => call.includes('remove'))).toEqual([
    'admin user remove store KEY1',
    'admin user remove store KEY0',
  ]);
});

test('logs why the store refused the login', () => {
  writeFileSync(file('refuse'), '');
  const { status, stderr } = run({ WAIT_SECONDS: '1' });
  expect([status, stderr]).toEqual([1, 'the store refused the login: mc: <ERROR> no such login\n']);
});
