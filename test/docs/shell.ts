// Parses only what the commands of the pages use: words, quotes, pipes, substitutions. bash itself reports syntax errors.

/** A simple command as a list of words. Redirections are separate words. */
export type Command = string[];

const REDIRECTION = /^(\d?[<>]+&?\d?)/;

/** Every simple command of a text, also those within `$(…)`. */
export function commandsOf(text: string): Command[] {
  const found: Command[] = [];
  let words: Command = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) found.push(words);
    words = [];
  };
  for (let at = 0; at < text.length; at++) {
    const rest = text.slice(at);
    const char = text[at];
    if (rest.startsWith('\\\n')) {
      at++;
    } else if (char === '\n' || char === ';' || char === '|' || char === '&') {
      endCommand();
    } else if (/\s/.test(char)) {
      endWord();
    } else if (char === '#' && word === undefined) {
      at += rest.indexOf('\n') - 1;
    } else if (char === "'") {
      const end = text.indexOf("'", at + 1);
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      const end = at + 1 + /^(\$\([^)]*\)|[^"\\]|\\.)*/.exec(rest.slice(1))![0].length;
      const content = text.slice(at + 1, end);
      for (const [, inner] of content.matchAll(/\$\(([^)]*)\)/g)) found.push(...commandsOf(inner));
      word = (word ?? '') + content;
      at = end;
    } else if (rest.startsWith('$(') || rest.startsWith('<(')) {
      const end = closing(text, at + 1);
      found.push(...commandsOf(text.slice(at + 2, end)));
      word = `${word ?? ''}$(…)`;
      at = end;
    } else if (word === undefined && REDIRECTION.test(rest)) {
      const [sign] = REDIRECTION.exec(rest)!;
      words.push(sign);
      at += sign.length - 1;
    } else {
      word = (word ?? '') + char;
    }
  }
  endCommand();
  return found.map(withoutPrefix).filter((command) => command.length > 0);
}

/** The bracket that closes the one at `open`; quotes hide brackets. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "'") at = text.indexOf("'", at + 1);
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return at;
  }
  return text.length;
}

/** Without `for … in`, `do`, `export NAME=` and other settings before the command itself. */
function withoutPrefix(command: Command): Command {
  const start = command.findIndex(
    (word) => !/^(do|done|then|fi|if|while|until|export|unset|\.)$/.test(word) && !/^\w+=/.test(word),
  );
  return start < 0 || command[0] === 'for' ? [] : command.slice(start);
}
