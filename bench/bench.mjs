// npm run bench: how long synth takes, against the floor of requiring what it is built on, in the same run. Times depend
// on the machine and what else it does, so two things fail alone: a cost that grows faster than the number of objects, and
// a package that takes too long to require. What `npm run build` made is measured.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { parse } from 'yaml';
import { bundle } from '../runtime/bundle.mjs';

const ROUNDS = 9;
/** Goals: synth against the floor, milliseconds an object, and an object's cost among many against that among few. */
const GOALS = { timesFloor: 2, millisecondsEach: 0.5, growth: 2 };
/** Goal: what requiring the package costs against the floor, which it requires too. */
const REQUIRE_TIMES_FLOOR = 1.3;
const [FEW, MANY] = [50, 200];
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

const library = join(root, 'build', 'lib', 'index.js');
if (!existsSync(library)) throw new Error(`there is no ${library}: 'npm run build' makes it`);
writeFileSync(join(work, 'floor.js'), "require('cdk8s'); require('cdk8s-plus-27');\n");
writeFileSync(join(work, 'library.js'), `require(${JSON.stringify(library)});\n`);
compile('main.ts', join(work, 'main.js'));
compile('bench/platforms.ts', join(work, 'platforms.js'));
const app = parse(readFileSync('cdk8s.yaml', 'utf8')).app;
const starts = {
  'node alone': ['node', ['-e', '0']],
  'floor: cdk8s and cdk8s-plus-27 required': ['node', [join(work, 'floor.js')]],
  'cdk8s-mlflow required': ['node', [join(work, 'library.js')]],
  'main.ts, compiled': ['node', [join(work, 'main.js')]],
  'main.ts, as cdk8s.yaml runs it': ['sh', ['-c', app]],
};

// Interleaved, so that a busy moment of the machine meets all of them.
const times = Object.fromEntries(Object.keys(starts).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, [command, args]] of Object.entries(starts)) times[name].push(seconds(command, args));
}
const floor = median(times['floor: cdk8s and cdk8s-plus-27 required']);
console.log(`Start and synth, median of ${ROUNDS} (goal: at most ${GOALS.timesFloor} x floor):`);
for (const [name, values] of Object.entries(times)) {
  console.log(`  ${median(values).toFixed(3)} s  ${(median(values) / floor).toFixed(2)} x floor  ${name}`);
}
/** Processor seconds of a Node.js that runs one file: unlike its duration, hardly touched by what else the machine does. */
function processorSeconds(file) {
  const usage = 'const { user, system } = process.cpuUsage(); console.log((user + system) / 1e6)';
  const { stdout, stderr, status } = spawnSync('node', ['-e', `require(${JSON.stringify(file)}); ${usage}`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

const requires = Array.from({ length: ROUNDS }, () =>
  ['floor.js', 'library.js'].map((file) => processorSeconds(join(work, file))),
);
const [floorRequire, libraryRequire] = [0, 1].map((which) => median(requires.map((round) => round[which])));
const required = libraryRequire / floorRequire;
console.log(
  `Requiring the package takes ${required.toFixed(2)} x floor of processor time (at most ${REQUIRE_TIMES_FLOOR}).`,
);
if (required > REQUIRE_TIMES_FLOOR) process.exitCode = 1;

function platforms(count) {
  const { stdout, stderr, status } = spawnSync('node', [join(work, 'platforms.js'), String(count)], {
    env: { ...process.env, CDK8S_OUTDIR: output },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

console.log(`Many platforms in one app, best of 3 (goal: at most ${GOALS.millisecondsEach} ms an object):`);
const sizes = [25, FEW, 100, MANY];
// Interleaved too; the best of several tries is the one that nothing else held up.
const tries = [1, 2, 3].map(() => sizes.map(platforms));
const each = sizes.map((count, size) => {
  const milliseconds = Math.min(...tries.map((results) => results[size].milliseconds));
  const { objects } = tries[0][size];
  const figure = (milliseconds / objects).toFixed(3);
  console.log(`  ${count} platforms: ${objects} objects in ${milliseconds.toFixed(0)} ms, ${figure} ms an object`);
  return milliseconds / objects;
});
rmSync(output, { recursive: true });

const growth = each[sizes.indexOf(MANY)] / each[sizes.indexOf(FEW)];
console.log(
  `An object among ${MANY} platforms costs ${growth.toFixed(2)} x one among ${FEW} (at most ${GOALS.growth}).`,
);
if (growth > GOALS.growth) process.exitCode = 1;
