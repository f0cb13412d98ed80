// Each Python block of README and docs is the program of an example. test/package/python.test.ts runs it.
import { existsSync, readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { blocks } from './pages';
import { ROOT } from '../support/run';

const programs = readdirSync(join(ROOT, 'examples'))
  .map((name) => join(ROOT, 'examples', name, 'main.py'))
  .filter(existsSync)
  .map((file) => readFileSync(file, 'utf8'));
const python = blocks.filter(({ language }) => language === 'python');

test('the pages contain a Python block', () => {
  expect(python.map(({ at }) => at)).toContainEqual(expect.stringMatching(/^docs\/how-to\/python\.md/));
});

test.each(python)('the Python block at $at is equal to the program of an example', ({ code }) => {
  expect(programs).toContain(code);
});
