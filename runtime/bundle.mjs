// Bundles the programs that run inside the cluster into build/runtime/, where the constructs read them:
// every runtime/<name>/main.ts becomes <name>.js, one file without imports; Python and shell files are copied as they are.
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const source = dirname(fileURLToPath(import.meta.url));
const target = join(source, '..', 'build', 'runtime');

export function bundle() {
  mkdirSync(target, { recursive: true });
  for (const folder of readdirSync(source, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    const main = join(source, folder.name, 'main.ts');
    if (existsSync(main)) {
      buildSync({
        entryPoints: [main],
        outfile: join(target, `${folder.name}.js`),
        bundle: true,
        platform: 'node',
        target: 'node22',
        format: 'cjs',
        charset: 'utf8',
        logLevel: 'warning',
      });
    }
    for (const file of readdirSync(join(source, folder.name))) {
      if (/\.(py|sh)$/.test(file)) copyFileSync(join(source, folder.name, file), join(target, file));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) bundle();
