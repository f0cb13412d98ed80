import { ClientPod, throughTheProxy } from './client-pod';
import { Namespace } from './namespace';
import { until } from './process';
import { program } from './program';

/** A user in the cluster with MLflow's own client, which uses the proxy. */
export class Colleague {
  public static start(namespace: Namespace, image: string): Colleague {
    const pod = ClientPod.start(namespace, 'colleague', { image, ...throughTheProxy() });
    return new Colleague(pod);
  }

  /** @param pod has the server and the login in its environment variables */
  constructor(private readonly pod: ClientPod) {}

  /** Creates runs, models, files and more, some of each kind that users have. */
  public writeHistory(): void {
    this.history('write');
  }

  /** Reads everything that `writeHistory` creates. */
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
  /** One entry each time that another version of MLflow answers; times in seconds since 1970. */
  readonly versions: { version: string; asked: number; answered: number }[];
}

let readers = 0;

/**
 * Reads without pause until `stop()`. It writes to files of its pod, because the connection of a long `kubectl exec` may
 * break.
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
    // The last read may still be in its retries.
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
