// npm run bench: measures the processor time of synth with the output of `npm run build`. Each goal is a multiple of a floor
// of the same run, so it does not depend on the machine. Processor time depends less on other processes than a duration
// does. The exit code is 1 if a goal is missed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { parse, parseAllDocuments } from 'yaml';
import { bundle } from '../runtime/bundle.mjs';

const ROUNDS = 9;
/** Processor time of requiring the package, as a multiple of that of its dependencies. */
const REQUIRE_TIMES_FLOOR = 1.3;
/**
 * Processor time of one platform, of many platforms and of many servings, as a multiple of the same charts and objects in
 * plain cdk8s.
 */
const SYNTH_TIMES_FLOOR = 1.75;
/** Processor time for each object of many platforms, as a multiple of that of a few platforms. */
const GROWTH = 2;
/** Greatest size of an annotation in bytes: a client-side `kubectl apply` stores the object in one. */
const MOST_BYTES = 262_144;
const [FEW, MANY] = [50, 200];
const [CHARTS, SERVINGS] = [250, 1000];
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const work = join(root, 'build', 'bench');
const output = mkdtempSync(join(tmpdir(), 'bench-'));
process.chdir(root);
mkdirSync(work, { recursive: true });
bundle();

/** Processor seconds of a command and of its child processes. */
function seconds(command, args) {
  const env = { ...process.env, CDK8S_OUTDIR: output, PATH: `${root}/node_modules/.bin:${process.env.PATH}` };
  const timed = ['-c', '"$@" >/dev/null && times', 'sh', command, ...args];
  const { status, stdout, stderr } = spawnSync('sh', timed, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  // The first line is the time of the shell, the second that of its child processes: 0m0.31s 0m0.04s.
  const [, children] = stdout.trim().split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
}

/** Prints a goal and its measured value. If the goal is missed, the run fails. */
function goal(what, value, most, unit = ' x floor') {
  const met = value <= most;
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(2);
  console.log(`  ${met ? 'met' : 'MISSED'}: ${what}: ${shown}${unit} (goal: at most ${most})`);
  if (!met) process.exitCode = 1;
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
seconds('node', [join(work, 'main.js')]);
const charts = readdirSync(output).map((file) =>
  parseAllDocuments(readFileSync(join(output, file), 'utf8')).map((document) => document.toJS()),
);
writeFileSync(join(work, 'plain.json'), JSON.stringify(charts));
writeFileSync(
  join(work, 'plain-main.js'),
  `const { ApiObject, App, Chart } = require('cdk8s');
require('cdk8s-plus-27');
const app = new App();
require('./plain.json').forEach((objects, chart) => {
  const own = new Chart(app, 'chart-' + chart);
  objects.forEach((object, index) => new ApiObject(own, 'object-' + index, object));
});
app.synth();
`,
);
compile('bench/platforms.ts', join(work, 'platforms.js'));
compile('bench/servings.ts', join(work, 'servings.js'));
const app = parse(readFileSync('cdk8s.yaml', 'utf8')).app;
const starts = {
  'node alone': ['node', ['-e', '0']],
  'floor: cdk8s and cdk8s-plus-27 required': ['node', [join(work, 'floor.js')]],
  'cdk8s-mlflow required': ['node', [join(work, 'library.js')]],
  'floor: what main.ts makes, by cdk8s alone': ['node', [join(work, 'plain-main.js')]],
  'main.ts, compiled': ['node', [join(work, 'main.js')]],
  'main.ts, as cdk8s.yaml runs it': ['sh', ['-c', app]],
};

// Interleaved, so that a busy moment of the machine affects all of them.
const times = Object.fromEntries(Object.keys(starts).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, [command, args]] of Object.entries(starts)) times[name].push(seconds(command, args));
}
const floor = median(times['floor: cdk8s and cdk8s-plus-27 required']);
console.log(`Start and synth, processor time, median of ${ROUNDS}:`);
for (const [name, values] of Object.entries(times)) {
  console.log(`  ${median(values).toFixed(3)} s  ${name}`);
}
const plainMain = median(times['floor: what main.ts makes, by cdk8s alone']);
goal('synth of the default platform, compiled', median(times['main.ts, compiled']) / plainMain, SYNTH_TIMES_FLOOR);
goal('requiring the package', median(times['cdk8s-mlflow required']) / floor, REQUIRE_TIMES_FLOOR);

/** The numbers that a program of bench/ prints for one run. */
function run(program, ...args) {
  const { stdout, stderr, status } = spawnSync('node', [join(work, `${program}.js`), ...args.map(String)], {
    env: { ...process.env, CDK8S_OUTDIR: output },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** The best of several tries of each, interleaved: the try that other processes delayed least. */
function best(cases, tries) {
  const results = Array.from({ length: tries }, () => cases.map((args) => run(...args)));
  return cases.map((_, index) =>
    results.map((round) => round[index]).reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a)),
  );
}

function tell(what, { objects, milliseconds }) {
  const each = (milliseconds / objects).toFixed(3);
  console.log(`  ${what}: ${objects} objects in ${milliseconds.toFixed(0)} ms, ${each} ms an object`);
}

console.log('Many platforms in one app, a chart each, best of 2:');
const [few, many, plainMany] = best(
  [
    ['platforms', FEW],
    ['platforms', MANY],
    ['platforms', MANY, 'plain'],
  ],
  2,
);
tell(`${FEW} platforms`, few);
tell(`${MANY} platforms`, many);
tell('floor: their objects by cdk8s alone', plainMany);
goal(`${MANY} platforms`, many.milliseconds / plainMany.milliseconds, SYNTH_TIMES_FLOOR);
const growth = many.milliseconds / many.objects / (few.milliseconds / few.objects);
goal(`an object among ${MANY} platforms`, growth, GROWTH, ` x one among ${FEW}`);

console.log('Many servings of one platform, best of 2:');
const layouts = [
  ['charts', CHARTS, `${CHARTS} servings, a chart each`],
  ['folders', CHARTS, `${CHARTS} servings, a chart each, FOLDER_PER_CHART_FILE_PER_RESOURCE`],
  ['chart', SERVINGS, `${SERVINGS} servings in the platform's chart`],
];
const servings = best(
  layouts.flatMap(([layout, count]) => [
    ['servings', count, layout],
    ['servings', count, layout, 'plain'],
  ]),
  2,
);
layouts.forEach(([, , what], index) => {
  const [ours, plain] = servings.slice(2 * index);
  tell(what, ours);
  tell('floor: their objects by cdk8s alone', plain);
  goal(what, ours.milliseconds / plain.milliseconds, SYNTH_TIMES_FLOOR);
});
const { largest } = servings[2 * layouts.findIndex(([layout]) => layout === 'chart')];
goal(`the largest object of ${SERVINGS} servings, ${largest.name}`, largest.bytes, MOST_BYTES, ' bytes');
rmSync(output, { recursive: true });
