// npm run bench: how long synth takes, against the floor of requiring what it is built on, in the same run.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { parse } from 'yaml';
import { bundle } from '../runtime/bundle.mjs';

const ROUNDS = 9;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const work = join(root, 'build', 'bench');
const output = mkdtempSync(join(tmpdir(), 'bench-'));
process.chdir(root);
mkdirSync(work, { recursive: true });
bundle();

/** Seconds that a command takes, start to end. */
function seconds(command, args) {
  const start = process.hrtime.bigint();
  const env = { ...process.env, CDK8S_OUTDIR: output, PATH: `${root}/node_modules/.bin:${process.env.PATH}` };
  const { status, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

function compile(entry, outfile) {
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    packages: 'external',
    logLevel: 'warning',
  });
}

writeFileSync(join(work, 'floor.js'), "require('cdk8s'); require('cdk8s-plus-27');\n");
compile('main.ts', join(work, 'main.js'));
compile('bench/platforms.ts', join(work, 'platforms.js'));
const app = parse(readFileSync('cdk8s.yaml', 'utf8')).app;
const starts = {
  'node alone': ['node', ['-e', '0']],
  'floor: cdk8s and cdk8s-plus-27 required': ['node', [join(work, 'floor.js')]],
  'main.ts, compiled': ['node', [join(work, 'main.js')]],
  'main.ts, as cdk8s.yaml runs it': ['sh', ['-c', app]],
};

// Interleaved, so that a busy moment of the machine meets all of them.
const times = Object.fromEntries(Object.keys(starts).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, [command, args]] of Object.entries(starts)) times[name].push(seconds(command, args));
}
const floor = median(times['floor: cdk8s and cdk8s-plus-27 required']);
console.log(`Start and synth, median of ${ROUNDS}:`);
for (const [name, values] of Object.entries(times)) {
  console.log(`  ${median(values).toFixed(3)} s  ${(median(values) / floor).toFixed(2)} x floor  ${name}`);
}

console.log('Many platforms in one app:');
for (const count of [25, 50, 100, 200]) {
  const { stdout, stderr, status } = spawnSync('node', [join(work, 'platforms.js'), String(count)], {
    env: { ...process.env, CDK8S_OUTDIR: output },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  const { objects, milliseconds } = JSON.parse(stdout);
  const each = (milliseconds / objects).toFixed(3);
  console.log(`  ${count} platforms: ${objects} objects in ${milliseconds.toFixed(0)} ms, ${each} ms an object`);
}
rmSync(output, { recursive: true });
