import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Namespace } from './namespace';
import { run } from './process';

export interface Found {
  readonly check: string;
  readonly severity: string;
  readonly object: string;
  readonly says: string;
  readonly todo: string;
  readonly consequences: readonly string[];
}

export interface Examination {
  readonly status: number | null;
  readonly findings: readonly Found[];
  readonly notExamined: readonly string[];
}

/** `cdk8s-mlflow doctor` as a process, on one namespace. */
export class Doctor {
  private readonly command = join(mkdtempSync(join(tmpdir(), 'doctor-')), 'cdk8s-mlflow.js');

  constructor(private readonly namespace: Namespace) {
    const entry = join(__dirname, '..', '..', 'cli', 'main.ts');
    buildSync({ entryPoints: [entry], outfile: this.command, bundle: true, platform: 'node', logLevel: 'error' });
  }

  public examine(...options: string[]): Examination {
    const args = ['doctor', '--namespace', this.namespace.name, '--format', 'json', ...options];
    const { status, stdout, stderr } = run(process.execPath, [this.command, ...args]);
    if (status !== 0 && status !== 1) throw new Error(stderr);
    return { status, ...JSON.parse(stdout) };
  }
}

/** Copies of objects from before a change, to put them back. */
export class Saved {
  private readonly objects: any[] = [];

  constructor(private readonly namespace: Namespace) {}

  public save(...names: string[]): void {
    for (const name of names) {
      const { status: _status, metadata, ...object } = this.namespace.json('get', name);
      const { name: own, namespace, labels, annotations } = metadata;
      this.objects.push({ ...object, metadata: { name: own, namespace, labels, annotations } });
    }
  }

  public restore(): void {
    for (const object of this.objects.splice(0)) {
      const input = JSON.stringify(object);
      const replaced = this.namespace.try(['replace', '--filename', '-'], { input });
      if (replaced.status !== 0) this.namespace.create(object);
    }
  }
}
