// A parser of shell scripts that lists the programs that a script starts, for the syntax that runtime/ uses. No shell can
// list them without running the script.

/** Builtins of sh, dash, bash and busybox. */
const BUILTINS = new Set(
  (
    '. : [ break cd command continue echo eval exec exit export false getopts kill local printf pwd read readonly return set ' +
    'shift test times trap true type ulimit umask unset wait'
  ).split(' '),
);
/** Keywords that a command follows. */
const BEFORE_COMMAND = new Set(['!', '{', 'if', 'then', 'else', 'elif', 'do', 'while', 'until', 'exec', 'command']);
const WITHOUT_COMMAND = new Set(['}', 'fi', 'done', 'esac']);

/** The programs that a script starts, sorted, without builtins and functions of the script. */
export function programsOfShell(script: string): string[] {
  const words = new Set<string>();
  const functions = new Set([...script.matchAll(/^\s*(\w+)\(\)/gm)].map(([, name]) => name));
  collect(withoutHeredocs(script, words), words);
  return [...words].filter((word) => !BUILTINS.has(word) && !functions.has(word)).sort();
}

/** Removes here-documents. psql runs text in backticks of its input with a shell, so that text is parsed too. */
function withoutHeredocs(script: string, words: Set<string>): string {
  return script.replaceAll(/<<-?(['"]?)(\w+)\1(.*)\n([^]*?)^\2$/gm, (_, quote, _word, after, content) => {
    if (!quote) substitutions(content, words);
    for (const [, inner] of content.matchAll(/`([^`]*)`/g)) collect(inner, words);
    return after;
  });
}

function collect(text: string, words: Set<string>): void {
  /** Role of the next word: a command, an argument, the target of a redirection, or a part of `case`. */
  let next = 'command' as 'command' | 'argument' | 'target' | 'subject' | 'pattern';
  let before = next;
  let word = '';
  let trapped = false;
  const endWord = () => {
    if (word === '') return;
    if (next === 'target') {
      next = before;
    } else if (next === 'subject' && word === 'in') {
      next = 'pattern';
    } else if (next === 'pattern' && word === 'esac') {
      next = 'argument';
    } else if (next === 'command') {
      if (word === 'case') {
        next = 'subject';
      } else if (word === 'for') {
        next = 'argument';
      } else if (!/^\w+=/.test(word) && !BEFORE_COMMAND.has(word)) {
        if (!WITHOUT_COMMAND.has(word)) words.add(word.replaceAll('\0', ''));
        trapped = word === 'trap';
        next = 'argument';
      }
    } else if (trapped) {
      collect(word.replaceAll('\0', ''), words);
      trapped = false;
    }
    word = '';
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    const rest = text.slice(at);
    if (char === '\\') {
      if (text[++at] !== '\n') word += text[at];
    } else if (char === "'") {
      const end = text.indexOf("'", at + 1);
      // Quoted text is a word, also if it is empty.
      word += `\0${text.slice(at + 1, end)}\0`;
      at = end;
    } else if (char === '"') {
      const end = endOf(text, at);
      substitutions(text.slice(at + 1, end), words);
      word += `\0${text.slice(at + 1, end)}\0`;
      at = end;
    } else if (/^\$[({]/.test(rest)) {
      const end = endOf(text, at + 1);
      substitutions(text.slice(at, end + 1), words);
      word += '$';
      at = end;
    } else if (char === '#' && word === '') {
      at += rest.indexOf('\n') < 0 ? rest.length : rest.indexOf('\n') - 1;
    } else if (/[<>]/.test(char)) {
      if (/^\d$/.test(word)) word = '';
      endWord();
      while (/[<>&]/.test(text[at + 1] ?? '')) at++;
      // `>` may be followed by `&` and a target, as in `2>&1`.
      if (next !== 'target') before = next;
      next = 'target';
    } else if (/[;&|()\n]/.test(char)) {
      endWord();
      if (next === 'pattern') {
        if (char === ')') next = 'command';
      } else if (next !== 'subject') {
        next = rest.startsWith(';;') ? 'pattern' : 'command';
        if (next === 'pattern') at++;
      }
    } else if (/\s/.test(char)) {
      endWord();
    } else {
      word += char;
    }
  }
  endWord();
}

/** Parses the text in `$(…)`, quoted or not. */
function substitutions(text: string, words: Set<string>): void {
  for (let at = text.indexOf('$('); at >= 0; at = text.indexOf('$(', at)) {
    const end = endOf(text, at + 1);
    const inner = text.slice(at + 2, end);
    // `$((…))` is arithmetic and starts no program.
    if (inner.startsWith('(')) substitutions(inner, words);
    else collect(inner, words);
    at = end;
  }
}

/** The position of the quote or bracket that closes the one at `open`. */
function endOf(text: string, open: number): number {
  const close = { '"': '"', '(': ')', '{': '}' }[text[open]]!;
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === close) return at;
    if (text[at] === '\\') at++;
    else if (text[at] === "'" && close !== '"') at = text.indexOf("'", at + 1);
    else if (text[at] === '"') at = endOf(text, at);
    else if (/^\$[({]/.test(text.slice(at))) at = endOf(text, at + 1);
    else if (text[at] === '(' && close === ')') at = endOf(text, at);
  }
  return text.length;
}
