import fc from 'fast-check';
import { line } from '../../../runtime/credentials/log';
import { Retry } from '../../../runtime/credentials/retry';
import { backoff } from '../../../runtime/kubernetes/backoff';
import { Failure, type FailureKind } from '../../../runtime/kubernetes/failure';

/** A clock that advances only during a sleep. */
function patience(deadline = 120_000, forbiddenMs = 15_000) {
  const clock = { ms: 0 };
  const delays: number[] = [];
  const world = {
    now: () => clock.ms,
    sleep: async (ms: number) => {
      clock.ms += ms;
    },
    chance: () => 0.5,
  };
  const retry = new Retry(world, { deadline, forbiddenMs }, (delay) => delays.push(delay));
  return { clock, delays, retry };
}

const failing = (kind: FailureKind, retryAfterMs = 0) =>
  jest.fn<Promise<string>, []>(async () => {
    throw new Failure(kind, 'the cause', retryAfterMs);
  });

test('a temporary failure is retried until it ends', async () => {
  const { retry, delays } = patience();
  const attempt = failing('transient').mockImplementation(async () => {
    if (attempt.mock.calls.length < 4) throw new Failure('transient', 'away');
    return 'there';
  });
  await expect(retry.run(attempt)).resolves.toBe('there');
  expect(delays).toEqual([188, 375, 750]);
});

test('the retries end within the limit, with the last cause', async () => {
  const { retry, clock } = patience(30_000);
  await expect(retry.run(failing('transient'))).rejects.toMatchObject({
    kind: 'fatal',
    message: expect.stringContaining('the cause'),
  });
  expect(clock.ms).toBeGreaterThan(24_000);
  expect(clock.ms).toBeLessThan(30_000);
});

test('403 is retried for 15 seconds, once in the whole run', async () => {
  const { retry, clock } = patience();
  await expect(retry.run(failing('forbidden'))).rejects.toMatchObject({ kind: 'fatal', message: 'the cause' });
  expect(clock.ms).toBeGreaterThan(10_000);
  expect(clock.ms).toBeLessThan(15_000);
  const before = clock.ms;
  await expect(retry.run(failing('forbidden'))).rejects.toMatchObject({ kind: 'fatal' });
  expect(clock.ms - before).toBeLessThan(5_000);
});

test.each<FailureKind>(['fatal', 'rejected'])('%s is not retried', async (kind) => {
  const attempt = failing(kind);
  await expect(patience().retry.run(attempt)).rejects.toMatchObject({ kind });
  expect(attempt).toHaveBeenCalledTimes(1);
});

test('an error of the program itself is not retried', async () => {
  const attempt = jest.fn(async () => {
    throw new TypeError('bug');
  });
  await expect(patience().retry.run(attempt)).rejects.toThrow(TypeError);
  expect(attempt).toHaveBeenCalledTimes(1);
});

test('Retry-After is respected up to a limit', async () => {
  const { retry, delays, clock } = patience();
  await expect(retry.run(failing('transient', 50_000))).rejects.toMatchObject({ kind: 'fatal' });
  expect(delays).toEqual([50_000, 50_000]);
  expect(clock.ms).toBe(100_000);
});

test('delays grow, are jittered and bounded', () => {
  const tries = fc.integer({ min: 0, max: 1000 });
  const delay = (n: number, c: number) => backoff(n, c, { firstMs: 250, longestMs: 5_000 });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(tries, chance, (n, c) => delay(n, c) >= 125 && delay(n, c) <= 5_000));
  fc.assert(fc.property(tries, chance, (n, c) => delay(n + 1, c) >= delay(n, c)));
  expect(delay(3, 0)).not.toBe(delay(3, 0.9));
});

test('a log entry is one line of logfmt', () => {
  expect(line('info', { secret: 'a-b', keys: 'A,B' })).toBe('level=info secret=a-b keys=A,B');
  expect(line('warn', { cause: 'no "x"\ny', none: '' })).toBe('level=warn cause="no \\"x\\"\\ny" none=""');
});
