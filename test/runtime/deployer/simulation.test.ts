// These rules are true for every sequence of events of the registry, the Deployment and the program.
import fc from 'fast-check';
import { type Kind, Simulation } from './simulation';
import { same, type Version } from '../../../runtime/deployer/state';

type Happening =
  | { readonly what: 'register'; readonly kind: Kind; readonly point: boolean }
  | { readonly what: 'point' | 'delete' | 'meddle'; readonly which: number }
  | { readonly what: 'unset' | 'start over' | 'settle' | 'poll' }
  | { readonly what: 'fail'; readonly after: number }
  | { readonly what: 'wait' | 'step'; readonly minutes: number };

const kind = fc.constantFrom<Kind>('works', 'works', 'hangs', 'tells');
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('register' as const), kind, point: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('point' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constantFrom<Happening>({ what: 'unset' }, { what: 'start over' }) },
  { weight: 4, arbitrary: fc.constantFrom<Happening>({ what: 'settle' }, { what: 'poll' }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('fail' as const), after: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 12 }) }) },
  // The clock of the node is set.
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('step' as const), minutes: fc.integer({ min: -90, max: 90 }) }),
  },
);
const story = fc.array(happening, { maxLength: 40, size: 'max' });

/** Simulates the events of the story, and calls `check` after each. */
async function play(simulation: Simulation, happenings: readonly Happening[], check = async () => {}): Promise<void> {
  const pick = (which: number) => [...simulation.versions.keys()][which % Math.max(1, simulation.versions.size)];
  for (const each of happenings) {
    switch (each.what) {
      case 'register': {
        const version = simulation.register(each.kind);
        if (each.point) simulation.point(version);
        break;
      }
      case 'point':
        if (pick(each.which)) simulation.point(pick(each.which));
        break;
      case 'delete':
        if (pick(each.which)) simulation.deleteVersion(pick(each.which));
        break;
      case 'meddle':
        simulation.meddle(String(1 + each.which));
        break;
      case 'unset':
        simulation.point(undefined);
        break;
      case 'start over':
        simulation.startOver();
        break;
      case 'settle':
        simulation.settle();
        break;
      case 'poll':
        await simulation.poll();
        break;
      case 'fail':
        await simulation.survives(each.after);
        break;
      case 'step':
        simulation.off += each.minutes * 60_000;
        break;
      case 'wait':
        simulation.now += each.minutes * 60_000;
    }
    await check();
  }
}

/** Lets the controller and the program finish all their work, without further events. */
async function rest(simulation: Simulation): Promise<void> {
  for (let turn = 0; turn < 6; turn++) {
    await simulation.poll();
    simulation.observe();
    await simulation.poll();
    simulation.settle();
    await simulation.poll();
    simulation.now += 11 * 60_000;
    await simulation.poll();
  }
}

const options = { numRuns: 400 };

test('a second poll changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (happenings) => {
      const simulation = new Simulation();
      await play(simulation, happenings);
      await simulation.poll();
      const before = simulation.applied.length;
      await simulation.poll();
      expect(simulation.applied.length).toBe(before);
    }),
    options,
  );
});

test('a failed version is not set again until the alias moves or the version is created again', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (happenings) => {
      const simulation = new Simulation();
      let looked = 0;
      let failed: (Version & { moves: number }) | undefined;
      await play(simulation, happenings, async () => {
        for (const { state, before } of simulation.applied.slice(looked)) {
          const fresh = state.version !== before?.version || state.created !== before?.created;
          if (failed && fresh && same(state, failed)) expect(simulation.aliasMoves).toBeGreaterThan(failed.moves);
          if (state.failed && !before?.failed) failed = { ...state.failed, moves: simulation.aliasMoves };
        }
        looked = simulation.applied.length;
      });
    }),
    options,
  );
});

test('sets only the version of the alias, the previous version, or the last good one', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (happenings) => {
      const simulation = new Simulation();
      let looked = 0;
      await play(simulation, happenings, async () => {
        for (const { state, before } of simulation.applied.slice(looked)) {
          const allowed = [before, before?.good, simulation.wanted()].map((each) => (each as Version)?.version);
          expect(allowed).toContain(state.version);
        }
        looked = simulation.applied.length;
      });
    }),
    options,
  );
});

test('finally serves the alias or the last good version, and tags say which and why', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (happenings) => {
      const simulation = new Simulation();
      await play(simulation, happenings);
      const good = simulation.state()?.good;
      await rest(simulation);
      const wanted = simulation.wanted();
      const state = simulation.state();
      expect(state?.tags).toBeUndefined();
      if (wanted.is !== 'version') return;
      const { kind: truth } = simulation.versions.get(wanted.version)!;
      if (truth === 'works' && !(state!.failed && same(state!.failed, wanted))) {
        expect(state).toMatchObject({ version: wanted.version, phase: 'serving' });
        expect(simulation.outcome(wanted.version)).toBe('serving');
      } else if (truth !== 'works') {
        expect(state!.failed).toMatchObject({ version: wanted.version });
        expect(simulation.outcome(wanted.version)).toMatch(/^failed: (it tells why|0 of 1 pods)/);
        if (good) expect(state!.version).toBe(state!.good!.version);
      }
    }),
    options,
  );
});

test('a program that is killed after any call has the same outcome as one that is not', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.array(fc.nat(8), { minLength: 1, maxLength: 8 }), async (happenings, deaths) => {
      const calm = happenings.filter(({ what }) => what !== 'fail');
      const [lives, dies] = [new Simulation(), new Simulation()];
      await play(lives, calm);
      const steps = deaths.flatMap((after): Happening[] => [{ what: 'fail', after }]);
      // Before each poll of the first program, the second one is killed several times, and then polls too.
      await play(
        dies,
        calm.flatMap((each) => (each.what === 'poll' ? [...steps, each] : [each])),
      );
      const result = (simulation: Simulation) => ({
        state: simulation.state(),
        tags: [...simulation.versions].map(([version, { tags }]) => [version, [...tags].sort()]),
      });
      expect(result(dies)).toEqual(result(lives));
    }),
    options,
  );
});

test('serves a failed version after its cause is removed and the alias is set again', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.nat(9), async (happenings, which) => {
      const simulation = new Simulation();
      simulation.point(simulation.register('tells'));
      await play(simulation, happenings);
      await rest(simulation);
      fc.pre(simulation.versions.size > 0);
      const version = [...simulation.versions.keys()][which % simulation.versions.size];
      simulation.repair();
      simulation.point(undefined);
      await simulation.poll();
      simulation.point(version);
      await rest(simulation);
      expect(simulation.state()).toMatchObject({ version, phase: 'serving' });
      expect(simulation.outcome(version)).toBe('serving');
    }),
    options,
  );
});

test('returns to the version that it remembers if another client sets one', async () => {
  const meddling = fc.record({ what: fc.constant('meddle' as const), which: fc.nat(9) });
  const busy = fc.array(fc.oneof({ weight: 4, arbitrary: happening }, { weight: 1, arbitrary: meddling }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(busy, async (happenings) => {
      const simulation = new Simulation();
      await play(simulation, happenings);
      await rest(simulation);
      const before = simulation.applied.length;
      await rest(simulation);
      expect(simulation.applied.length).toBe(before);
      if (simulation.state()) expect(simulation.set()).toBe(simulation.state()!.version);
    }),
    options,
  );
});
