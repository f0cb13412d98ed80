import type { SeenDeployment } from './deployment';
import { isComplete, isMajority, isUntried, overdue, upOf, type Waited } from './rollout';
import { type Failed, same, type State, type Tag, type Version, versionOf } from './state';
import type { DeployerTarget } from './targets';
import { type Notice, type News, notices, news } from './words';

/** What the registry's list says of the alias or stage that a Deployment follows. */
export type Wanted = { readonly is: 'unregistered' | 'unset' } | ({ readonly is: 'version' } & Version);

/** What the registry says of one version when asked. */
export type SeenVersion =
  | { readonly is: 'gone' }
  | {
      readonly is: 'there';
      readonly created?: number;
      readonly status: string;
      /** What a pod said that can never serve it. */
      readonly error?: string;
      /** What a pod said that waits for what may pass. */
      readonly waiting?: string;
    };

/** How long things have been so, in milliseconds by a clock that never steps. */
export interface Times extends Waited {
  /** Since the wanted version failed. */
  readonly failed: number;
  /** Since the error tag of the version that is set was first seen, as it is. */
  readonly error: number;
}

/** All that a decision depends on: the cluster, the registry and the clock. */
export interface Seen {
  readonly target: DeployerTarget;
  /** By the calendar, in milliseconds: for what people read. It may step, so nothing is decided by it. */
  readonly now: number;
  readonly waited: Times;
  /** Undefined while the registry does not answer. */
  readonly wanted?: Wanted;
  /** Undefined while the API server does not answer. */
  readonly deployment?: SeenDeployment | 'absent';
  /** As far as they were looked up. */
  readonly versions: ReadonlyMap<string, SeenVersion>;
}

export type Decision =
  /** Leave all as it is. */
  | { readonly do: 'nothing'; readonly notice: Notice }
  /** Ask the registry for this version, then decide again. */
  | { readonly do: 'look'; readonly version: string }
  /** Take what pods of an earlier attempt said off this version, then decide again. */
  | { readonly do: 'clear'; readonly version: string; readonly tags: readonly ('error' | 'waiting')[] }
  /** Set version and state. */
  | { readonly do: 'apply'; readonly state: State; readonly news?: News }
  /** Tag the versions, then set the state, which no longer has the tags. */
  | { readonly do: 'tag'; readonly tags: Readonly<Record<string, Tag>>; readonly state: State };

/** What to do next for one Deployment. The caller does it and asks again, until the answer is: nothing. */
export function decide(seen: Seen): Decision {
  const { deployment, wanted, target } = seen;
  if (!deployment || !wanted) return nothing(notices.unknown());
  if (deployment === 'absent') return nothing(notices.absent(target));
  if (deployment.hands) return nothing(notices.handsOff(target, deployment.hands));
  const known: Known = { ...seen, deployment, wanted };

  // Steps that act come before steps that only give a notice.
  const steps = [move, restore, watch, forget, deliver, rest];
  let first: Decision | undefined;
  for (const step of steps) {
    const decision = step(known);
    if (decision && decision.do !== 'nothing') return decision;
    first ??= decision;
  }
  return first!;
}

type Known = Seen & { readonly deployment: SeenDeployment; readonly wanted: Wanted };
type Step = (known: Known) => Decision | undefined;

/** The version that the Deployment is meant to have now. */
const current = ({ deployment }: Known): Version | undefined => deployment.state ?? deployment.template;

/** The last one that was up in full. */
function good({ deployment: { state, template, rollout } }: Known): Version | undefined {
  if (state) return state.phase === 'serving' ? versionOf(state) : state.good;
  return template && isComplete(rollout) ? template : undefined;
}

const drifted = ({ state, template }: SeenDeployment): boolean =>
  state !== undefined && !(template?.version === state.version && template.created === state.created);

/** Another client changed the version, which the deployer owns. */
const restore: Step = ({ deployment, now, target }) => {
  const { state, template } = deployment;
  if (!state || !drifted(deployment)) return undefined;
  if (state.phase !== 'failed') {
    const again: State = { ...state, phase: 'rolling', since: iso(now) };
    return { do: 'apply', state: again, news: news.restored(target, state) };
  }
  // Ours does not work: the version that a user set by hand stays.
  if (!template) return nothing(notices.emptied(target));
  const { failed, tags } = state;
  const adopted: State = { ...template, phase: 'rolling', since: iso(now), failed, tags };
  return { do: 'apply', state: adopted, news: news.adopted(target, template) };
};

/** The alias points elsewhere. */
const move: Step = (known) => {
  const { wanted, target, versions, now, deployment, waited } = known;
  if (wanted.is !== 'version') return undefined;
  const { state } = deployment;
  const failed = state?.failed?.version === wanted.version ? state.failed : undefined;
  // One that failed is rolling while it is tried again.
  if (state && (!failed || state.phase === 'rolling') && same(wanted, state)) return undefined;
  const found = versions.get(wanted.version);
  if (!found) return { do: 'look', version: wanted.version };
  if (found.is === 'gone') return nothing(notices.wantedGone(target, wanted));
  const version = versionOf({ version: wanted.version, created: found.created });
  const again = failed && same(version, failed);
  if (again && !(state?.phase === 'serving' && waited.failed >= untilTriedAgainMs(failed))) {
    return nothing(notices.failedBefore(target, failed, untilTriedAgainMs(failed), good(known)));
  }
  if (state && !again && same(version, state)) return undefined;
  if (found.status !== 'READY') return nothing(notices.notReady(target, version, found.status));
  const tags = (['error', 'waiting'] as const).filter((tag) => found[tag] !== undefined);
  if (tags.length > 0) return { do: 'clear', version: wanted.version, tags };
  const before = current(known);
  // A version that is there already, but with nothing known about it, has to show itself first.
  const adopted = !state && before?.version === version.version;
  return {
    do: 'apply',
    state: {
      ...version,
      ...{ phase: 'rolling', since: iso(now), tags: state?.tags },
      good: adopted ? undefined : good(known),
      ...(again && { failed }),
    },
    news: news.started(target, version, adopted ? undefined : before),
  };
};

/** What may pass is tried again: after 10 minutes, then 20, 40 and 80. */
const mostTries = 5;
const firstWaitMs = 600_000;

/** Infinity where it is not tried again until the alias moves. */
const untilTriedAgainMs = ({ tried }: Failed): number =>
  tried && tried.times < mostTries ? firstWaitMs * 2 ** (tried.times - 1) : Infinity;

/** A rollout is under way. */
const watch: Step = (known) => {
  const { deployment, target, versions, waited } = known;
  const { state, rollout } = deployment;
  if (!state || state.phase === 'serving' || drifted(deployment)) return undefined;
  if (isComplete(rollout)) return succeed(known, state);
  if (state.phase === 'failed') return nothing(notices.failed(target, state));
  if (rollout.desired === 0) return nothing(notices.noPods(target, state));
  const returning = state.good !== undefined && same(state.good, state);
  const found = versions.get(state.version);
  // A version that was up is not blamed for a tag of long ago.
  if (!returning && !found) return { do: 'look', version: state.version };
  const said = !returning && found?.is === 'there' && rollout.observed ? found : undefined;
  if (said?.error !== undefined && isProof(known)) return fail(known, state, said.error);
  const reason = overdue(rollout, waited);
  if (reason === undefined) return nothing(notices.rolling(target, state));
  if (isMajority(rollout)) return succeed(known, state, reason);
  if (isUntried(rollout)) return nothing(notices.untried(target, state, rollout.refused!));
  if (returning) return stay(known, state, reason);
  const cause = said?.error ?? said?.waiting;
  return fail(known, state, cause === undefined ? reason : `${reason}; a pod says: ${cause}`, said?.waiting);
};

/** Other pods of the same version get that long to show that the one that cannot serve it is the exception. */
const othersMs = 60_000;

/** Whether the word of one pod that it cannot serve the version is to be believed of the version. */
const isProof = ({ deployment: { rollout }, waited }: Known): boolean =>
  upOf(rollout) === 0 && (rollout.updated <= 1 || waited.error >= othersMs);

/** `missing`: why it is not up in full. */
function succeed({ now, target }: Known, state: State, missing?: string): Decision {
  const { good: before, failed, tags } = state;
  const version = versionOf(state);
  const at = iso(now);
  const fresh = !before || !same(before, version);
  const outcomes = {
    ...tags,
    ...(before && fresh && { [before.version]: { outcome: 'replaced', at } }),
    ...(fresh && { [version.version]: { outcome: 'serving', at } }),
  };
  const next: State = {
    ...version,
    ...{ phase: 'serving', since: at, good: version },
    ...(failed && !same(failed, version) && { failed }),
    ...(Object.keys(outcomes).length > 0 && { tags: outcomes }),
  };
  return {
    do: 'apply',
    state: next,
    news: fresh ? news.succeeded(target, state, missing) : news.returned(target, state, missing),
  };
}

/** Back to what was good, or, with nothing good, left as it is for people to look at: it may yet come up. */
function fail({ now, target }: Known, state: State, reason: string, waiting?: string): Decision {
  const at = iso(now);
  const before = state.failed && same(state.failed, state) ? (state.failed.tried?.times ?? 0) : 0;
  const failed: Failed = {
    ...versionOf(state),
    reason: reason.slice(0, longestReason),
    ...(waiting !== undefined && { tried: { times: before + 1, at } }),
  };
  const tags = { ...state.tags, [state.version]: { outcome: `failed: ${failed.reason}`, at } };
  const next: State = state.good
    ? { ...state.good, phase: 'rolling', since: at, good: state.good, failed, tags }
    : { ...versionOf(state), phase: 'failed', since: at, failed, tags };
  return { do: 'apply', state: next, news: news.failed(target, failed, state.good) };
}

/** Not even what was good comes up: nothing is left to go back to. */
function stay({ now, target }: Known, state: State, reason: string): Decision {
  const next: State = { ...state, phase: 'failed', since: iso(now) };
  return { do: 'apply', state: next, news: news.stuck(target, state, reason) };
}

/** The alias has moved on from a version that failed: it may be tried again some day. */
const forget: Step = ({ deployment: { state }, wanted }) => {
  if (!state?.failed || wanted.is === 'unregistered' || same(state.failed, state)) return undefined;
  if (wanted.is === 'version' && same(wanted, state.failed)) return undefined;
  return { do: 'apply', state: { ...state, failed: undefined } };
};

const deliver: Step = ({ deployment: { state } }) => {
  if (!state?.tags) return undefined;
  return { do: 'tag', tags: state.tags, state: { ...state, tags: undefined } };
};

/** Nothing to do; at most a notice. */
const rest: Step = (known) => {
  const { wanted, target, versions } = known;
  const version = current(known);
  if (wanted.is === 'version') return nothing(notices.serving(target, wanted));
  if (!version) return nothing(notices.waiting(target, wanted.is));
  if (wanted.is === 'unset') {
    const found = versions.get(version.version);
    if (!found) return { do: 'look', version: version.version };
    if (found.is === 'gone') return nothing(notices.versionGone(target, version));
  }
  return nothing(notices.lost(target, wanted.is, version));
};

const longestReason = 1000;

const nothing = (notice: Notice): Decision => ({ do: 'nothing', notice });

const iso = (ms: number) => new Date(ms).toISOString();
