import { ChildProcess } from 'node:child_process';
import { ClientPod, throughTheProxy } from './client-pod';
import { Namespace } from './namespace';
import { until } from './process';
import { program } from './program';

const RECORD = '/tmp/record.jsonl';
const STOP = '/tmp/stop';
export const THREADS = 6;

/** A line of the writer's record; see programs/durability_write.py. */
interface Entry {
  readonly at: number;
  readonly done?: string;
  readonly failed?: string;
  readonly error?: string;
  readonly retried?: string;
  readonly round?: number;
  readonly begun?: number;
  readonly stopped?: boolean;
}

/** A client that logs runs without pause, and records what the server acknowledged. */
export class Writer {
  /**
   * @param threads each is a separate client, with one request at a time
   * @param pause seconds between two runs of a thread
   * @param secret of its login, with the keys `username` and `password`
   */
  public static async start(namespace: Namespace, threads = THREADS, pause = 0, secret?: string): Promise<Writer> {
    const writer = new Writer(ClientPod.start(namespace, 'writer', throughTheProxy(secret)), threads);
    writer.child = writer.pod.background(program('durability_write.py'), [
      String(threads),
      RECORD,
      STOP,
      String(pause),
    ]);
    await writer.untilWriting(1, 300);
    return writer;
  }

  private readonly entries: Entry[] = [];
  private child?: ChildProcess;

  private constructor(
    private readonly pod: ClientPod,
    private readonly threads: number,
  ) {}

  /** Waits until this many threads have logged a whole run that they began after now. */
  public async untilWriting(threads = this.threads, seconds = 300): Promise<void> {
    this.read();
    const now = this.pod.run(['date', '+%s.%N']).stdout;
    await until(`${threads} threads that write again`, seconds, () => {
      const rounds = this.read().filter(({ begun }) => begun !== undefined && begun > Number(now));
      return new Set(rounds.map(({ round }) => round)).size >= threads;
    });
  }

  /** Calls that failed in spite of the client's retries. */
  public failures(): string[] {
    return this.read().flatMap(({ failed, error }) => (failed ? [`${failed}: ${error}`] : []));
  }

  /** The retries of the client. */
  public retries(): string[] {
    return this.read().flatMap(({ retried }) => (retried ? [retried] : []));
  }

  public async stop(): Promise<void> {
    this.pod.run(['touch', STOP]);
    await until('the writer ended', 300, () => this.read().some(({ stopped }) => stopped));
    this.leave();
  }

  /** Ends the local kubectl, which otherwise runs as long as the pod. */
  public leave(): void {
    this.child?.kill();
  }

  /**
   * Acknowledged calls, and those whose result is missing.
   *
   * @param seconds limit of reading all of it
   */
  public readBack(seconds = 400): { acknowledged: Record<string, number>; missing: string[] } {
    const { status, stdout, stderr } = this.pod.python(program('durability_read.py'), [RECORD], { seconds });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').pop()!);
  }

  /** Reads the lines that were added to the record. */
  private read(): Entry[] {
    const { stdout } = this.pod.run(['sh', '-c', `tail -n +${this.entries.length + 1} ${RECORD} 2>/dev/null || true`]);
    const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
    this.entries.push(
      ...whole
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    );
    return this.entries;
  }
}
