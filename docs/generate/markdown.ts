// Functions that write the Markdown of generated pages.

export interface Page {
  /** File name below docs/reference/. */
  readonly file: string;
  readonly title: string;
  readonly body: string;
}

export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

export function code(text: string | number): string {
  return `\`${text}\``;
}

export function list(items: (string | number)[], nothing = '–'): string {
  return items.length > 0 ? items.map(code).join(', ') : nothing;
}

/** Joins paragraphs, headings and tables with empty lines. */
export function lines(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join('\n\n');
}
