// Packs the output of `npm run build`, once for all tests of the package: build/package/cdk8s-mlflow-<version>.tgz.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const target = join(root, 'build', 'package');

export default function pack() {
  for (const built of ['build/lib/index.js', 'build/bin/cdk8s-mlflow.js', '.jsii']) {
    if (!existsSync(join(root, built))) throw new Error(`there is no ${built}: 'npm run build' makes it`);
  }
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const { status, stderr } = spawnSync('npm', ['pack', '--silent', '--pack-destination', target], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm pack: ${stderr}`);
}
