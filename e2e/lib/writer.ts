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

/** Somebody who logs runs without pause, and remembers what was acknowledged. */
export class Writer {
  /** @param threads each a client of its own as the server sees it, with one request at a time */
  public static async start(namespace: Namespace, threads = THREADS): Promise<Writer> {
    const writer = new Writer(ClientPod.start(namespace, 'writer', throughTheProxy()), threads);
    writer.child = writer.pod.background(program('durability_write.py'), [String(threads), RECORD, STOP]);
    await writer.untilWriting(1, 300);
    return writer;
  }

  private readonly entries: Entry[] = [];
  private child?: ChildProcess;

  private constructor(
    private readonly pod: ClientPod,
    private readonly threads: number,
  ) {}

  /** Waits until every thread, or as many as are wanted, has been through a whole run that it began after now. */
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

  /** How often the client tried again by itself. */
  public retries(): string[] {
    return this.read().flatMap(({ retried }) => (retried ? [retried] : []));
  }

  public async stop(): Promise<void> {
    this.pod.run(['touch', STOP]);
    await until('the writer ended', 300, () => this.read().some(({ stopped }) => stopped));
    this.leave();
  }

  /** Lets go of it, whatever it does: without this nobody's programs end before the pod does. */
  public leave(): void {
    this.child?.kill();
  }

  /** What of all that was acknowledged is not there. */
  public readBack(): { acknowledged: Record<string, number>; missing: string[] } {
    const { status, stdout, stderr } = this.pod.python(program('durability_read.py'), [RECORD], { seconds: 400 });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').pop()!);
  }

  /** The record so far: only what is new travels. */
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
