/** How far a Deployment has come, as it says itself. */
export interface Rollout {
  /** Whether the numbers below belong to the template that is there now. */
  readonly observed: boolean;
  readonly desired: number;
  readonly updated: number;
  /** Old pods too. */
  readonly total: number;
  readonly available: number;
  readonly deadlineSeconds: number;
  /** The Deployment's own word that its deadline passed; it may be about the rollout before. */
  readonly timedOut: boolean;
  /** When it last came nearer, in milliseconds. */
  readonly progressAt?: number;
  /** Why pods cannot even be created, such as a quota. */
  readonly refused?: string;
}

/** The Deployment says nothing of its deadline when it returns to pods of before: then ours counts, a little later. */
const patienceMs = 30_000;
/** For so long after the registry came back, no version is blamed for pods that could not download. */
const recoveryMs = 120_000;

/** As `kubectl rollout status` sees it. Without pods nothing is proven. */
export function isComplete({ observed, desired, updated, total, available }: Rollout): boolean {
  return observed && desired > 0 && updated >= desired && total === updated && available >= updated;
}

/** Pods of the version that is there now that are available: the old ones count as available as long as they are there. */
export const upOf = ({ available, total, updated }: Rollout): number =>
  Math.max(0, Math.min(updated, available - (total - updated)));

/** More than half: what is missing then is the cluster's to bring, as the version has shown that it works. */
export const isMajority = (rollout: Rollout): boolean => rollout.observed && upOf(rollout) * 2 > rollout.desired;

/** Whether no pod could be made, as by a quota: nothing is known of the version then. */
export const isUntried = ({ updated, refused }: Rollout): boolean => updated === 0 && refused !== undefined;

/** In milliseconds. */
export interface Waited {
  /** Since the version was set. */
  readonly phase: number;
  /** Since the Deployment last came nearer, as far as this process saw it. */
  readonly progress: number;
  /** Since the registry has been answering without a break. */
  readonly registry: number;
}

/** Why the rollout counts as not come up; undefined while it may still come up. */
export function overdue(rollout: Rollout, waited: Waited): string | undefined {
  const { observed, desired, deadlineSeconds, timedOut } = rollout;
  const deadlineMs = deadlineSeconds * 1000;
  if (!observed || desired === 0) return undefined;
  if (waited.phase < deadlineMs || waited.registry < Math.min(deadlineMs, recoveryMs)) return undefined;
  if (!timedOut && Math.min(waited.phase, waited.progress) < deadlineMs + patienceMs) return undefined;
  const pods = `${upOf(rollout)} of ${desired} pods of this version came up`;
  return `${pods}, and no more within ${deadlineSeconds} s${rollout.refused ? `; ${rollout.refused}` : ''}`;
}
