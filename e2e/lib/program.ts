import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text of a program of e2e/programs/, which runs in a pod. */
export function program(name: string): string {
  return readFileSync(join(__dirname, '..', 'programs', name), 'utf8');
}
