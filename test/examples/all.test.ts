import { existsSync, readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import ts from 'typescript';
import { EXAMPLES } from './example';
import { ROOT } from '../support/run';

const names = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const main = (name: string) => join(EXAMPLES, name, 'main.ts');

test.each(names)('%s has a program, a README of a page, and a test that pins what it writes', (name) => {
  expect(existsSync(main(name))).toBe(true);
  const readme = readFileSync(join(EXAMPLES, name, 'README.md'), 'utf8');
  expect(readme.split('\n').length).toBeLessThan(60);
  // The README says how to synthesize, and how to apply.
  expect(readme).toContain(`cd examples/${name} && npx `);
  expect(readme).toMatch(/^kubectl apply -f /m);
  const test = join(__dirname, `${name}.test.ts`);
  expect(existsSync(test)).toBe(true);
  expect(readFileSync(test, 'utf8')).toMatch(new RegExp(`(expectExample|runExample)\\('${name}'`));
});

test('the README of the folder names each example', () => {
  const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| \[([\w-]+)\]\(([\w-]+)\/README\.md\) \|/gm)];
  for (const [, text, link] of rows) expect(text).toBe(link);
  expect(rows.map(([, name]) => name).sort()).toEqual([...names].sort());
});

test('each example imports the library by its name, and no other file of this repository', () => {
  for (const name of names) {
    const imported = [...readFileSync(main(name), 'utf8').matchAll(/ from '(.*)';/g)].map(([, from]) => from);
    expect(imported).toContain('cdk8s-mlflow');
    expect(imported.filter((from) => !['cdk8s', 'cdk8s-plus-27', 'constructs', 'cdk8s-mlflow'].includes(from))).toEqual(
      [],
    );
  }
});

const inPython = names.filter((name) => existsSync(join(EXAMPLES, name, 'main.py')));

test.each(inPython)('%s in Python imports only from packages, and its README says how to run it', (name) => {
  const text = readFileSync(join(EXAMPLES, name, 'main.py'), 'utf8');
  const imports = [...text.matchAll(/^from (\w+) import /gm)];
  expect(text.match(/^ *(from|import) /gm)).toHaveLength(imports.length);
  const packages = imports.map(([, from]) => from);
  expect(packages).toContain('cdk8s_mlflow');
  expect(packages.filter((from) => !['cdk8s', 'cdk8s_plus_27', 'constructs', 'cdk8s_mlflow'].includes(from))).toEqual(
    [],
  );
  expect(readFileSync(join(EXAMPLES, name, 'README.md'), 'utf8')).toMatch(
    /`pip install cdk8s-mlflow && python main\.py`/,
  );
});

test('each example compiles', () => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: names.map(main) }, ts.sys, ROOT);
  const program = ts.createProgram(names.map(main), { ...options, noEmit: true });
  // Only the examples: `npm run lint` checks the library's own files.
  const diagnostics = names.flatMap((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(main(name))));
  expect(diagnostics.map(({ file, messageText }) => [file?.fileName, messageText])).toEqual([]);
});
