import { readFileSync, readdirSync, statSync } from 'fs';
import { join } from 'path';
import { LineCounter, parseAllDocuments } from 'yaml';
import { withPath } from './file-errors';

export const SYNTHESIZED = "the YAML that 'npx cdk8s synth' writes, e.g. the folder dist";

/** All YAML files of a folder and its subfolders, or the file itself. At least one. */
export function yamlFiles(path: string): string[] {
  const files = filesOf(path);
  if (files.length === 0) throw new Error(`${path}: no .yaml or .yml file; expected ${SYNTHESIZED}`);
  return files;
}

function filesOf(path: string): string[] {
  const isFile = (name: string) => withPath(name, 'a file or a folder', () => statSync(name).isFile());
  if (withPath(path, SYNTHESIZED, () => statSync(path).isFile())) return [path];
  return withPath(path, SYNTHESIZED, () => readdirSync(path, { recursive: true, encoding: 'utf8' }))
    .map((name) => join(path, name))
    .filter((name) => /\.ya?ml$/.test(name) && isFile(name))
    .sort();
}

export function objectsOf(file: string): unknown[] {
  const lineCounter = new LineCounter();
  const text = withPath(file, 'a file that you may read', () => readFileSync(file, 'utf8'));
  const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false });
  return [...documents].map((document) => {
    const [error] = document.errors;
    if (error) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      throw new Error(`${file}:${line}:${col}: ${error.message}; expected YAML`);
    }
    try {
      return document.toJS();
    } catch (cause) {
      // The parser reports an alias without its anchor only here, without a line: use the first line of the document.
      const { line } = lineCounter.linePos(document.range[0]);
      throw new Error(`${file}: the document at line ${line}: ${(cause as Error).message}; expected YAML`, { cause });
    }
  });
}
