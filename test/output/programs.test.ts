// No container starts a program that its real image lacks. The images of test clusters can have more programs.
import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { contentsOf, programUses } from '../../docs/generate/programs';
import { programsOfShell } from '../../docs/generate/shell-programs';
import { Images } from '../../lib';
import { outputs } from '../support/outputs';
import { ROOT } from '../support/run';
import { Rendered } from '../support/synth';

/** `Job x, container y: sed is not in docker.io/…`, for each program that is missing. */
function missing(objects: Rendered[], held = contentsOf): string[] {
  return programUses(objects).flatMap(({ at, image, programs }) =>
    programs.filter((each) => !held(image)?.programs.includes(each)).map((each) => `${at}: ${each} is not in ${image}`),
  );
}

test.each(outputs)('every program of the %s platform is in its image', (_name, objects) => {
  expect(programUses(objects).length).toBeGreaterThan(3);
  expect(missing(objects)).toEqual([]);
});

test('the contents of every default image are listed', () => {
  expect((Object.values(Images) as string[]).filter((image) => !contentsOf(image))).toEqual([]);
});

test("the image of MinIO has the programs that run in Silo's", () => {
  const asMinio = (image: string) => contentsOf(image.includes('silo') ? 'quay.io/minio/minio:x' : image);
  expect(missing(outputs[0][1], asMinio)).toEqual([]);
});

test.each([
  ['a script', (spec: Rendered) => (spec.containers[0].command = ['sh', '-c', 'mc ls | sed s/a/b/']), 'sed'],
  ['a command', (spec: Rendered) => (spec.containers[0].command = ['awk']), 'awk'],
  ['a probe', (spec: Rendered) => (spec.containers[0].livenessProbe = { exec: { command: ['find', '/tmp'] } }), 'find'],
  [
    'a hook',
    (spec: Rendered) =>
      (spec.containers[0].lifecycle = { preStop: { exec: { command: ['sh', '-c', 'a=$(grep b c)'] } } }),
    'grep',
  ],
])('the check finds a program that the image lacks in %s', (_where, change, program) => {
  const objects = structuredClone(outputs[0][1]);
  change(objects.find(({ metadata }: Rendered) => metadata.name.startsWith('mlflow-minio-set-up-')).spec.template.spec);
  expect(missing(objects)).toEqual([expect.stringContaining(`container \`set-up\`: ${program} is not in`)]);
});

test('every script of runtime/ runs in some container', () => {
  const folder = join(ROOT, 'runtime');
  const scripts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sh'));
  const commands = JSON.stringify(
    outputs.flatMap(([, objects]) => objects.map(({ spec }) => (spec?.jobTemplate?.spec ?? spec)?.template?.spec)),
  );
  expect(scripts.length).toBeGreaterThan(2);
  expect(scripts.filter((file) => !commands.includes(`/${file.split('/').pop()}"`))).toEqual([]);
});

// Python starts only its own interpreter, by sys.executable. Node.js starts no program.
test('programs of runtime/ in other languages start no other program', () => {
  const folder = join(ROOT, 'runtime');
  const starts = /subprocess\.\w+\(|os\.(exec|spawn|system|popen)\w*\(|child_process/;
  const lines = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(py|ts)$/.test(file))
    .flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .map((line) => `${file}: ${line.trim()}`),
    )
    .filter((line) => starts.test(line));
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.filter((line) => /\(\[?\s*f?["'`]/.test(line) || /child_process/.test(line))).toEqual([]);
});

test.each([
  ['a pipe', 'a | b && c || d; e & f', ['a', 'b', 'c', 'd', 'e', 'f']],
  ['conditions and loops', 'if a; then b; elif ! c; then d; else e; fi\nwhile f; do g; done', 'abcdefg'.split('')],
  ['substitutions', 'x=$(a "$(b)") c "${y:-$(d)}" $((1 + $(e)))', ['a', 'b', 'c', 'd', 'e']],
  ['case', 'case $x in a | b) c ;; *"d e"*) f ;; esac\ng', ['c', 'f', 'g']],
  ['quotes, comments and arguments', 'a "b; c" \'d | e\' f # g\n"h" i', ['a', 'h']],
  ['redirections', 'a >b 2>&1 <c\nd 2>/e f', ['a', 'd']],
  ['functions', 'f() { a "$@"; }\n  g() (c)\nf b; g', ['a', 'c']],
  ['settings', 'A=1 B="$(a)" b', ['a', 'b']],
  ['what is run later', "trap 'a; b' EXIT; exec c d; e=1 exec f", ['a', 'b', 'c', 'f']],
  ['heredocs', "a <<'END' | b\nc; $(d)\n\\set x `e f`\nEND\ng <<END\n$(h) i\nEND\nj", ['a', 'b', 'e', 'g', 'h', 'j']],
  ['continued lines', 'a \\\n  b\nc', ['a', 'c']],
  ['builtins', '[ -e x ] && test y; echo z; cd a; printf %s', []],
  ['a program that a variable names', '$PROGRAM x; "$(a)" b', ['$(a)', '$PROGRAM', 'a']],
])('finds the programs of a script with %s', (_what, script, programs) => {
  expect(programsOfShell(script)).toEqual(programs);
});
