import { follow, type Surroundings } from './follow';
import { explainError, type Log } from './log';
import type { Metrics, PollOutcome } from './metrics';
import { type Models, wantedOf } from './models';
import { RegistryFailure } from './registry';
import type { DeployerTarget } from './targets';
import { about } from './tell';
import { backoff } from '../kubernetes/backoff';
import { Failure } from '../kubernetes/failure';

export interface LoopOptions {
  readonly pollSeconds: number;
  /** Asked before each poll: a target that stays is the same object. */
  readonly targets: () => readonly DeployerTarget[];
}

export interface LoopWorld extends Surroundings {
  /** A clock that never steps, in milliseconds: all that is waited for is measured by it. */
  readonly steady: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** From 0 up to 1, as Math.random. */
  readonly chance: () => number;
  /** Ends early, without an error, when the program is to stop. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly stopping: () => boolean;
  readonly beat: () => void;
}

const longestDelayMs = 60_000;
const followerDelayMs = 500;
const atOnce = 8;

/** Looks at the registry again and again, and after the Deployments that follow it. Ends only when told to. */
export class Loop {
  private failedPolls = 0;
  private registrySince?: number;
  private readonly setbacks = new Map<DeployerTarget, { tries: number; notBefore: number }>();

  constructor(
    private readonly options: LoopOptions,
    private readonly world: LoopWorld,
  ) {}

  async run(): Promise<void> {
    const { world } = this;
    while (!world.stopping()) {
      world.beat();
      if (world.holds()) {
        await world.sleep(await this.turn());
      } else {
        this.registrySince = undefined;
        world.metrics.forgetVersions();
        await world.sleep(followerDelayMs);
      }
    }
  }

  /** One poll; how many milliseconds to wait until the next. */
  async turn(): Promise<number> {
    const { world, options } = this;
    const pollMs = options.pollSeconds * 1000;
    const started = world.steady();
    const outcome = await this.poll();
    world.metrics.polled(outcome, world.steady(), (world.steady() - started) / 1000);
    if (outcome !== 'ok') {
      return backoff(this.failedPolls++, world.chance(), {
        firstMs: pollMs,
        longestMs: Math.max(pollMs, longestDelayMs),
      });
    }
    this.failedPolls = 0;
    // A rhythm, but never without a pause.
    return Math.max(pollMs / 10, pollMs - (world.steady() - started));
  }

  private async poll(): Promise<PollOutcome> {
    const { world } = this;
    const targets = this.options.targets();
    let models: Models;
    try {
      models = await world.registry.list(targets);
    } catch (error) {
      this.registrySince = undefined;
      world.log('warn', explainError(error), { attempt: this.failedPolls + 1 });
      return error instanceof RegistryFailure ? error.trouble : 'internal';
    }
    this.registrySince ??= world.steady();
    if (this.failedPolls > 0) world.log('info', 'the registry answers again', { after: this.failedPolls });
    const waiting = targets.filter((each) => (this.setbacks.get(each)?.notBefore ?? -Infinity) <= world.steady());
    const work = async () => {
      for (let target = waiting.shift(); target && world.holds(); target = waiting.shift()) {
        await this.lookAfter(target, models);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return 'ok';
  }

  /** What fails for one Deployment is tried again later, and stops no other. */
  private async lookAfter(target: DeployerTarget, models: Models): Promise<void> {
    const { world, options } = this;
    try {
      await follow(target, wantedOf(target, models), world.steady() - this.registrySince!, world);
      this.setbacks.delete(target);
    } catch (error) {
      const tries = this.setbacks.get(target)?.tries ?? 0;
      const delays = { firstMs: options.pollSeconds * 1000, longestMs: longestDelayMs };
      const delay = backoff(tries, world.chance(), delays);
      this.setbacks.set(target, { tries: tries + 1, notBefore: world.steady() + delay });
      const { namespace, deployment } = target;
      world.metrics.failures.inc({ namespace, deployment });
      const level = error instanceof Failure ? 'warn' : 'error';
      world.log(level, explainError(error), {
        ...about(target),
        attempt: tries + 1,
        again: `${(delay / 1000).toFixed(1)}s`,
      });
    }
    world.beat();
  }
}
