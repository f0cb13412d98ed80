import Counter from 'prom-client/lib/counter';
import Gauge from 'prom-client/lib/gauge';
import Registry from 'prom-client/lib/registry';

export type PollOutcome = 'ok' | 'unreachable' | 'refused' | 'broken' | 'internal';

const prefix = 'mlflow_deployer_';
const labels = ['namespace', 'deployment', 'model', 'wanted', 'version', 'phase'] as const;
type VersionLabels = Readonly<Record<(typeof labels)[number], string>>;

export class Metrics {
  public readonly registry = new Registry();
  public readonly polls = new Counter({
    name: `${prefix}polls_total`,
    help: 'Looks at the registry by outcome.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  public readonly rollouts = new Counter({
    name: `${prefix}rollouts_total`,
    help: 'Rollouts by outcome: started, succeeded, failed, returned (the version before is up again), restored, stuck.',
    labelNames: ['namespace', 'deployment', 'outcome'],
    registers: [this.registry],
  });
  public readonly failures = new Counter({
    name: `${prefix}target_failures_total`,
    help: 'Times that a Deployment could not be looked after, to be tried again.',
    labelNames: ['namespace', 'deployment'],
    registers: [this.registry],
  });
  private readonly versions = new Gauge({
    name: `${prefix}version_info`,
    help: 'Always 1: the version that is wanted, the one that is set, and its phase.',
    labelNames: labels,
    registers: [this.registry],
  });
  private readonly pollSeconds = this.gauge(
    'last_poll_seconds',
    'How long the last poll took, all Deployments included.',
  );
  private readonly shown = new Map<string, VersionLabels>();
  private lastSuccess?: number;

  constructor(steady: () => number, holds: () => boolean) {
    for (const outcome of ['ok', 'unreachable', 'refused', 'broken', 'internal']) this.polls.inc({ outcome }, 0);
    this.gauge('leader', '1 in the replica that acts.', () => Number(holds()));
    this.gauge('seconds_since_last_success', 'Since the registry last answered; NaN before.', () =>
      this.lastSuccess === undefined ? NaN : (steady() - this.lastSuccess) / 1000,
    );
    const memory = { name: 'process_resident_memory_bytes', help: 'Memory of the process.' };
    const measure = () => process.memoryUsage.rss();
    new Gauge({ ...memory, registers: [this.registry], collect: collect(measure) });
  }

  polled(outcome: PollOutcome, at: number, seconds: number): void {
    this.polls.inc({ outcome });
    this.pollSeconds.set(seconds);
    if (outcome === 'ok') this.lastSuccess = at;
  }

  /** In place of what was said of the same Deployment before. */
  version(key: string, value: VersionLabels): void {
    const before = this.shown.get(key);
    if (before && labels.every((label) => before[label] === value[label])) return;
    if (before) this.versions.remove(before);
    this.versions.set(value, 1);
    this.shown.set(key, value);
  }

  /** Another replica has the say now. */
  forgetVersions(): void {
    this.versions.reset();
    this.shown.clear();
  }

  private gauge(name: string, help: string, measure?: () => number) {
    const options = { name: `${prefix}${name}`, help, registers: [this.registry] };
    return new Gauge({ ...options, ...(measure && { collect: collect(measure) }) });
  }
}

function collect(measure: () => number) {
  return function (this: { set(value: number): void }) {
    this.set(measure());
  };
}
