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
/** For so long after the registry came back nobody is blamed for pods that could not download. */
const recoveryMs = 120_000;

/** As `kubectl rollout status` sees it. Without pods nothing is proven. */
export function isComplete({ observed, desired, updated, total, available }: Rollout): boolean {
  return observed && desired > 0 && updated >= desired && total === updated && available >= updated;
}

/** Why the rollout counts as failed; undefined while it may still come up. */
export function overdue(
  rollout: Rollout,
  { now, since, registrySince }: { readonly now: number; readonly since: number; readonly registrySince: number },
): string | undefined {
  const { observed, desired, deadlineSeconds, timedOut, progressAt = 0 } = rollout;
  const deadlineMs = deadlineSeconds * 1000;
  if (!observed || desired === 0) return undefined;
  if (now - since < deadlineMs || now - registrySince < Math.min(deadlineMs, recoveryMs)) return undefined;
  if (!timedOut && now - Math.max(since, progressAt) < deadlineMs + patienceMs) return undefined;
  const up = Math.max(0, rollout.available - (rollout.total - rollout.updated));
  const pods = `${Math.min(up, rollout.updated)} of ${desired} pods of this version came up`;
  return `${pods}, and no more within ${deadlineSeconds} s${rollout.refused ? `; ${rollout.refused}` : ''}`;
}
