import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { preProcessFile } from 'typescript';
import { ROOT } from '../support/run';

/** The files that each file imports, also by `import type`: `import/no-cycle` ignores that, but readers must follow it. */
function imports(folder: string): Map<string, string[]> {
  const all = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const files = all.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
  return new Map(
    files.map((file) => {
      const paths = preProcessFile(readFileSync(join(ROOT, folder, file), 'utf8')).importedFiles.map(
        ({ fileName }) => fileName,
      );
      const local = paths.filter((path) => path.startsWith('.')).map((path) => `${join(dirname(file), path)}.ts`);
      return [file, local.filter((path) => files.includes(path))];
    }),
  );
}

/** One circle for each file that imports itself over other files. Files that only import a circle are left out. */
function circles(graph: Map<string, string[]>): string[] {
  const back = (start: string, path: string[], seen: Set<string>): string[] | undefined => {
    for (const next of graph.get(path.at(-1)!) ?? []) {
      if (next === start) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = back(start, [...path, next], seen);
      if (found) return found;
    }
    return undefined;
  };
  return [...graph.keys()].flatMap((file) => back(file, [file], new Set())?.join(' → ') ?? []);
}

test('the check finds a circle through several files', () => {
  const graph = new Map(Object.entries({ a: ['b'], b: ['c', 'd'], c: ['b'], d: [] }));
  expect(circles(graph)).toEqual(['b → c → b', 'c → b → c']);
});

test.each(['lib', 'runtime', 'cli'])('no file of %s/ is in an import circle, types included', (folder) => {
  const graph = imports(folder);
  expect([...graph.values()].flat().length).toBeGreaterThan(graph.size / 2);
  expect(circles(graph)).toEqual([]);
});
