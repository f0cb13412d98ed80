// Bundles the command `cdk8s-mlflow` with its libraries into one file, so that the package does not depend on them. Their
// licenses must be distributed with them, so a second file contains those.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const source = dirname(fileURLToPath(import.meta.url));
const target = join(source, '..', 'build', 'bin');

const { metafile } = buildSync({
  entryPoints: [join(source, 'main.ts')],
  outfile: join(target, 'cdk8s-mlflow.js'),
  absWorkingDir: join(source, '..'),
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  charset: 'utf8',
  alias: { 'node-fetch': join(source, 'doctor', 'fetch.mjs') },
  metafile: true,
  logLevel: 'warning',
});

const packages = new Set(
  Object.keys(metafile.inputs).flatMap((file) => file.match(/^node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? []),
);
const licenses = [...packages].sort().map((folder) => {
  const license = readdirSync(folder).find((file) => /^(un)?licen[cs]e/i.test(file));
  if (!license)
    throw new Error(`${folder}: no file with a license; expected one, because its code is part of the bundle`);
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version}\n\n${readFileSync(join(folder, license), 'utf8').trim()}\n`;
});
writeFileSync(join(target, 'THIRD-PARTY-LICENSES'), licenses.join(`\n${'-'.repeat(80)}\n\n`));
