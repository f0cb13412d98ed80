import { start, target } from './seen';
import { Ages } from '../../../runtime/deployer/ages';
import type { Cluster } from '../../../runtime/deployer/cluster';
import type { SeenVersion, Wanted } from '../../../runtime/deployer/decide';
import type { SeenDeployment } from '../../../runtime/deployer/deployment';
import { follow } from '../../../runtime/deployer/follow';
import { errorTag, outcomeTag } from '../../../runtime/deployer/names';
import type { Registry } from '../../../runtime/deployer/registry';
import { readState, same, type State, type Version, writeState } from '../../../runtime/deployer/state';
import { Failure } from '../../../runtime/kubernetes/failure';

/** How the pods of a version behave: `tells` reports an error. */
export type Kind = 'works' | 'hangs' | 'tells';

interface Stored {
  readonly created: number;
  kind: Kind;
  readonly tags: Map<string, string>;
}

export interface Applied {
  readonly state: State;
  readonly before?: State;
}

const deadlineSeconds = 600;

/** A minimal registry, Deployment, controller and clock: every state that the program can find. */
export class Simulation {
  /** The monotonic clock. */
  public now = start;
  /** The error of the wall clock, which can change at any moment. */
  public off = 0;
  public readonly ages = new Ages({ steady: () => this.now, calendar: () => this.now + this.off });
  public alias?: string;
  /** How often the alias was set or deleted. */
  public aliasMoves = 0;
  public readonly versions = new Map<string, Stored>();
  public readonly applied: Applied[] = [];
  /** The number of calls until one fails. */
  public failIn = Infinity;
  private numbers = 0;
  private annotation?: string;
  private template?: Version;
  private appliedAt = start;
  private observed = true;
  /** The version whose pods are all ready. */
  private up?: Version;
  private resourceVersion = 1;

  private readonly cluster: Cluster = {
    get: async () => {
      this.call();
      return this.seen();
    },
    apply: async (_, seen, state) => {
      this.call();
      if (seen.resourceVersion !== String(this.resourceVersion)) return 'conflict';
      this.applied.push({ state, before: this.state() });
      const { version, created } = state;
      if (!this.template || this.template.version !== version || this.template.created !== created) {
        this.template = { version, ...(created !== undefined && { created }) };
        this.appliedAt = this.now;
        this.observed = false;
      }
      this.annotation = writeState(state);
      this.resourceVersion++;
      // The answer can be lost.
      this.call();
      return this.seen();
    },
    event: async () => undefined,
  };

  private readonly registry: Registry = {
    list: async () => new Map(),
    version: async (_, version): Promise<SeenVersion> => {
      this.call();
      const stored = this.versions.get(version);
      if (!stored) return { is: 'gone' };
      const error = stored.tags.get(errorTag(target));
      return { is: 'there', created: stored.created, status: 'READY', ...(error !== undefined && { error }) };
    },
    tag: async (_, version, key, value) => this.write(version, (tags) => tags.set(key, value)),
    untag: async (_, version, key) => this.write(version, (tags) => tags.delete(key)),
  };

  register(kind: Kind): string {
    const version = String(++this.numbers);
    this.versions.set(version, { created: (this.now += 1000), kind, tags: new Map() });
    return version;
  }

  point(version: string | undefined): void {
    this.alias = version;
    this.aliasMoves++;
  }

  deleteVersion(version: string): void {
    this.versions.delete(version);
    if (this.alias === version) this.point(undefined);
  }

  /** The model is deleted and created again: its versions start with 1 again. */
  startOver(): void {
    this.versions.clear();
    this.numbers = 0;
    this.point(undefined);
  }

  /** The cause of all failures is removed, e.g. a missing Secret is created. */
  repair(): void {
    for (const stored of this.versions.values()) stored.kind = 'works';
  }

  /** A person sets the Deployment's version by hand. */
  meddle(version: string): void {
    this.template = { version };
    this.observed = false;
    this.resourceVersion++;
  }

  /** The version in the Deployment, which should be that in the state of the program. */
  set(): string | undefined {
    return this.template?.version;
  }

  /** The Deployment's controller has seen the change, and no pod is ready yet. */
  observe(): void {
    this.observed = true;
    this.resourceVersion++;
  }

  /** The Deployment's controller and the pods finish all their work. */
  settle(): void {
    this.observed = true;
    const stored = this.current();
    if (stored?.kind === 'works') this.up = this.template;
    if (stored?.kind === 'tells' && !this.isUp()) stored.tags.set(errorTag(target), 'it tells why');
    this.resourceVersion++;
  }

  wanted(): Wanted {
    if (this.versions.size === 0) return { is: 'unregistered' };
    const stored = this.alias === undefined ? undefined : this.versions.get(this.alias);
    return stored ? { is: 'version', version: this.alias!, created: stored.created } : { is: 'unset' };
  }

  state(): State | undefined {
    return this.annotation === undefined ? undefined : readState(this.annotation);
  }

  outcome(version: string): string | undefined {
    return this.versions.get(version)?.tags.get(outcomeTag(target));
  }

  async poll(): Promise<void> {
    const nothing = async () => undefined;
    const tell: any = { news: nothing, notice: nothing, state: () => undefined, tagged: () => undefined };
    const { cluster, registry, ages } = this;
    const io = { cluster, registry, tell, ages, now: () => this.now + this.off, holds: () => true };
    await follow(target, this.wanted(), this.now, io);
  }

  /** Polls. Returns false if a call failed. */
  async survives(failIn: number): Promise<boolean> {
    this.failIn = failIn;
    try {
      await this.poll();
      return true;
    } catch (error) {
      if (error instanceof Failure && error.message === 'simulated') return false;
      throw error;
    } finally {
      this.failIn = Infinity;
    }
  }

  private current(): Stored | undefined {
    const { template } = this;
    const stored = template && this.versions.get(template.version);
    // A version that is no longer in the registry cannot be downloaded.
    return stored && stored.created === template.created ? stored : undefined;
  }

  private isUp(): boolean {
    return this.up !== undefined && this.template !== undefined && same(this.up, this.template);
  }

  private call(): void {
    if (--this.failIn < 0) throw new Failure('transient', 'simulated');
  }

  private seen(): SeenDeployment {
    const late = this.now - this.appliedAt >= deadlineSeconds * 1000;
    const up = this.isUp();
    return {
      uid: 'u1',
      resourceVersion: String(this.resourceVersion),
      template: this.template,
      state: this.state(),
      rollout: {
        ...{ observed: this.observed, desired: 1, updated: 1, deadlineSeconds },
        ...(up ? { total: 1, available: 1, timedOut: false } : { total: 2, available: 1, timedOut: late }),
      },
    };
  }

  private write(version: string, change: (tags: Map<string, string>) => unknown) {
    this.call();
    const stored = this.versions.get(version);
    if (!stored) return 'gone' as const;
    change(stored.tags);
    return 'done' as const;
  }
}
