import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildSync } from 'esbuild';
import { ROOT } from './run';
import { pages } from '../docs/pages';
import { Program, programsOf, removeAll, writeAll } from '../docs/programs';

const page = pages.find(({ file }) => file === 'docs/how-to/helm.md')!;
const make = page.blocks.find(({ section }) => section === 'Make the chart')!.code;

/** The code of docs/how-to/helm.md. */
export const [code] = programsOf(page);
/** The values that the page writes into the chart. */
export const defaults: Record<string, string> = Object.fromEntries(
  /^cat > chart\/values\.yaml .*\n([^]*?)^YAML$/m
    .exec(make)![1]
    .trim()
    .split('\n')
    .map((line) => line.split(': ')),
);

/** A Helm chart, made by the commands of the page. */
export class HelmChart {
  /** In build/, because the library looks for build/runtime/ in its parent folders. */
  private readonly project = join(ROOT, 'build', `helm-${process.pid}`);

  public constructor(source: Program = code) {
    mkdirSync(this.project, { recursive: true });
    writeAll([source]);
    buildSync({
      entryPoints: [source.file],
      outfile: join(this.project, 'main.js'),
      bundle: true,
      platform: 'node',
      packages: 'external',
      alias: { 'cdk8s-mlflow': join(ROOT, 'lib', 'index.ts') },
      logLevel: 'warning',
    });
    removeAll();
    writeFileSync(join(this.project, 'cdk8s.yaml'), 'language: typescript\napp: node main.js\n');
    const env = { ...process.env, CDK8S_CHECK_UPGRADE: 'false' };
    execFileSync('bash', ['-euc', make], { cwd: this.project, env });
  }

  /** Whether the chart has this file. */
  public has(...file: string[]): boolean {
    return existsSync(join(this.project, 'chart', ...file));
  }

  /** Runs Helm in the folder in which the chart is `chart`. Throws if it fails. */
  public helm(...args: string[]): string {
    return execFileSync(executable(), args, { cwd: this.project, encoding: 'utf8', maxBuffer: 2 ** 28 });
  }

  public remove(): void {
    rmSync(this.project, { recursive: true, force: true });
  }
}

function executable(): string {
  const folders = [process.env.TOOLS, ...(process.env.PATH ?? '').split(delimiter)].filter((folder) => folder);
  const found = folders.map((folder) => join(folder!, 'helm')).find((file) => existsSync(file));
  if (!found) throw new Error("helm is neither in $TOOLS nor on the PATH: '. .ci/tools' builds it");
  return found;
}
