import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join, relative, resolve } from 'node:path';
import { ALLOWED, Exception } from './lint-allow-list';
import { Manifest, parseManifests, title } from '../output/manifests';

/*
 * Runs the analysers with which users check manifests on a folder of YAML: $MANIFESTS, or dist/. The test looks for the
 * programs in $TOOLS, then on the PATH.
 */

interface Finding {
  readonly check: string;
  /** `Kind/name` */
  readonly object: string;
  readonly message: string;
}

const ROOT = resolve(__dirname, '..', '..');
const FOLDER = resolve(process.env.MANIFESTS ?? join(ROOT, 'dist'));
const INSTALL: Record<string, string> = {
  'kube-score': 'go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0',
  checkov: 'python3 -m venv tools && tools/bin/pip install checkov==3.3.30',
};

const findings = { 'kube-score': kubeScore, checkov };

describe.each(Object.keys(findings) as (keyof typeof findings)[])('%s', (name) => {
  let found: Finding[];
  beforeAll(() => {
    found = findings[name]();
  }, 300_000);

  test('reports only findings of the allow-list', () => {
    const left = found.filter((finding) => !ALLOWED.some((exception) => covers(exception, finding)));
    expect(left.map(({ check, object, message }) => `${check} ${object}: ${message}`)).toEqual([]);
  });

  test('still reports every finding of the allow-list', () => {
    const stale = ALLOWED.filter(({ check }) => check.startsWith('CKV') === (name === 'checkov')).filter(
      (exception) => !found.some((finding) => covers(exception, finding)),
    );
    expect(stale.map(({ check, objects }) => `${check} ${objects} matches nothing any more: remove it`)).toEqual([]);
  });
});

test('the YAML has no exception for a linter, which the allow-list would not show', () => {
  const hidden = manifests().filter(({ metadata }) =>
    Object.keys(metadata.annotations ?? {}).some((key) => /^(kube-score\/ignore|checkov\.io\/skip)/.test(key)),
  );
  expect(hidden.map(title)).toEqual([]);
});

function covers({ check, objects }: Exception, finding: Finding): boolean {
  return check === finding.check && objects.test(finding.object);
}

/** Every grade below OK is a finding, also a warning. */
function kubeScore(): Finding[] {
  const output = run('kube-score', [
    'score',
    '--output-format=json',
    '--kubernetes-version=v1.35',
    '--disable-ignore-checks-annotations',
    ...files(),
  ]);
  const scored: any[] = JSON.parse(output) ?? [];
  const objects = scored.map(({ type_meta, object_meta }) => `${type_meta.kind}/${object_meta.name}`);
  // The program reports nothing about an object that it cannot read.
  const unread = manifests()
    .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job', 'CronJob', 'Service', 'NetworkPolicy'].includes(kind))
    .map(title)
    .filter((object) => !objects.includes(object));
  if (unread.length > 0) throw new Error(`kube-score did not read ${unread.join(', ')}`);
  return scored.flatMap(({ checks }, index) =>
    checks
      .filter(({ skipped, grade }: any) => !skipped && grade < 10)
      .map(({ check, comments }: any) => ({
        check: check.id,
        object: objects[index],
        message: (comments ?? []).map(({ path, summary }: any) => `${path} ${summary}`.trim()).join('; ') || check.name,
      })),
  );
}

function checkov(): Finding[] {
  const output = run('checkov', [
    '--directory',
    FOLDER,
    ...['--framework', 'kubernetes', '--output', 'json', '--compact', '--quiet', '--skip-download'],
  ]);
  const { summary, results } = JSON.parse(output);
  if (!summary?.resource_count || summary.parsing_errors > 0) {
    throw new Error(`checkov could not read ${FOLDER}: ${JSON.stringify(summary)}`);
  }
  return results.failed_checks.map(({ check_id, check_name, check_result, resource }: any) => {
    const [kind, , ...name] = resource.split('.');
    const fields = (check_result.evaluated_keys ?? []).join(', ');
    return { check: check_id, object: `${kind}/${name.join('.')}`, message: `${check_name} ${fields}`.trim() };
  });
}

function files(): string[] {
  if (!existsSync(FOLDER)) throw new Error(`no folder ${FOLDER}: run 'npm run synth', or set MANIFESTS`);
  const found = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => /\.ya?ml$/.test(file));
  if (found.length === 0) throw new Error(`no YAML in ${relative(ROOT, FOLDER)}`);
  return found.sort().map((file) => join(FOLDER, file));
}

function manifests(): Manifest[] {
  return files().flatMap((file) => parseManifests(readFileSync(file, 'utf8')));
}

/** Standard output of an analyser. All of them exit with 1 if they have findings. */
function run(name: string, args: string[]): string {
  files();
  const { error, status, stdout, stderr } = spawnSync(program(name), args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (error || !stdout.trim()) throw error ?? new Error(`${name} exited with ${status}: ${stderr.slice(-2000)}`);
  return stdout;
}

function program(name: string): string {
  const folders = [process.env.TOOLS, ...(process.env.PATH ?? '').split(delimiter)].filter((folder) => folder);
  const found = folders.map((folder) => join(folder!, name)).find(isProgram);
  if (!found) throw new Error(`${name} is neither in $TOOLS nor on the PATH; to install it: ${INSTALL[name]}`);
  return found;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
