import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { ROOT } from '../support/run';

export interface Block {
  /** `docs/how-to/debugging.md:12`, for the names of tests. */
  readonly at: string;
  /** The heading above it. */
  readonly section: string;
  readonly language: string;
  readonly code: string;
}

export interface Page {
  readonly file: string;
  readonly text: string;
  readonly blocks: Block[];
}

/** The pages that people write, and those of docs/reference/. */
export const pages: Page[] = ['README.md', ...markdownBelow('docs')].map((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return { file, text, blocks: blocksOf(file, text) };
});

export const blocks: Block[] = pages.flatMap((page) => page.blocks);

function markdownBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/** Fenced blocks, also those in lists, without their indentation. */
function blocksOf(file: string, text: string): Block[] {
  return [...text.matchAll(/^( *)```(.*)\n([^]*?)^\1```$/gm)].map((match) => {
    const [, indent, language, code] = match;
    const lines = text.slice(0, match.index).split('\n');
    const section = [...lines].reverse().find((each) => /^##+ /.test(each)) ?? '';
    return {
      at: `${file}:${lines.length}`,
      section: section.replace(/^#+ /, ''),
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    };
  });
}

export interface Heredoc {
  /** The line that contains it. */
  readonly command: string;
  readonly content: string;
}

/** The here-document (`<<'EOT'`) of a shell block, and the block without it. */
export function heredocs(code: string): { rest: string; found: Heredoc[] } {
  const found: Heredoc[] = [];
  const rest = code.replaceAll(/^(.*)<<'(\w+)'(.*)\n([^]*?)^\2$/gm, (_, command, _word, after, content) => {
    found.push({ command, content });
    return command + after;
  });
  return { rest, found };
}
