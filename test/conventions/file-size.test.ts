import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { ROOT } from '../support/run';

const MOST = 250;

/** True if a file is short enough, or gives a reason: `// Longer than 250 lines: …`. */
function small(text: string): boolean {
  return text.trimEnd().split('\n').length <= MOST || /^\/\/ Longer than 250 lines: \S/m.test(text);
}

test('no file of lib/ has more than 250 lines without a reason in it', () => {
  const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => !small(readFileSync(join(ROOT, 'lib', file), 'utf8')))).toEqual([]);
});

test.each([
  ['250 lines', '1\n'.repeat(250), true],
  ['251 lines', '1\n'.repeat(251), false],
  ['251 lines and a reason', '1\n'.repeat(250) + '// Longer than 250 lines: a table is read as one.\n', true],
  ['251 lines and no reason', '1\n'.repeat(250) + '// Longer than 250 lines:\n', false],
])('the check of file sizes: %s', (_what, text, fits) => {
  expect(small(text)).toBe(fits);
});
