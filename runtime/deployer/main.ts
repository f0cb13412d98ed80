// Follows aliases (or stages) of MLflow's registry: sets the version of the Deployments that serve them, watches the
// rollouts, writes what came of them back, and returns to the last good version when one fails.
// Exit codes: 0 stopped by SIGTERM; 2 set up wrongly. A registry or an API server that is away never ends it.
import { setTimeout as sleep } from 'node:timers/promises';
import { Ages } from './ages';
import { apiServer, cluster } from './cluster';
import { listen } from './endpoints';
import { Election } from './lease';
import { explainError, log } from './log';
import { Loop } from './loop';
import { Metrics } from './metrics';
import { mlflowRegistry } from './registry';
import { readLogin, readSettings, type Settings, TargetsFile } from './settings';
import { Tell } from './tell';
import { SetupError } from '../kubernetes/failure';
import { readServiceAccount } from '../kubernetes/service-account';

const apiTimeoutMs = 10_000;
/** The Lease has to be renewed in time. */
const leaseTimeoutMs = 3_000;
const registryTimeoutMs = 15_000;
const electionMs = 2_000;
/** Longer than the longest wait of the loop. */
const aliveMs = 180_000;
/** For requests in progress when the program is told to stop. */
const stopMs = 10_000;

const steady = () => performance.now();

async function run(settings: Settings): Promise<void> {
  const stop = new AbortController();
  const stopping = () => stop.signal.aborted;
  const pause = async (ms: number) => sleep(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  let lastBeat = steady();
  const beat = () => void (lastBeat = steady());

  const { host, port, trackingUri, targets, lease } = settings;
  const account = () => readServiceAccount(settings.serviceAccountDirectory);
  account();
  const server = { host, port, account };
  const calendar = () => Date.now();
  const election = new Election(apiServer({ ...server, timeoutMs: leaseTimeoutMs, beat: () => undefined }), lease, {
    steady,
    calendar,
  });
  const holds = () => !stopping() && election.holds();
  const metrics = new Metrics(steady, holds);
  const api = cluster(apiServer({ ...server, timeoutMs: apiTimeoutMs, beat }), {
    instance: lease.holder,
    now: calendar,
  });
  const file = new TargetsFile(
    settings.targetsPath,
    targets,
    (message) => log('warn', message),
    (found) => {
      // Metrics of targets that are no longer followed disappear; the next turn sets the others again.
      metrics.forgetVersions();
      log('info', 'the targets changed', { targets: found.length });
    },
  );
  const registry = mlflowRegistry({
    ...{ trackingUri, beat, timeoutMs: registryTimeoutMs },
    login: () => readLogin(settings.loginDirectory),
  });

  const health = await listen({
    path: '/healthz',
    port: settings.healthPort,
    answer: async () => {
      const seconds = Math.round((steady() - lastBeat) / 1000);
      const alive = seconds * 1000 < aliveMs;
      return { status: alive ? 200 : 503, type: 'text/plain', text: `last turn ${seconds} s ago\n` };
    },
  });
  const scraped = await listen({
    path: '/metrics',
    port: settings.metricsPort,
    answer: async () => ({ status: 200, type: metrics.registry.contentType, text: await metrics.registry.metrics() }),
  });

  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        log('info', 'received a signal to stop', { signal });
        stop.abort();
        resolve();
      });
    }
  });
  log('info', 'started', { targets: targets.length, trackingUri, pollSeconds: settings.pollSeconds, ...lease });

  const elect = async () => {
    let held = false;
    let trouble = '';
    while (!stopping()) {
      const failure = await election.turn().then(() => '', explainError);
      if (failure && failure !== trouble) log('warn', failure, { lease: lease.name });
      trouble = failure;
      if (election.holds() !== held) log('info', (held = !held) ? 'this replica acts' : 'this replica waits');
      await pause(electionMs);
    }
  };
  const tell = new Tell(log, metrics, api);
  const ages = new Ages({ steady, calendar });
  const world = { cluster: api, registry, tell, now: calendar, steady, ages, holds, log, metrics, beat, stopping };
  const loop = new Loop(
    { pollSeconds: settings.pollSeconds, targets: () => file.read() },
    { ...world, chance: Math.random, sleep: pause },
  );
  const work = Promise.all([loop.run(), elect()]);
  work.catch(() => undefined);

  await Promise.race([work, stopped]);
  await Promise.race([work, sleep(stopMs, undefined, { ref: false })]);
  await election.release().catch((error: unknown) => log('warn', explainError(error), { lease: lease.name }));
  health.server.close();
  scraped.server.close();
}

async function main(): Promise<number> {
  try {
    await run(readSettings(process.env));
    log('info', 'stopped');
    return 0;
  } catch (error) {
    log('error', explainError(error));
    return error instanceof SetupError ? 2 : 1;
  }
}

// Connections that are kept open would hold the process.
void main().then((code) => process.exit(code));
