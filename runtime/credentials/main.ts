// Creates the Secrets of a plan that the cluster does not have yet, and does not change those that it has.
// Exit codes: 0 all there; 1 a Secret is wrong or the cluster did not let us; 2 the pod is set up wrongly.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './log';
import { Retry, type World } from './retry';
import { secretsApi } from './secrets-api';
import { REVISION, isMounted, readPlan, readPlanFile, readSettings } from './settings';
import { settlePlan } from './settle';
import { Failure, SetupError } from '../kubernetes/failure';
import { readServiceAccount } from '../kubernetes/service-account';

const longestRequestMs = 10_000;
const forbiddenMs = 15_000;

const world: World = { now: () => performance.now(), sleep: async (ms) => sleep(ms), chance: () => Math.random() };

async function main(): Promise<number> {
  const { serviceAccountDirectory, deadlineMs, host, port, planPath, planConfigMap, revision } = readSettings(
    process.env,
  );
  const { namespace } = readServiceAccount(serviceAccountDirectory);

  let current = '';
  const limits = { deadline: world.now() + deadlineMs, forbiddenMs };
  const retry = new Retry(world, limits, (delayMs, cause) =>
    log('warn', { ...(current && { secret: current }), result: 'retry', in: `${(delayMs / 1000).toFixed(1)}s`, cause }),
  );
  // One hung request must leave time for others. The last one has time for an answer, which says more than a time-out.
  const timeoutMs = () => Math.ceil(Math.max(500, Math.min(longestRequestMs, deadlineMs / 4, retry.remainingMs())));
  const api = secretsApi({ host, port, timeoutMs, account: () => readServiceAccount(serviceAccountDirectory) });
  const superseded = async () => {
    const applied = planConfigMap && revision && (await api.configMap(planConfigMap, REVISION));
    return Boolean(applied) && applied !== revision;
  };
  if (revision && !isMounted(revision, planPath)) {
    const cause = `the plan ${planPath} is not the one of this Job; the kubelet brings it up to date within two minutes`;
    try {
      await retry.run(async () => {
        if (!isMounted(revision, planPath)) throw new Failure('transient', cause);
      });
    } catch (error) {
      if (!(await superseded())) throw error;
      log('warn', { result: 'superseded', message: 'a newer plan was applied: its Job creates the Secrets' });
      return 0;
    }
    // This program may be as old as the plan that was mounted with it.
    log('warn', { result: 'outdated', message: 'the plan is up to date now: the next pod of this Job starts with it' });
    return 1;
  }
  const plan = readPlan(planPath, readPlanFile(planPath));
  const done = await settlePlan(plan, {
    ...{ api, namespace, log, random: randomBytes, superseded },
    retry: async (secret, attempt) => {
      current = secret;
      return retry.run(attempt);
    },
  });
  return done ? 0 : 1;
}

// As process 1 of a container, Node would ignore SIGTERM until it is killed. The writes do not depend on each other, so it exits at once.
process.once('SIGTERM', () => {
  log('warn', { result: 'stopped', message: 'SIGTERM; what was created stays; the next run creates the rest' });
  process.exit(143);
});

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof SetupError || error instanceof Failure) {
      log('error', { result: 'failed', message: error.message });
    } else {
      // The message of an unexpected error might quote a value: only its place in the program is logged.
      const { name, stack = '' } = error as Error;
      const frames = stack.split('\n').filter((each) => each.startsWith('    at '));
      log('error', { result: 'failed', message: `internal error ${name}${frames.slice(0, 8).join('')}` });
    }
    process.exitCode = error instanceof SetupError ? 2 : 1;
  },
);
