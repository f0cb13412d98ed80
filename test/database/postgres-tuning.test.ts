import { Size } from 'cdk8s';
import { MlflowPlatform, PostgresStatefulSet } from '../../lib';
import { tuningRules } from '../../lib/database/tuning';
import { client, postgres } from '../support/components';
import { errorOf, find, synth } from '../support/synth';

function settings(args: string[]): Record<string, string> {
  return Object.fromEntries(args.filter((arg) => arg.includes('=')).map((arg) => arg.split('=')));
}

function tuned(memory: Size, maxConnections?: number) {
  return settings(
    postgres({ resources: { memory: { request: memory, limit: memory } }, maxConnections }).container.args,
  );
}

describe('settings follow the memory limit', () => {
  test.each([
    ['1Gi', Size.gibibytes(1), '256MB', '768MB', '64MB'],
    ['4Gi', Size.gibibytes(4), '1024MB', '3072MB', '256MB'],
    ['16Gi', Size.gibibytes(16), '4096MB', '12288MB', '1024MB'],
    ['1500Mi', Size.mebibytes(1500), '375MB', '1125MB', '93MB'],
    ['1.5Gi', Size.gibibytes(1.5), '384MB', '1152MB', '96MB'],
  ])('%s', (_, memory, sharedBuffers, cache, maintenance) => {
    expect(tuned(memory)).toMatchObject({
      shared_buffers: sharedBuffers,
      effective_cache_size: cache,
      maintenance_work_mem: maintenance,
    });
  });

  test('rounds down a limit that is no whole number of mebibytes', () => {
    expect(tuned(Size.kibibytes(4_000_000)).shared_buffers).toBe('976MB');
  });
});

describe('max_connections', () => {
  const connections = (...clients: number[]) =>
    settings(postgres({}, (database) => clients.forEach((each) => database.connectFrom(client(each)))).container.args)
      .max_connections;

  test.each([
    ['nobody connects', [], '50'],
    ['one client and 20 more fit exactly', [30], '50'],
    ['one more than fits', [31], '75'],
    ['clients add up', [100, 100], '225'],
  ])('is a multiple of 25, rounded up: %s', (_, clients, expected) => {
    expect(connections(...clients)).toBe(expected);
  });

  test('counts clients that connect after the StatefulSet was created', () => {
    synth((chart) => {
      const database = new PostgresStatefulSet(chart, 'postgres');
      expect(database.maxConnections).toBe(50);
      database.connectFrom(client(200));
      expect(database.maxConnections).toBe(225);
    });
  });

  test('allows all connections of the servers and the migration', () => {
    const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow'));
    const { args } = find(objects, 'StatefulSet', 'mlflow-postgres').spec.template.spec.containers[0];
    // 10 servers and one of a rollout, 3 engines each, 3 + 3 connections; 10 of the migration; 20 in reserve.
    expect(settings(args).max_connections).toBe('250');
  });

  test("keeps the user's value", () => {
    expect(tuned(Size.gibibytes(4), 120).max_connections).toBe('120');
  });
});

test('refuses a client with labels that no pod can have', () => {
  const jobs = { ...client(5), podLabels: { app: 'a b' } };
  expect(errorOf(() => postgres({}, (database) => database.connectFrom(jobs)))).toContain(
    "chart/mlflow-postgres: client.podLabels has the value 'a b' of 'app'; expected",
  );
});

describe('max_connections', () => {
  const failure = (props: object, needed: number) =>
    errorOf(() => postgres(props, (database) => database.connectFrom(client(needed))));

  test('is refused if it is less than the clients can open plus 3 for superusers', () => {
    expect(failure({ maxConnections: 102 }, 100)).toContain(
      '[chart/mlflow-postgres] maxConnections is 102; expected at least 103: its clients can open 100 and 3 are kept',
    );
  });

  test('is accepted if it is exactly that number', () => {
    postgres({ maxConnections: 103 }, (database) => database.connectFrom(client(100)));
  });

  test("is refused if the user's value needs more than the memory limit", () => {
    expect(failure({ maxConnections: 333 }, 10)).toContain(
      '[chart/mlflow-postgres] max_connections is 333 with a memory limit of 4096Mi; expected at most 332',
    );
  });

  test('is refused if the clients need more than the memory limit', () => {
    expect(failure({}, 400)).toMatch(
      /\[chart\/mlflow-postgres\] max_connections is 425 with .* expected a memory limit of \d+Mi, fewer servers/,
    );
  });

  test('is accepted up to the memory limit', () => {
    postgres({ maxConnections: 332 });
  });

  test('has an error that names a sufficient memory limit, less than twice the need', () => {
    const wrong = (memoryMebibytes: number, maxConnections: number) =>
      tuningRules({ memoryMebibytes, neededConnections: 0, maxConnections }).find((rule) => rule.wrong)?.want;
    for (let connections = 50; connections <= 5000; connections++) {
      const advice = Number(/a memory limit of (\d+)Mi/.exec(wrong(0, connections)!)![1]);
      expect(wrong(advice, connections)).toBeUndefined();
      expect(wrong(Math.floor(advice / 2) - 64, connections)).toBeDefined();
    }
  });
});
