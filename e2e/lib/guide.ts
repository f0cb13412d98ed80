import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process';
import { pages } from '../../test/docs/pages';

export interface Section {
  readonly heading: string;
  readonly commands: string;
}

export interface GuideOptions {
  /** Headings of the sections. @default all sections */
  readonly sections?: string[];
  /** The namespace that replaces `mlflow` after `-n`. */
  readonly namespace?: string;
  /** Texts of the page and their replacements: things that the test machine has already, or cannot have. */
  readonly instead?: Record<string, string>;
}

/** The shell commands of a page of the docs, section by section. */
export function commandsOf(file: string, options: GuideOptions = {}): Section[] {
  const { sections, namespace, instead = {} } = options;
  const blocks = pages.find((page) => page.file === file)!.blocks.filter(({ language }) => language === 'sh');
  const headings = [...new Set(blocks.map(({ section }) => section))];
  const unknown = sections?.find((section) => !headings.includes(section));
  if (unknown) throw new Error(`${file} has no commands under '${unknown}'; expected one of ${headings.join(', ')}`);
  const wanted = headings
    .filter((heading) => sections?.includes(heading) ?? true)
    .map((heading) => ({ heading, commands: blocks.filter((each) => each.section === heading) }))
    .map(({ heading, commands }) => ({ heading, commands: commands.map(({ code }) => code).join('') }));
  for (const text of Object.keys(instead)) {
    if (!wanted.some(({ commands }) => commands.includes(text))) {
      throw new Error(`${file} does not contain the text to replace: ${text}`);
    }
  }
  return wanted.map(({ heading, commands }) => {
    const changed = Object.entries(instead).reduce((all, [text, other]) => all.replaceAll(text, other), commands);
    return { heading, commands: namespace ? changed.replaceAll(/-n mlflow(?=\s)/g, `-n ${namespace}`) : changed };
  });
}

/** Copies the YAML to the path that the pages use, below the folder in which their commands run. */
export function putIntoDist(folder: string, manifest: string): void {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  symlinkSync(manifest, join(folder, 'dist', 'mlflow.k8s.yaml'));
}

/** Runs the commands in one shell, and returns the output of each section. Throws if a command fails. */
export function paste(sections: Section[], folder: string, seconds = 600): Record<string, string> {
  const marked = sections.map(({ heading, commands }) => `echo; echo ${JSON.stringify(`=== ${heading}`)}\n${commands}`);
  // Background processes, e.g. a port-forward, end with the shell.
  const script = ['set -euo pipefail', `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT`, 'cd "$0"', ...marked].join(
    '\n',
  );
  const { status, stdout, stderr } = run('bash', ['-c', script, folder], { seconds });
  if (status !== 0) throw new Error(`${stdout.split(/^=== /m).pop()}\n${stderr.slice(-4000)}`);
  const printed = stdout.split(/^=== /m).slice(1);
  return Object.fromEntries(sections.map(({ heading }, at) => [heading, printed[at].slice(heading.length + 1)]));
}
