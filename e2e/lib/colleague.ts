import { ClientPod, throughTheProxy } from './client-pod';
import { Namespace } from './namespace';
import { until } from './process';
import { program } from './program';

/** Somebody in the cluster who comes through the door with MLflow's client. */
export class Colleague {
  public static start(namespace: Namespace, image: string): Colleague {
    const pod = ClientPod.start(namespace, 'colleague', { image, ...throughTheProxy() });
    return new Colleague(pod);
  }

  /** @param pod which knows its server by its environment */
  constructor(private readonly pod: ClientPod) {}

  /** Makes some of all that people have in a tracking server. */
  public writeHistory(): void {
    this.history('write');
  }

  /** All that the server tells of it. */
  public showHistory(): object {
    return JSON.parse(this.history('show'));
  }

  public startReading(): Promise<Reader> {
    return Reader.start(this.pod);
  }

  private history(what: string): string {
    const { status, stdout, stderr } = this.pod.python(program('history.py'), [what]);
    if (status !== 0) throw new Error(`history.py ${what}: ${stderr.slice(-2000)}`);
    return stdout;
  }
}

export interface Readings {
  /** How often each kind was read. */
  readonly counts: Record<string, number>;
  readonly failed: { at: number; what: string; error: string }[];
  /** Which version answered, each time that it was another one than before; times in seconds since 1970. */
  readonly versions: { version: string; asked: number; answered: number }[];
}

let readers = 0;

/**
 * Reads without pause until it is told to stop. It writes to files of its pod: an exec that lasted as long would lean on
 * its connection.
 */
export class Reader {
  public static async start(pod: ClientPod): Promise<Reader> {
    const reader = new Reader(pod, `/tmp/reader-${++readers}`);
    const { folder } = reader;
    const start = `set -e; mkdir ${folder}; cd ${folder}; cat >reader.py
      (setsid python reader.py stop >readings.part 2>errors </dev/null; mv readings.part readings) >/dev/null 2>&1 &`;
    reader.shell(start, program('reader.py'));
    await until('the first reads', 120, () => pod.run(['test', '-e', `${folder}/begun`]).status === 0);
    return reader;
  }

  private constructor(
    private readonly pod: ClientPod,
    private readonly folder: string,
  ) {}

  public async stop(): Promise<Readings> {
    this.shell(`touch ${this.folder}/stop`);
    const read = () => this.pod.run(['cat', `${this.folder}/readings`]);
    // A read that is under way may be in its retries.
    const { stdout } = await until('the reader to end', 300, () => [read()].find(({ status }) => status === 0));
    if (!stdout.startsWith('{')) throw new Error(`reader.py: ${this.shell(`cat ${this.folder}/errors`)}`);
    return JSON.parse(stdout);
  }

  private shell(command: string, input?: string): string {
    const { status, stdout, stderr } = this.pod.run(['sh', '-c', command], { input });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  }
}
