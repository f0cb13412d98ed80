import type { Cluster } from './cluster';
import { Copy, copiesOf, settleCopy } from './copies';
import { complaint, decide } from './decide';
import type { CredentialsPlan, PlannedSecret } from './plan';
import { newSecret } from './secret';
import { secretsOfUsers, settleUsers } from './users';
import { Failure } from '../kubernetes/failure';

/** Goes through the plan, Secret by Secret; true when the cluster now holds all of them. */
export async function settlePlan(plan: CredentialsPlan, cluster: Cluster): Promise<boolean> {
  const secrets = [...plan.secrets, ...secretsOfUsers(plan)];
  const created = await forEach(secrets, cluster, async (planned) =>
    cluster.retry(planned.name, async () => settle(planned, cluster)),
  );
  const files = (plan.logins ?? []).map((logins) => ({ ...logins, name: logins.file }));
  const known = await forEach(files, cluster, async (logins) =>
    cluster.retry(logins.file, async () => settleUsers(logins, cluster)),
  );
  // The namespaces of the copies may not be there yet, which is to hold up nothing of this one, and no other copy.
  const { left, allRight } = await tryOnce(copiesOf(secrets), cluster);
  const copied = await forEach(left, cluster, async (copy) =>
    cluster.retry(copy.name, async () => settleCopy(copy, cluster)),
  );
  return created && known && allRight && copied;
}

/** Those copies that could not be made now, and whether all others are right. */
async function tryOnce(copies: Copy[], cluster: Cluster): Promise<{ left: Copy[]; allRight: boolean }> {
  const left: Copy[] = [];
  let allRight = true;
  for (const copy of copies) {
    try {
      const outcome = await settleCopy(copy, cluster);
      allRight &&= outcome;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      left.push(copy);
    }
  }
  return { left, allRight };
}

async function forEach<T extends { readonly name: string }>(
  items: readonly T[],
  cluster: Cluster,
  step: (item: T) => Promise<boolean>,
): Promise<boolean> {
  let allRight = true;
  for (const item of items) {
    try {
      const outcome = await step(item);
      allRight &&= outcome;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      cluster.log('error', { secret: item.name, result: 'failed', message: error.message });
      allRight = false;
      // What is refused for one Secret may do for the next; the rest would fail alike.
      if (error.kind !== 'rejected') break;
    }
  }
  return allRight;
}

async function settle(planned: PlannedSecret, { api, namespace, random, log }: Cluster): Promise<boolean> {
  const secret = planned.name;
  let result = 'kept';
  let found = await api.get(secret);
  if (decide(planned, found).action === 'create') {
    const answer = await api.create(secret, newSecret(planned, namespace, random));
    result = answer === 'taken' ? 'kept' : 'created';
    found = answer === 'taken' ? await api.get(secret) : answer;
  }
  const decision = decide(planned, found);
  switch (decision.action) {
    case 'keep':
      log('info', { secret, result, keys: Object.keys(planned.keys).join(',') });
      return true;
    case 'complain':
      log('error', { secret, result: 'wrong', message: complaint(planned, namespace, decision) });
      return false;
    case 'wait':
      throw new Failure('transient', `Secret ${secret} is being deleted`);
    case 'create':
      throw new Failure('transient', `Secret ${secret} was created by another client and deleted again`);
  }
}
