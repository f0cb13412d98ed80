import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Manifests of e2e/fixtures/, in which each `$NAME` is replaced by its value. */
export function fixture(file: string, values: Record<string, string>): string {
  const template = readFileSync(join(__dirname, '..', 'fixtures', file), 'utf8');
  return template.replace(/\$([A-Z_]+)/g, (name, key) => values[key] ?? name);
}
