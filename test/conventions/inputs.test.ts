import { publicInputs } from './public-inputs';
import { EXPECTED } from '../../lib/inputs/expected';
import { CALLS, CLASSES, ENUMS, STRUCTS } from '../../lib/inputs/table';
import { inputs as tried } from '../inputs/wrong-inputs';

const inputs = publicInputs();

/** The structs that a caller passes. The other structs are results of a database or a store that the user wrote. */
function structsOf(fields: Record<string, string>[], found = new Set<string>()): Set<string> {
  const types = fields.flatMap(Object.values).map((type) => type.replace(/[?{}[\]]/g, ''));
  for (const type of types.filter((each) => each in STRUCTS && !found.has(each))) {
    found.add(type);
    structsOf([STRUCTS[type]], found);
  }
  return found;
}

test('lib/inputs/table.ts has every public prop (`npm run inputs` writes it)', () => {
  expect({ structs: STRUCTS, calls: CALLS, classes: CLASSES, enums: ENUMS }).toEqual(inputs);
});

test('each entry of lib/inputs/expected.ts has a type or a prop that exists', () => {
  const plain = (type: string) => type.replace(/[?{}[\]]/g, '');
  const fields = Object.values({ ...inputs.structs, ...inputs.calls }).flatMap(Object.entries);
  const known = new Set(fields.flatMap(([name, type]) => [plain(type), `${plain(type)} ${name}`]));
  expect(Object.keys(EXPECTED).filter((key) => !known.has(key))).toEqual([]);
});

test('every public prop and parameter has wrong values in the table of test/inputs/wrong-inputs.ts', () => {
  const names = tried().map(({ name }) => name);
  const parameters = Object.entries(CALLS).flatMap(([call, of]) => Object.keys(of).map((name) => `${call} ${name}`));
  expect(parameters.filter((start) => !names.some((name) => name.startsWith(`${start} = undefined`)))).toEqual([]);
  const props = new Set(names.flatMap((name) => name.match(/(?<=\.)\w+(?= = undefined$)/g) ?? []));
  const given = [...structsOf(Object.values(CALLS))].flatMap((struct) => Object.keys(STRUCTS[struct]));
  expect(given.filter((prop) => !props.has(prop))).toEqual([]);
});
