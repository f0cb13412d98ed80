import type { Ages } from './ages';
import type { Cluster } from './cluster';
import { decide, type Decision, type SeenVersion, type Times, type Wanted } from './decide';
import type { SeenDeployment } from './deployment';
import { modelKey } from './models';
import { errorTag, outcomeTag, timeTag, waitingTag } from './names';
import type { Registry, Written } from './registry';
import type { DeployerTarget } from './targets';
import type { Tell } from './tell';
import { Failure } from '../kubernetes/failure';

export interface Surroundings {
  readonly cluster: Cluster;
  readonly registry: Registry;
  readonly tell: Tell;
  /** The calendar, for what people read. */
  readonly now: () => number;
  readonly ages: Ages;
  /** Whether this replica may act. */
  readonly holds: () => boolean;
}

/** More steps than any situation asks for; conflicts with others who write the Deployment count too. */
const mostSteps = 20;

/**
 * Looks, decides and acts for one Deployment until nothing is left to do. What fails is thrown.
 *
 * @param registryMs for how long the registry has been answering without a break, as far as this process knows
 */
export async function follow(
  target: DeployerTarget,
  wanted: Wanted,
  registryMs: number,
  { cluster, registry, tell, now, ages, holds }: Surroundings,
): Promise<void> {
  let deployment = await cluster.get(target);
  const tags = { error: errorTag(target), waiting: waitingTag(target) };
  const versions = new Map<string, SeenVersion>();
  const delivered = new Set<string>();

  const apply = async (decision: Extract<Decision, { state: unknown }>) => {
    const seen = deployment as SeenDeployment;
    const after = await cluster.apply(target, seen, decision.state);
    if (after === 'conflict') {
      deployment = await cluster.get(target);
      return;
    }
    deployment = after;
    if (decision.do === 'apply' && decision.news) await tell.news(target, seen.uid, decision.news);
  };

  for (let steps = 0; steps < mostSteps; steps++) {
    tell.state(target, wanted, deployment);
    const waited = times(ages, target, deployment, versions, registryMs);
    const decision = decide({ target, now: now(), waited, wanted, deployment, versions });
    if (decision.do === 'nothing') {
      await tell.notice(target, deployment === 'absent' ? undefined : deployment.uid, decision.notice);
      return;
    }
    if (decision.do === 'look') {
      versions.set(decision.version, await registry.version(modelKey(target), decision.version, tags));
      continue;
    }
    if (!holds()) return;
    if (decision.do === 'clear') {
      for (const each of decision.tags) {
        const written = await registry.untag(modelKey(target), decision.version, tags[each]);
        // Tried all the same, the version would fail at once by what it is not to be blamed for.
        if (written === 'refused') throw new Failure('transient', `registry: may not delete tag ${tags[each]}`);
      }
      versions.delete(decision.version);
      continue;
    }
    if (decision.do === 'tag') {
      for (const [version, { outcome, at }] of Object.entries(decision.tags)) {
        // A conflict on the way to the state brings the same tags again.
        if (delivered.has(`${version} ${outcome} ${at}`)) continue;
        const tag = async (key: string, value: string) => registry.tag(modelKey(target), version, key, value);
        const written: Written[] = [await tag(outcomeTag(target), outcome), await tag(timeTag(target), at)];
        tell.tagged(target, version, outcome, written);
        delivered.add(`${version} ${outcome} ${at}`);
      }
    }
    await apply(decision);
  }
  throw new Failure('transient', `Deployment ${target.deployment} did not become stable`);
}

function times(
  ages: Ages,
  { namespace, deployment: name }: DeployerTarget,
  deployment: SeenDeployment | 'absent',
  versions: ReadonlyMap<string, SeenVersion>,
  registry: number,
): Times {
  if (deployment === 'absent') return { phase: 0, progress: 0, registry, failed: 0, error: 0 };
  const { state, rollout } = deployment;
  const found = state && versions.get(state.version);
  const error = found?.is === 'there' ? found.error : undefined;
  const age = (what: string, as: unknown, began?: string) =>
    ages.of(`${namespace}/${name} ${what}`, as, began === undefined ? undefined : Date.parse(began));
  const tried = state?.failed?.tried;
  return {
    phase: age('phase', state && `${state.version} ${state.phase} ${state.since}`, state?.since),
    // The cluster's own clock wrote it: that it changes is all that it tells.
    progress: rollout.progressAt === undefined ? Infinity : age('progress', rollout.progressAt),
    registry,
    failed: age('failed', tried?.at, tried?.at),
    error: error === undefined ? 0 : age('error', `${state!.version} ${state!.since} ${error}`),
  };
}
