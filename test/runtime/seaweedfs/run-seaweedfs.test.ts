// The script, with only the programs of its image on the PATH. `weed` is a stand-in that records its arguments.
import { ChildProcess, spawn, spawnSync } from 'child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { contentsOf } from '../../../docs/generate/programs';
import { Images } from '../../../lib';
import { ROOT } from '../../support/run';

/** The stand-in uses only Bash, because it has the same PATH. It has one more limit if a file `newer` exists. */
const WEED = `#!/bin/bash
cd "$CONFIG_DIRECTORY" || exit 1
case $1 in
  help) [ ! -e newer ] || echo '  -s3.readerCacheSizeMB int' >&2; exit ;;
  shell)
    while read -r line; do echo "$line" >>shell; done
    if [ -e setup-fails ]; then echo 'error: no leader'; exit 1; fi
    printf '{\\n  "locations": [\\n    {"locationPrefix": "/buckets/", "fsync": %s}]}\\nmlflow-old\\nmodels\\n' "$(<fsync)"
    exit 1 ;;
esac
for each in "\${!WEED_@}"; do echo "$each=\${!each}" >>variables; done
echo "$*" >arguments
trap 'echo hangup >>signals' HUP
trap 'exit 0' TERM
while sleep 0.1; do :; done
`;
const SECRETS = {
  ROOT_ACCESS_KEY_ID: 'root',
  ROOT_SECRET_ACCESS_KEY: 'root $ecret',
  AWS_ACCESS_KEY_ID: 'KEY1\r\n',
  AWS_SECRET_ACCESS_KEY: 'a "quoted" \\ back',
};

let folder: string;
let running: ChildProcess | undefined;
let stderr: string;
const file = (name: string) => join(folder, 'config', name);
const read = (name: string) => readFileSync(file(name), 'utf8');
const identities = () => JSON.parse(read('identities.json'));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-seaweedfs-'));
  for (const each of ['bin', 'config', 'secrets']) mkdirSync(join(folder, each));
  for (const program of contentsOf(Images.SEAWEEDFS)!.programs.filter((each) => !['weed', 'curl'].includes(each))) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
    symlinkSync(found.stdout.trim(), join(folder, 'bin', program));
  }
  writeFileSync(join(folder, 'bin', 'weed'), WEED);
  chmodSync(join(folder, 'bin', 'weed'), 0o755);
  for (const [name, value] of Object.entries(SECRETS)) writeFileSync(join(folder, 'secrets', name), value);
  writeFileSync(file('fsync'), 'true');
});
afterEach(async () => {
  if (running) await stopped(running);
  running = undefined;
  rmSync(folder, { recursive: true });
});

function start(): ChildProcess {
  const env = {
    PATH: join(folder, 'bin'),
    CONFIG_DIRECTORY: join(folder, 'config'),
    MLFLOW_SECRETS_DIRECTORY: join(folder, 'secrets'),
    BUCKET: 'models',
    FOLLOW_SECONDS: '0.1',
  };
  const script = join(ROOT, 'runtime', 'seaweedfs', 'run-seaweedfs.sh');
  // A separate process group, because the background part of the script runs as long as the container.
  running = spawn(join(folder, 'bin', 'sh'), [script, 'server', '-filer'], { env, detached: true });
  stderr = '';
  running.stderr!.on('data', (chunk) => (stderr += chunk));
  return running;
}

async function stopped(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) =>
    (child.exitCode ?? child.signalCode) === null ? child.once('close', resolve) : resolve(0),
  );
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // The process has already exited.
  }
  await ended;
}

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !what();) {
    if (Date.now() > end) throw new Error(`in vain: ${what}; ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const ready = () => until(() => existsSync(file('ready')));

test('starts weed with two logins, of which that of MLflow opens one bucket and no dump', async () => {
  start();
  await ready();
  expect(read('arguments')).toBe(
    `server -filer -s3.config=${file('identities.json')}\n`.replace(/^/, '-logtostderr=true '),
  );
  const { identities: logins, policies } = identities();
  expect(logins).toEqual([
    { name: 'root', credentials: [{ accessKey: 'root', secretKey: 'root $ecret' }], actions: ['Admin'] },
    { name: 'mlflow', credentials: [{ accessKey: 'KEY1', secretKey: 'a "quoted" \\ back' }], policyNames: ['mlflow'] },
  ]);
  const [{ name, content }] = policies;
  const statements = JSON.parse(content).Statement;
  expect(name).toBe('mlflow');
  expect(statements.map(({ Effect, Resource }: any) => [Effect, ...Resource])).toEqual([
    ['Allow', 'arn:aws:s3:::models'],
    ['Allow', 'arn:aws:s3:::models/*'],
    ['Deny', 'arn:aws:s3:::models/backups/*'],
  ]);
});

test('gives weed four random keys for its own parts, others at each start', async () => {
  for (const starts of [1, 2]) {
    const child = start();
    // When the second start begins, the file `ready` of the first one can still exist.
    await until(() => existsSync(file('variables')) && read('variables').trim().split('\n').length === 4 * starts);
    await stopped(child);
  }
  const given = read('variables').trim().split('\n').sort();
  const names = ['FILER_SIGNING_KEY', 'FILER_SIGNING_READ_KEY', 'SIGNING_KEY', 'SIGNING_READ_KEY'];
  expect(given.map((line) => line.split('=')[0])).toEqual(names.flatMap((name) => Array(2).fill(`WEED_JWT_${name}`)));
  expect(new Set(given.map((line) => /=(.{43}=)$/.exec(line)?.[1])).size).toBe(8);
});

test('limits the memory of readers if weed knows how', async () => {
  writeFileSync(file('newer'), '');
  start();
  await ready();
  expect(read('arguments')).toContain(' -s3.readerCacheSizeMB=64 ');
});

test('makes the bucket and has each write reach the disk', async () => {
  start();
  await ready();
  expect(read('shell').split('\n').slice(0, 4)).toEqual([
    'fs.configure -locationPrefix=/buckets/ -fsync=true -apply',
    's3.bucket.create -name models -owner root',
    'fs.configure',
    'fs.ls /buckets',
  ]);
});

test('removes uploads that never ended, soon after the start', async () => {
  start();
  await ready();
  await until(() => read('shell').includes('s3.clean.uploads -timeAgo=24h\n'));
});

test.each([
  ['weed shell fails', () => writeFileSync(file('setup-fails'), ''), () => rmSync(file('setup-fails'))],
  [
    'writes do not reach the disk',
    () => writeFileSync(file('fsync'), 'false'),
    () => writeFileSync(file('fsync'), 'true'),
  ],
])('is not ready while %s, and is then', async (_, spoil, repair) => {
  spoil();
  start();
  await until(() => existsSync(file('shell')));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(existsSync(file('ready'))).toBe(false);
  repair();
  await ready();
});

test('is not ready after a restart of the container before it has looked', async () => {
  writeFileSync(file('ready'), '');
  writeFileSync(file('setup-fails'), '');
  start();
  await until(() => existsSync(file('shell')));
  expect(existsSync(file('ready'))).toBe(false);
});

test('hands a changed key over to weed, and keeps the old one if the new one is empty', async () => {
  start();
  await ready();
  writeFileSync(join(folder, 'secrets', 'AWS_SECRET_ACCESS_KEY'), 'another');
  await until(() => existsSync(file('signals')));
  expect(identities().identities[1].credentials).toEqual([{ accessKey: 'KEY1', secretKey: 'another' }]);
  writeFileSync(join(folder, 'secrets', 'AWS_SECRET_ACCESS_KEY'), '');
  await until(() => stderr.includes('AWS_SECRET_ACCESS_KEY: the key of the Secret is empty; expected a value'));
  expect(identities().identities[1].credentials).toEqual([{ accessKey: 'KEY1', secretKey: 'another' }]);
  expect(read('signals')).toBe('hangup\n');
});

// Without identities weed would accept every request.
test.each([
  ['is missing', () => rmSync(join(folder, 'secrets', 'ROOT_ACCESS_KEY_ID')), 'ROOT_ACCESS_KEY_ID'],
  ['is empty', () => writeFileSync(join(folder, 'secrets', 'AWS_ACCESS_KEY_ID'), '\n'), 'AWS_ACCESS_KEY_ID'],
])('does not start if a key %s', async (_, spoil, named) => {
  spoil();
  const child = start();
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
  expect(stderr).toContain(named);
  expect(existsSync(file('arguments'))).toBe(false);
});

test('no argument and no line of the log has a key', async () => {
  const child = start();
  await ready();
  const group = spawnSync('ps', ['-eo', 'pgid,args'], { encoding: 'utf8' }).stdout.split('\n');
  const ours = group.filter((line) => line.trim().startsWith(`${child.pid} `)).join('\n');
  expect(ours).toContain('-s3.config');
  for (const value of ['root $ecret', 'quoted']) expect(ours + stderr).not.toContain(value);
});
