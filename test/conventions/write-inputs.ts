// A program that writes lib/inputs/table.ts.
import { writeFileSync } from 'fs';
import { join } from 'path';
import { format, resolveConfig } from 'prettier';
import { PublicInputs, publicInputs } from './public-inputs';
import { ROOT } from '../support/run';

const FILE = join(ROOT, 'lib/inputs/table.ts');

const row = ([name, value]: [string, unknown]) => `${JSON.stringify(name)}: ${JSON.stringify(value)},`;

/** The text of lib/inputs/table.ts. */
export async function tableText(inputs: PublicInputs = publicInputs()): Promise<string> {
  const tables = Object.entries(inputs).map(([name, table]) => {
    const type = name === 'structs' || name === 'calls' ? 'Record<string, string>' : 'string[]';
    const rows = Object.entries(table).map(row).join('\n');
    return `export const ${name.toUpperCase()}: Record<string, ${type}> = {\n${rows}\n};\n`;
  });
  const text = [
    '// Longer than 250 lines: it is generated.',
    '// Generated from the types of lib/index.ts by `npm run inputs`. What a user may hand to the public API:',
    '// `string` is required, `string?` optional, `X[]` a list, `{X}` a record; the rest are names of these tables.',
    ...tables,
  ].join('\n');
  return format(text, { ...(await resolveConfig(FILE)), filepath: FILE });
}

if (require.main === module) {
  void tableText().then((text) => writeFileSync(FILE, text));
}
