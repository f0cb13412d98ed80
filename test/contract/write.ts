// npm run contract -- <version>: writes the contract of the present output, which the next version must not break.
import { writeFileSync } from 'fs';
import { RELEASED, outputs } from './outputs';

const [, , version = ''] = process.argv;
if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
  console.error('usage: npm run contract -- <version>, e.g. 1.2.0, without v');
  process.exit(1);
}

// One object on each line, so that a diff is readable.
const lines = (entries: [string, unknown][], indent: string, write: (value: any) => string) =>
  entries.map(([name, value]) => `${indent}${JSON.stringify(name)}: ${write(value)}`).join(',\n');
const outputsText = lines(Object.entries(outputs()), '    ', (contract) => {
  const objects = lines(Object.entries(contract), '      ', (facts) => JSON.stringify(facts));
  return `{\n${objects}\n    }`;
});
writeFileSync(RELEASED, `{\n  "version": ${JSON.stringify(version)},\n  "outputs": {\n${outputsText}\n  }\n}\n`);
