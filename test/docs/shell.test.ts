// The commands of README and docs: bash can parse them, and the objects that they name exist. No test here runs them:
// e2e/lib/guide.ts runs them on a cluster, for the pages that an end-to-end test names.
import { spawnSync } from 'child_process';
import { existsSync, readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { FOREIGN, clusterOf } from './cluster';
import { Named, namedBy } from './kubectl';
import { Page, heredocs, pages } from './pages';
import { programsOf, removeAll, writeAll } from './programs';
import { Command, commandsOf } from './shell';
import { ROOT } from '../support/run';

const { name: ownName, scripts, bin = {} } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const programs = readdirSync(join(ROOT, 'node_modules/.bin'));

const shellOf = (page: Page) => page.blocks.filter(({ language }) => language === 'sh');
/** Blocks, and commands within a sentence or a table. */
function allCommands(page: Page): Command[] {
  const inline = [...page.text.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/`((?:kubectl|npx|npm run) [^`]+)`/g)];
  const texts = [...shellOf(page).map(({ code }) => heredocs(code).rest), ...inline.map(([, text]) => text)];
  return texts.flatMap(commandsOf).filter((command) => !command.some((word) => word.includes('…') && word !== '$(…)'));
}

const withShell = pages.filter((page) => allCommands(page).length > 0);
writeAll(withShell.flatMap(programsOf));
afterAll(removeAll);

test('the pages contain many shell blocks', () => {
  expect(withShell.flatMap(allCommands).filter(([program]) => program === 'kubectl').length).toBeGreaterThan(150);
});

test.each(withShell.flatMap(shellOf))('the shell block at $at is a valid script', ({ code }) => {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

describe.each(withShell)('the shell blocks of $file', (page) => {
  const commands = allCommands(page);
  const kubectl = commands.filter(([program]) => program === 'kubectl').map(namedBy);

  test('name only npm scripts and programs that exist', () => {
    const run = commands.filter(([program, verb]) => program === 'npm' && verb === 'run').map(([, , script]) => script);
    expect(run.filter((script) => !(script in scripts))).toEqual([]);
    const npx = commands.filter(([program]) => program === 'npx').map(([, program]) => program);
    // The name of the package's own command is in `bin`.
    const own = Object.keys(bin).length > 0 ? Object.keys(bin) : [ownName];
    expect(npx.filter((program) => ![...programs, ...own].includes(program))).toEqual([]);
  });

  test('name only files that exist or that they create', () => {
    const written = filesWrittenBy(page, commands);
    const files = [
      ...kubectl.flatMap((named) => named.files),
      ...commands
        .filter(([program]) => /^python/.test(program))
        .flatMap((words) => words.filter((word) => /\.py$/.test(word))),
      ...commands.flatMap((words) => words.filter((_, index) => words[index - 1] === '<')),
    ];
    expect(
      files.filter((file) => !file.startsWith('$') && !exists(file) && !written.some((name) => file.startsWith(name))),
    ).toEqual([]);
  });

  test('name only commands and options that kubectl has', () => {
    expect(kubectl.flatMap(({ unknown }) => unknown)).toEqual([]);
  });

  test('name only objects that exist', () => {
    const missing = missingOf(page, kubectl, false);
    // Running the page's own programs takes seconds, and most pages name only objects of `main.ts`.
    expect(missing.length > 0 && programsOf(page).length > 0 ? missingOf(page, kubectl, true) : missing).toEqual([]);
  });
});

function exists(file: string): boolean {
  return existsSync(join(ROOT, file));
}

/** Files and folders that earlier commands write. */
function filesWrittenBy({ blocks }: Page, commands: Command[]): string[] {
  const redirected = commands.flatMap((words) => words.filter((_, index) => words[index - 1] === '>'));
  const outputs = commands.flatMap((words) =>
    words.filter((_, index) => ['--output', 'tee'].includes(words[index - 1])),
  );
  const files = blocks.flatMap(({ code }) => [...code.matchAll(/^cat > (\S+)/gm)].map(([, file]) => file));
  const charts = blocks.flatMap(({ code }) =>
    [...code.matchAll(/new Chart\(app, '([\w-]+)'/g)].map(([, chart]) => chart),
  );
  // A Python block is the app of an example, which the reader saves in this file.
  const apps = blocks.filter(({ language }) => language === 'python').map(() => 'main.py');
  return [
    ...[...redirected, ...files, ...apps],
    ...outputs.map((folder) => `${folder}/`),
    ...charts.map((chart) => `dist/${chart}.k8s.yaml`),
  ];
}

function missingOf(page: Page, kubectl: Named[], withPrograms: boolean): string[] {
  const cluster = clusterOf(page, withPrograms);
  return kubectl.flatMap(({ verb, namespace, objects, labels, container }) => {
    // The script around a command sets its variables.
    if (FOREIGN.includes(namespace ?? '') || namespace?.startsWith('$')) return [];
    if (namespace !== undefined && !cluster.namespaces.includes(namespace)) return [`namespace ${namespace}`];
    // An object that the command creates need not exist, and a Namespace is in no namespace.
    const titles = verb === 'create' ? [] : objects.filter((title) => !title.startsWith('Namespace/'));
    return [
      ...titles.filter((title) => !cluster.has(namespace ?? '', title)),
      ...labels
        .flatMap(([key, values]) => values.map((value) => `${key}=${value}`))
        .filter((label) => !cluster.labels.has(label)),
      ...[container ?? []].flat().filter((name) => !cluster.containers.has(name)),
    ];
  });
}
