import fc from 'fast-check';
import type { Ask } from '../../../runtime/deployer/cluster';
import { Election } from '../../../runtime/deployer/lease';
import { Failure } from '../../../runtime/kubernetes/failure';

/** The Lease in the API server, with optimistic locking. */
class Leases {
  public lease?: any;
  public fault?: 'before' | 'after' | number;
  private version = 0;

  public readonly ask: Ask = async ({ method, body }) => {
    const fault = this.fault;
    if (fault === 'before') throw new Failure('transient', 'no connection');
    if (typeof fault === 'number') return answer(fault, { kind: 'Status', message: 'said so' });
    const result = this.answer(method, structuredClone(body));
    if (fault === 'after') throw new Failure('transient', 'answer cut off');
    return result;
  };

  private answer(method: string, body: any) {
    if (method === 'GET') return this.lease ? answer(200, this.lease) : answer(404, { reason: 'NotFound' });
    const taken =
      method === 'POST' ? this.lease : body.metadata.resourceVersion !== this.lease?.metadata.resourceVersion;
    if (taken) return answer(409, { reason: 'Conflict' });
    const metadata = { ...body.metadata, resourceVersion: String(++this.version) };
    this.lease = { ...body, metadata };
    return answer(method === 'POST' ? 201 : 200, this.lease);
  }
}
const answer = (status: number, body: any) => ({ status, headers: {}, body: structuredClone(body) });

let leases: Leases;
let now: number;
beforeEach(() => {
  leases = new Leases();
  now = 1_000_000;
});

/** A replica whose clock is wrong by `skew`. */
const replica = (holder: string, skew = 0) =>
  new Election(
    leases.ask,
    { name: 'l', namespace: 'n', holder },
    { steady: () => now + skew, calendar: () => now + skew },
  );
const pass = (seconds: number) => void (now += seconds * 1000);

test('the first replica acquires the Lease, the second waits', async () => {
  const [a, b] = [replica('a'), replica('b')];
  await expect(a.turn()).resolves.toBe(true);
  await expect(b.turn()).resolves.toBe(false);
  expect([a.holds(), b.holds()]).toEqual([true, false]);
  expect(leases.lease.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 1 });
  expect(leases.lease.spec.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('another replica acquires the Lease 15 seconds after the last renewal, not earlier', async () => {
  const [a, b] = [replica('a'), replica('b', -3_600_000)];
  await a.turn();
  for (let turn = 0; turn < 20; turn++) {
    pass(2);
    expect(await a.turn()).toBe(true);
    expect(await b.turn()).toBe(false);
  }
  pass(14);
  expect(await b.turn()).toBe(false);
  expect(a.holds()).toBe(false);
  pass(1);
  expect(await b.turn()).toBe(true);
  expect(await a.turn()).toBe(false);
  expect(leases.lease.spec.leaseTransitions).toBe(2);
});

test('a released Lease is free at once', async () => {
  const [a, b] = [replica('a'), replica('b')];
  await a.turn();
  await b.turn();
  await a.release();
  expect(a.holds()).toBe(false);
  expect(await b.turn()).toBe(true);
  await a.release();
  expect(b.holds()).toBe(true);
});

test('the same pod keeps the Lease after a restart of its container', async () => {
  await replica('a').turn();
  const acquired = leases.lease.spec.acquireTime;
  pass(3);
  expect(await replica('a').turn()).toBe(true);
  expect(leases.lease.spec.acquireTime).toBe(acquired);
});

test('a Lease is given up if the API server does not answer for some time', async () => {
  const a = replica('a');
  await a.turn();
  leases.fault = 'before';
  pass(9);
  await expect(a.turn()).rejects.toThrow('no connection');
  expect(a.holds()).toBe(true);
  pass(1);
  expect(a.holds()).toBe(false);
});

test.each([401, 403, 422, 500, 200])('HTTP %d means that the Lease is not acquired', async (status) => {
  leases.fault = status;
  await expect(replica('a').turn()).rejects.toThrow(`HTTP ${status}`);
});

test('two replicas never hold the Lease, with any fault and any difference of their clocks', async () => {
  const step = fc.record({
    who: fc.nat(2),
    seconds: fc.integer({ min: 0, max: 8 }),
    fault: fc.constantFrom(undefined, undefined, undefined, 'before' as const, 'after' as const),
    leave: fc.nat(9).map((n) => n === 0),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'large' }), async (steps) => {
      leases = new Leases();
      const replicas = [replica('a'), replica('b', 99_000), replica('c', -99_000)];
      for (const { who, seconds, fault, leave } of steps) {
        pass(seconds);
        leases.fault = fault;
        const done = leave ? replicas[who].release() : replicas[who].turn();
        await Promise.resolve(done).catch(() => undefined);
        expect(replicas.filter((each) => each.holds()).length).toBeLessThan(2);
      }
    }),
    { numRuns: 300 },
  );
});
