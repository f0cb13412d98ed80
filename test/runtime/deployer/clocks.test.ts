// A node whose clock is set back or forward: the program still waits for the right time.
import { deployment, gone, rollouts, start, target, v } from './seen';
import { Ages } from '../../../runtime/deployer/ages';
import type { Cluster } from '../../../runtime/deployer/cluster';
import { Loop, type LoopWorld } from '../../../runtime/deployer/loop';
import { Metrics } from '../../../runtime/deployer/metrics';
import type { Registry } from '../../../runtime/deployer/registry';
import type { State } from '../../../runtime/deployer/state';
import { Failure } from '../../../runtime/kubernetes/failure';

const hour = 3_600_000;

function setUp(cluster: Partial<Cluster>) {
  const clock = { steady: 5_000, calendar: start };
  const registry: Registry = {
    list: async () => new Map(),
    version: async () => gone(4)[1],
    tag: async () => 'done',
    untag: async () => 'done',
  };
  const nothing = async () => undefined;
  const world: LoopWorld = {
    cluster: { event: nothing, ...cluster } as Cluster,
    registry,
    tell: { news: nothing, notice: nothing, state: () => undefined, tagged: () => undefined } as any,
    now: () => clock.calendar,
    steady: () => clock.steady,
    ages: new Ages({ steady: () => clock.steady, calendar: () => clock.calendar }),
    holds: () => true,
    log: () => undefined,
    metrics: new Metrics(
      () => clock.steady,
      () => true,
    ),
    chance: () => 0,
    sleep: nothing,
    stopping: () => false,
    beat: () => undefined,
  };
  const pass = (ms: number, step = 0) => {
    clock.steady += ms;
    clock.calendar += ms + step;
  };
  return { loop: new Loop({ pollSeconds: 5, targets: () => [target] }, world), world, pass };
}

test.each([-hour, hour])('the clock steps by %d ms: a failed Deployment is retried at its time', async (step) => {
  let looks = 0;
  const { loop, pass } = setUp({
    get: async () => {
      looks++;
      throw new Failure('transient', 'away');
    },
  });
  await loop.turn();
  pass(1_000, step);
  await loop.turn();
  expect(looks).toBe(1);
  pass(5_000);
  await loop.turn();
  expect(looks).toBe(2);
});

test.each([-hour, hour])('the clock steps by %d ms: the poll interval does not change', async (step) => {
  const { loop, pass } = setUp({
    get: async () => {
      pass(1_000, step);
      return 'absent';
    },
  });
  expect(await loop.turn()).toBe(4_000);
});

test.each([-hour, hour])('the clock steps by %d ms: the deadline of a rollout does not change', async (step) => {
  const applied: State[] = [];
  const seen = deployment(4, { phase: 'rolling', good: v(3) }, rollouts.late);
  const { loop, pass } = setUp({
    get: async () => seen,
    apply: async (_, before, state) => {
      applied.push(state);
      return { ...before, template: state, state, rollout: rollouts.underWay };
    },
  });
  await loop.turn();
  pass(0, step);
  pass(599_000);
  await loop.turn();
  expect(applied).toEqual([]);
  pass(1_000);
  await loop.turn();
  expect(applied[0]).toMatchObject({ version: '3', failed: { version: '4' } });
});

test.each([-hour, hour])(
  'the clock steps by %d ms: the metric of the last success shows the elapsed time',
  async (step) => {
    const { loop, world, pass } = setUp({ get: async () => 'absent' });
    await loop.turn();
    pass(7_000, step);
    expect(await world.metrics.registry.metrics()).toContain('seconds_since_last_success 7\n');
  },
);
