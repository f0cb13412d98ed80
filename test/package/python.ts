import { createHash } from 'crypto';
import { existsSync, rmSync, writeFileSync } from 'fs';
import { homedir } from 'os';
import { join } from 'path';
import { version as jsii } from 'jsii-pacmak/package.json';
import { run } from './package';
import { devDependencies, version } from '../../package.json';
import { ROOT } from '../support/run';

const WHEEL = join(ROOT, 'build', 'jsii', 'python', `cdk8s_mlflow-${version}-py3-none-any.whl`);

// The Python form of the tests' npm packages, in the same versions, because the tests compare bytes of YAML. And the oldest
// jsii that the wheel accepts.
const REQUIREMENTS = [
  ...(['cdk8s', 'cdk8s-plus-27', 'constructs'] as const).map((name) => `${name}==${devDependencies[name]}`),
  `jsii==${jsii}`,
  'mypy==2.4.1',
];

/** Builds the wheel, and installs it for the programs of one folder. Returns a function that runs Python there. */
export function installWheel(folder: string): (cwd: string, ...args: string[]) => string {
  run(ROOT, 'npx', 'jsii-pacmak', '--outdir', 'build/jsii', '--target', 'python');
  const packages = join(folder, 'packages');
  const python = pythonOf(REQUIREMENTS);
  run(folder, python, '-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--target', packages, WHEEL);
  return (cwd, ...args) => run(cwd, 'env', `PYTHONPATH=${packages}`, python, ...args);
}

/** The Python of an environment, which is created once for each list of requirements, as in e2e/venv. */
function pythonOf(requirements: string[]): string {
  const key = createHash('sha256').update(requirements.join('\n')).digest('hex').slice(0, 12);
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const venv = join(cache, 'cdk8s-mlflow', `python-${key}`);
  const python = join(venv, 'bin', 'python');
  if (!existsSync(join(venv, 'complete'))) {
    rmSync(venv, { recursive: true, force: true });
    run(ROOT, 'python3', '-m', 'venv', venv);
    run(ROOT, python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements);
    writeFileSync(join(venv, 'complete'), '');
  }
  return python;
}
