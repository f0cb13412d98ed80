// Jest's transform for TypeScript: esbuild removes the types without checking them. `npm run lint` checks them. ts-jest
// needs ten times the processor time.
const { transformSync, version } = require('esbuild');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');

const itself = readFileSync(__filename);

module.exports = {
  process: (source, file) =>
    transformSync(source, {
      loader: 'ts',
      format: 'cjs',
      target: 'node20',
      sourcemap: 'inline',
      sourcefile: file,
    }),
  getCacheKey: (source, file) => createHash('sha256').update([itself, version, file, source].join('\0')).digest('hex'),
};
