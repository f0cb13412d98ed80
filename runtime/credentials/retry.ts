import { backoff } from '../kubernetes/backoff';
import { Failure } from '../kubernetes/failure';

/** Time and chance, so that tests need neither. */
export interface World {
  now(): number;
  sleep(ms: number): Promise<void>;
  /** From 0 up to 1, as Math.random. */
  chance(): number;
}

export interface Limits {
  /** When the whole run has to be over, in the world's milliseconds. */
  readonly deadline: number;
  /** For how long a 403 may still be a RoleBinding under way, from the first one on. */
  readonly forbiddenMs: number;
}

const delays = { firstMs: 250, longestMs: 5_000 };

/** One for the whole run: what was waited for one Secret is not waited again for the next. */
export class Retry {
  private firstForbidden?: number;

  constructor(
    private readonly world: World,
    private readonly limits: Limits,
    private readonly onRetry: (delayMs: number, cause: string) => void,
  ) {}

  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Failure) || error.kind === 'rejected' || error.kind === 'fatal') throw error;
        const delay = Math.max(backoff(tries, this.world.chance(), delays), error.retryAfterMs);
        const now = this.world.now();
        if (error.kind === 'forbidden') {
          this.firstForbidden ??= now;
          if (now + delay >= Math.min(this.firstForbidden + this.limits.forbiddenMs, this.limits.deadline)) {
            throw new Failure('fatal', error.message);
          }
        } else if (now + delay >= this.limits.deadline) {
          throw new Failure(
            'fatal',
            `Gave up, out of time (CREDENTIALS_DEADLINE_SECONDS). Last cause: ${error.message}`,
          );
        }
        this.onRetry(delay, error.message);
        await this.world.sleep(delay);
      }
    }
  }

  /** What is left of the limit, for one request. */
  remainingMs(): number {
    return this.limits.deadline - this.world.now();
  }
}
