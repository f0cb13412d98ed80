import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The errors of Kubernetes' own decoding and validation, one line each, with the name of the YAML. */
export function complaints(yamls: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'validate-'));
  try {
    const names = Object.keys(yamls);
    const files = names.map((name, index) => {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, yamls[name]);
      return file;
    });
    const { error, status, stdout, stderr } = spawnSync(validator(), files, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (error || ![0, 1].includes(status ?? -1)) throw error ?? new Error(`it exited with ${status}: ${stderr}`);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^.*\/(\d+)\.yaml/, (_, index) => names[Number(index)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function validator(): string {
  const folders = [process.env.TOOLS, ...(process.env.PATH ?? '').split(delimiter)].filter((folder) => folder);
  const found = folders.map((folder) => join(folder!, 'kubernetes-validate')).find((file) => existsSync(file));
  if (!found) throw new Error("kubernetes-validate is neither in $TOOLS nor on the PATH: '. .ci/tools' builds it");
  return found;
}
