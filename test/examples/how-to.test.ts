import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { EXAMPLES, notFound, runExamples } from './example';
import { ROOT, filesOf } from '../support/run';

const HOW_TO = join(ROOT, 'docs/how-to');
/** The pages of serving, and their examples. */
const pages = {
  canary: 'serving-canary',
  'several-models': 'serving-several-models',
  'offline-serving': 'serving-offline',
  'own-image': 'serving-own-image',
  'serving-repository': 'serving-repository',
};
const read = (page: string) => readFileSync(join(HOW_TO, `${page}.md`), 'utf8');
/** All texts that programs and constructs can print. */
const said = ['lib', 'runtime'].flatMap((folder) => Object.values(filesOf(join(ROOT, folder)))).join('\n');

const outputs = runExamples(...Object.values(pages));

test('each example of serving has a how-to page', () => {
  const examples = readdirSync(EXAMPLES).filter((name) => name.startsWith('serving-'));
  expect(Object.values(pages).sort()).toEqual(examples.sort());
});

describe.each(Object.entries(pages).map(([page, example], index) => [page, example, outputs[index]] as const))(
  '%s',
  (page, example, output) => {
    const text = read(page);
    const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));

    test('shows the example’s own code', () => {
      const [first] = blocks;
      expect(first).toEqual({ language: 'ts', code: readFileSync(join(EXAMPLES, example, 'main.ts'), 'utf8') });
      const dockerfile = blocks.find(({ language }) => language === 'dockerfile')?.code;
      const own = filesOf(join(EXAMPLES, example)).Dockerfile;
      expect(dockerfile).toEqual(own);
    });

    test('has the sections of a page, and the README of the example links to it', () => {
      const titles = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
      expect(titles).toEqual(
        expect.arrayContaining(['The code', 'See that it works', 'What to expect', 'What goes wrong']),
      );
      expect(readFileSync(join(EXAMPLES, example, 'README.md'), 'utf8')).toContain(`(../../docs/how-to/${page}.md)`);
    });

    test('every command names files and objects that exist', () => {
      expect(text).toMatch(/^kubectl .* -n /m);
      expect(notFound(text, output)).toEqual([]);
    });

    test('quotes only messages that programs print', () => {
      const rows = text.split('## What goes wrong')[1].matchAll(/^\| `(.+?)` \|/gm);
      const parts = [...rows].flatMap(([, quote]) => quote.split('…').filter((part) => part.trim().length > 2));
      expect(parts.length).toBeGreaterThan(3);
      for (const part of parts) expect(said.includes(part) ? part : `nobody says «${part}»`).toBe(part);
    });
  },
);
