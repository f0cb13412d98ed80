import type { Seen, SeenVersion } from '../../../runtime/deployer/decide';
import type { SeenDeployment } from '../../../runtime/deployer/deployment';
import type { Rollout } from '../../../runtime/deployer/rollout';
import type { State } from '../../../runtime/deployer/state';
import type { DeployerTarget } from '../../../runtime/deployer/targets';

export const target: DeployerTarget = {
  namespace: 'ml-serving',
  deployment: 'churn-serving',
  container: 'model-server',
  initContainer: 'download-model',
  model: 'churn',
  alias: 'champion',
};

export const start = Date.parse('2026-11-24T12:00:00Z');
export const iso = (ms: number) => new Date(ms).toISOString();
/** Version n, created at n000. */
export const v = (n: number) => ({ version: String(n), created: n * 1000 });
export const wanted = (n: number) => ({ is: 'version' as const, ...v(n) });

const whole: Rollout = {
  observed: true,
  desired: 3,
  updated: 3,
  total: 3,
  available: 3,
  deadlineSeconds: 600,
  timedOut: false,
};

export const rollouts = {
  whole,
  unseen: { ...whole, observed: false },
  underWay: { ...whole, updated: 1, total: 4 },
  /** One pod of the new version, which does not become ready, and three old pods. */
  late: { ...whole, updated: 1, total: 4, timedOut: true },
  /** Ten pods of the new version, of which nine are ready, and one old pod. */
  nine: { ...whole, desired: 10, updated: 10, total: 11, available: 10, timedOut: true },
  none: { ...whole, desired: 0, updated: 0, total: 0, available: 0 },
};

export const there = (n: number, more: Partial<Extract<SeenVersion, { is: 'there' }>> = {}): [string, SeenVersion] => [
  String(n),
  { is: 'there', created: n * 1000, status: 'READY', ...more },
];
export const gone = (n: number): [string, SeenVersion] => [String(n), { is: 'gone' }];

/** A Deployment with version `n` in its template, and with a state if one is given. */
export function deployment(n?: number, state?: Partial<State>, rollout: Rollout = whole): SeenDeployment {
  return {
    uid: 'u1',
    resourceVersion: '7',
    ...(n !== undefined && { template: v(n) }),
    ...(state && { state: { ...v(n ?? 1), phase: 'serving', since: iso(start), good: v(n ?? 1), ...state } }),
    rollout,
  };
}

export type Given = Partial<Omit<Seen, 'versions' | 'waited'>> & {
  versions?: [string, SeenVersion][];
  registrySince?: number;
  /** The time at which the error tag was set. */
  errorSince?: number;
};

/** What the program sees at `now`, if all clocks are right. */
export function seen({ versions, registrySince = 0, errorSince, ...change }: Given): Seen {
  const now = change.now ?? start;
  const { state, rollout } = change.deployment && change.deployment !== 'absent' ? change.deployment : ({} as any);
  const since = (time?: string | number) => (time === undefined ? 0 : now - new Date(time).getTime());
  const waited = {
    phase: since(state?.since),
    progress: rollout?.progressAt === undefined ? Infinity : since(rollout.progressAt),
    registry: since(registrySince),
    failed: since(state?.failed?.tried?.at),
    error: since(errorSince),
  };
  return { target, now, waited, ...change, versions: new Map(versions) };
}
