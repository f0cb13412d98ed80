// Creates the Secrets of a plan that the cluster does not have yet, and leaves those alone that it has.
// Exit codes: 0 all there; 1 a Secret is wrong or the cluster did not let us; 2 the pod is set up wrongly.
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './log';
import { Retry, type World } from './retry';
import { secretsApi } from './secrets-api';
import { readPlan, readPlanFile, readSettings } from './settings';
import { settlePlan } from './settle';
import { Failure, SetupError } from '../kubernetes/failure';
import { readServiceAccount } from '../kubernetes/service-account';

const longestRequestMs = 10_000;
const forbiddenMs = 15_000;

const world: World = { now: () => performance.now(), sleep: async (ms) => sleep(ms), chance: () => Math.random() };

async function main(): Promise<number> {
  const settings = readSettings(process.env);
  const planText = readPlanFile(settings.planPath);
  const plan = readPlan(settings.planPath, planText);
  const { serviceAccountDirectory, deadlineMs, host, port, planConfigMap } = settings;
  const { namespace } = readServiceAccount(serviceAccountDirectory);

  let current = '';
  const limits = { deadline: world.now() + deadlineMs, forbiddenMs };
  const retry = new Retry(world, limits, (delayMs, cause) =>
    log('warn', { secret: current, result: 'retry', in: `${(delayMs / 1000).toFixed(1)}s`, cause }),
  );
  // One hung request must leave time for others. The last one has time for an answer, which says more than a time-out.
  const timeoutMs = () => Math.ceil(Math.max(500, Math.min(longestRequestMs, deadlineMs / 4, retry.remainingMs())));
  const api = secretsApi({ host, port, timeoutMs, account: () => readServiceAccount(serviceAccountDirectory) });
  const superseded = async () => {
    const applied = planConfigMap && (await api.configMap(planConfigMap, basename(settings.planPath)));
    return applied !== undefined && applied !== planText;
  };
  const done = await settlePlan(plan, {
    ...{ api, namespace, log, random: randomBytes, superseded },
    retry: async (secret, attempt) => {
      current = secret;
      return retry.run(attempt);
    },
  });
  return done ? 0 : 1;
}

// As process 1 of a container, Node would sit out a SIGTERM until it is killed. Every write stands alone, so: leave.
process.once('SIGTERM', () => {
  log('warn', { result: 'stopped', message: 'SIGTERM; what was created stays, another run makes the rest' });
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
      // The message of an error nobody foresaw might quote a value: its place in the program has to do.
      const { name, stack = '' } = error as Error;
      const frames = stack.split('\n').filter((each) => each.startsWith('    at '));
      log('error', { result: 'failed', message: `internal error ${name}${frames.slice(0, 8).join('')}` });
    }
    process.exitCode = error instanceof SetupError ? 2 : 1;
  },
);
