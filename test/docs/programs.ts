// Completes the TypeScript of the pages to programs that can be checked and run.
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import { join } from 'path';
import * as ts from 'typescript';
import { Block, Page, heredocs } from './pages';
import * as library from '../../lib';
import { Manifest, parseManifests } from '../output/manifests';
import { ROOT, writtenByEach } from '../support/run';

/** In build/, because the library looks for build/runtime/ in its parent folders. */
const FOLDER = join(ROOT, 'build', `blocks-${process.pid}`);
const LIBRARY = join(ROOT, 'lib', 'index.ts');

/** What a fragment may use without declaring it. */
const GIVEN: Record<string, string> = {
  app: 'const app = new App();',
  chart: "const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });",
  serving: "const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });",
  mlflow: "const mlflow = new MlflowPlatform(chart, 'mlflow');",
};
const OTHERS: Record<string, string[]> = {
  cdk8s: ['ApiObject', 'App', 'Chart', 'Duration', 'JsonPatch', 'Size'],
  'cdk8s-plus-27': ['Cpu'],
};

export interface Program {
  readonly at: string;
  readonly file: string;
  readonly text: string;
}

/** The programs of a page: its TypeScript blocks, and the files that its shell blocks write. */
export function programsOf({ blocks }: Page): Program[] {
  return blocks.flatMap((block) => textsOf(block).map((text, index) => program(block.at, index, text)));
}

function textsOf({ language, code }: Block): string[] {
  if (language === 'ts') return [code];
  if (language !== 'sh') return [];
  return heredocs(code)
    .found.filter(({ command }) => /^cat > \S+\.ts /.test(command))
    .map(({ content }) => content);
}

function program(at: string, index: number, text: string): Program {
  const name = `${at.replaceAll(/[^\w]+/g, '-')}-${index}.ts`;
  return { at, file: join(FOLDER, name), text: /^import /m.test(text) ? text : completed(text) };
}

/** Adds to a fragment the imports and the declarations that it leaves out. The text around it says what they are. */
function completed(fragment: string): string {
  const uses = (text: string, name: string) => new RegExp(`(?<![\\w.'/-])${name}\\b`).test(text);
  const declares = (name: string) => new RegExp(`\\b(const|let) (\\w+, )*${name}\\b`).test(fragment);
  let text = fragment;
  // In reverse order: a platform needs its chart, and a chart needs its app.
  for (const [name, declaration] of Object.entries(GIVEN).reverse()) {
    if (name === 'app' || (uses(text, name) && !declares(name))) text = `${declaration}\n${text}`;
  }
  const imports = Object.entries({ ...OTHERS, 'cdk8s-mlflow': Object.keys(library) }).map(
    ([module, names]) => `import { ${names.filter((name) => uses(text, name)).join(', ')} } from '${module}';`,
  );
  return `${imports.join('\n')}\n${text}\napp.synth();\n`;
}

/** Writes programs to a folder in which they can be compiled. */
export function writeAll(programs: Program[]): void {
  mkdirSync(FOLDER, { recursive: true });
  // In a clone, the tutorial imports './lib'.
  for (const { file, text } of programs) writeFileSync(file, text.replace("from './lib'", "from 'cdk8s-mlflow'"));
}

export function removeAll(): void {
  rmSync(FOLDER, { recursive: true, force: true });
}

/** The errors of the compiler for each program, by its place in the page. */
export function typeErrors(programs: Program[]): Record<string, string[]> {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ compilerOptions: config.compilerOptions }, ts.sys, ROOT);
  const compiler = ts.createProgram(
    programs.map(({ file }) => file),
    { ...options, noEmit: true, noUnusedLocals: false, paths: { 'cdk8s-mlflow': [LIBRARY] } },
  );
  return Object.fromEntries(
    programs.map(({ at, file }) => {
      const source = compiler.getSourceFile(file);
      const found = [...compiler.getSyntacticDiagnostics(source), ...compiler.getSemanticDiagnostics(source)];
      return [at, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))];
    }),
  );
}

/** The objects that each program writes, by its file. A function throws if its program fails. */
export function objectsOf(programs: Program[]): Record<string, () => Manifest[]> {
  if (programs.length === 0) return {};
  const files = writtenByEach(programs.map(({ file }) => file));
  return Object.fromEntries(
    programs.map(({ file }, index) => [file, () => Object.values(files[index]()).flatMap(parseManifests)]),
  );
}
