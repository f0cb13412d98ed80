// The JSON and YAML of README and docs can be parsed, and a test checks each kind of block.
import { parseAllDocuments } from 'yaml';
import { Block, blocks, heredocs } from './pages';

/**
 * Where each kind is tested: `ts` in typescript.test.ts, `sh` in shell.test.ts, `json` and `yaml` here. own-stores of e2e/
 * runs `sql`. `dockerfile` and `python` (python.test.ts) are compared with the files of an example.
 */
const LANGUAGES = ['ts', 'sh', 'json', 'yaml', 'sql', 'dockerfile', 'python', 'text'];

const inShell = (block: Block): Block[] =>
  block.language !== 'sh'
    ? []
    : heredocs(block.code)
        .found.filter(({ command }) => /kubectl .*-f - *$/.test(command))
        .map(({ content }) => ({ ...block, language: 'yaml', code: content }));

test.each(blocks)('the block at $at has a language that the tests check', ({ language }) => {
  expect(LANGUAGES).toContain(language);
});

const data = [...blocks, ...blocks.flatMap(inShell)].filter(({ language }) => ['json', 'yaml'].includes(language));

test.each(data)('the block at $at can be parsed', ({ language, code }) => {
  if (language === 'json') return void expect(JSON.parse(code)).toBeInstanceOf(Object);
  const documents = parseAllDocuments(code);
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  for (const document of documents) expect(document.toJS()).toMatchObject({ kind: expect.any(String) });
});
