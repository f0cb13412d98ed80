import type { Cluster } from './cluster';
import { decide, type Decision, type SeenVersion, type Wanted } from './decide';
import type { SeenDeployment } from './deployment';
import { errorTag, outcomeTag, timeTag } from './names';
import type { Registry, Written } from './registry';
import type { DeployerTarget } from './targets';
import type { Tell } from './tell';
import { Failure } from '../kubernetes/failure';

export interface Surroundings {
  readonly cluster: Cluster;
  readonly registry: Registry;
  readonly tell: Tell;
  readonly now: () => number;
  /** Whether this replica may act. */
  readonly holds: () => boolean;
}

/** More steps than any situation asks for; conflicts with others who write the Deployment count too. */
const mostSteps = 20;

/** Looks, decides and acts for one Deployment until nothing is left to do. What fails is thrown. */
export async function follow(
  target: DeployerTarget,
  wanted: Wanted,
  registrySince: number,
  { cluster, registry, tell, now, holds }: Surroundings,
): Promise<void> {
  let deployment = await cluster.get(target);
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
    const decision = decide({ target, now: now(), registrySince, wanted, deployment, versions });
    if (decision.do === 'nothing') {
      await tell.notice(target, deployment === 'absent' ? undefined : deployment.uid, decision.notice);
      return;
    }
    if (decision.do === 'look') {
      versions.set(decision.version, await registry.version(target.model, decision.version, errorTag(target)));
      continue;
    }
    if (!holds()) return;
    if (decision.do === 'clear') {
      const written = await registry.untag(target.model, decision.version, errorTag(target));
      // Tried all the same, the version would fail at once by what it is not to be blamed for.
      if (written === 'refused') throw new Failure('transient', `registry: may not delete tag ${errorTag(target)}`);
      versions.delete(decision.version);
      continue;
    }
    if (decision.do === 'tag') {
      for (const [version, { outcome, at }] of Object.entries(decision.tags)) {
        // A conflict on the way to the state brings the same tags again.
        if (delivered.has(`${version} ${outcome} ${at}`)) continue;
        const tag = async (key: string, value: string) => registry.tag(target.model, version, key, value);
        const written: Written[] = [await tag(outcomeTag(target), outcome), await tag(timeTag(target), at)];
        tell.tagged(target, version, outcome, written);
        delivered.add(`${version} ${outcome} ${at}`);
      }
    }
    await apply(decision);
  }
  throw new Failure('transient', `Deployment ${target.deployment} does not settle`);
}
