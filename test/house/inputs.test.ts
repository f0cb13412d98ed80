import { readFileSync } from 'fs';
import { join } from 'path';
import { publicInputs } from './public-inputs';
import { tableText } from './write-inputs';
import { EXPECTED } from '../../lib/inputs/expected';
import { ROOT } from '../support/run';

const inputs = publicInputs();

test('lib/inputs/table.ts is what `npm run inputs` writes', async () => {
  expect(readFileSync(join(ROOT, 'lib/inputs/table.ts'), 'utf8')).toBe(await tableText(inputs));
});

test('each word of lib/inputs/expected.ts is of a type or a prop that there is', () => {
  const fields = Object.values({ ...inputs.structs, ...inputs.calls }).flatMap(Object.entries);
  const known = new Set<string>([
    ...fields.map(([name, type]) => `${type.replace(/[?{}[\]]/g, '')} ${name}`),
    ...fields.map(([, type]) => type.replace(/[?{}[\]]/g, '')),
  ]);
  expect(Object.keys(EXPECTED).filter((key) => !known.has(key))).toEqual([]);
});
