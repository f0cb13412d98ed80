import { spawn } from 'node:child_process';
import { Result, run, RunOptions } from './process';

export interface Forward {
  readonly port: number;
  stop(): void;
}

/** kubectl in one namespace. */
export class Namespace {
  constructor(public readonly name: string) {}

  public try(args: string[], options?: RunOptions): Result {
    return run('kubectl', ['--namespace', this.name, ...args], options);
  }

  /** Throws if kubectl fails. */
  public kubectl(...args: string[]): string {
    const result = this.try(args);
    if (result.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr || result.stdout}`);
    return result.stdout;
  }

  public json<T = any>(...args: string[]): T {
    return JSON.parse(this.kubectl(...args, '--output', 'json'));
  }

  public create(object: object): void {
    this.handOver('create', object);
  }

  /** @param manifests an object, or YAML */
  public apply(manifests: object | string): void {
    this.handOver('apply', manifests);
  }

  /** The decoded value of a key of a Secret. */
  public secret(name: string, key: string): string {
    const { data } = this.json<{ data: Record<string, string> }>('get', 'secret', name);
    return Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  }

  /** `kubectl port-forward` to a free local port. */
  public async forward(target: string, port: number): Promise<Forward> {
    const child = spawn('kubectl', ['--namespace', this.name, 'port-forward', target, `:${port}`]);
    const local = await new Promise<number>((resolve, reject) => {
      let text = '';
      const read = (chunk: Buffer) => {
        text += chunk;
        const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(text);
        if (found) resolve(Number(found[1]));
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', () => reject(new Error(`kubectl port-forward ${target}: ${text}`)));
    });
    return { port: local, stop: () => void child.kill() };
  }

  public remove(): void {
    run('kubectl', ['delete', 'namespace', this.name, '--ignore-not-found', '--wait', '--timeout', '180s']);
  }

  private handOver(verb: string, manifests: object | string): void {
    const input = typeof manifests === 'string' ? manifests : JSON.stringify(manifests);
    const { status, stderr } = this.try([verb, '--filename', '-'], { input });
    if (status !== 0) throw new Error(stderr);
  }

  /** Pods, events and logs, to find out why a test failed. */
  public report(): string {
    const looks = [
      ['get', 'pods,jobs,pvc', '--output', 'wide'],
      ['get', 'events', '--sort-by', '.lastTimestamp'],
    ];
    const pods = this.try(['get', 'pods', '--output', 'name']).stdout.split('\n').filter(Boolean);
    const logs = pods.map((pod) => ['logs', pod, '--all-containers', '--prefix', '--tail', '30']);
    return [...looks, ...logs].map((args) => this.try(args).stdout).join('\n');
  }
}
