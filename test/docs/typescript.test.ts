// Each TypeScript block of README and docs compiles with the library's types, and runs.
import { pages } from './pages';
import { objectsOf, programsOf, removeAll, typeErrors, writeAll } from './programs';

const programs = pages.flatMap(programsOf);
writeAll(programs);
afterAll(removeAll);
const errors = typeErrors(programs);
const objects = objectsOf(programs);

test('the pages contain TypeScript blocks, also one that a shell block writes', () => {
  expect(programs.length).toBeGreaterThan(10);
  expect(programs.map(({ at }) => at)).toContainEqual(expect.stringMatching(/^docs\/tutorial\//));
});

describe.each(programs)('the TypeScript block at $at', (program) => {
  test('compiles', () => expect(errors[program.at]).toEqual([]));

  test('synthesizes', () => {
    const kinds = objects[program.file]().map(({ kind }) => kind);
    expect(kinds).toContain('Deployment');
  });
});
