import { containerOf, podOf, serverError, serverObjects } from './servers';
import { Credentials, Database } from '../../lib';
import { Rendered } from '../support/synth';

const NAME = 'MLFLOW_READ_REPLICA_BACKEND_STORE_URI';
const database = (more: { readReplicaHost?: string; otherHosts?: string[]; maxConnections?: number } = {}) =>
  Database.fromExisting({ host: 'db.example.com', credentials: Credentials.fromSecret('database'), ...more });
const variablesOf = (container: Rendered): Record<string, string> =>
  Object.fromEntries(container.env.map(({ name, value }: Rendered) => [name, value]));

test('the server, and what waits for its schema, read from the replica', () => {
  const pod = podOf(serverObjects({ database: database({ readReplicaHost: 'db-ro.example.com' }) }));
  for (const name of ['mlflow', 'wait-for-schema']) {
    expect(variablesOf(containerOf(pod, name))[NAME]).toBe(
      'postgresql+psycopg2://db-ro.example.com?keepalives_idle=20&keepalives_interval=5&keepalives_count=4' +
        '&tcp_user_timeout=20000&target_session_attrs=any',
    );
  }
});

test('without a replica the variable is absent', () => {
  expect(variablesOf(containerOf(podOf(serverObjects({ database: database() })), 'mlflow'))).not.toHaveProperty(NAME);
});

test('the address of a replica in IPv6 has brackets', () => {
  const pod = podOf(serverObjects({ database: database({ readReplicaHost: 'fd00::12' }) }));
  expect(variablesOf(containerOf(pod, 'mlflow'))[NAME]).toMatch(/^postgresql\+psycopg2:\/\/\[fd00::12\]\?/);
});

test('the migration uses the primary only', () => {
  const objects = serverObjects({ database: database({ readReplicaHost: 'db-ro.example.com' }) });
  const jobs = objects.filter(({ kind }) => kind === 'Job');
  expect(jobs.length).toBeGreaterThan(0);
  expect(JSON.stringify(jobs)).not.toContain('db-ro');
});

test('connections to the replica do not count against those of the primary', () => {
  const needed = (more: object) =>
    serverError({ database: database({ maxConnections: 1, ...more }) }).match(/at least (\d+)/)![1];
  expect(needed({ readReplicaHost: 'db-ro.example.com' })).toBe(needed({}));
});

test.each([
  ['--read-replica-backend-store-uri', 'expected readReplicaHost of Database.fromExisting(…)'],
  ['--registry-store-uri', 'all of MLflow is in one database'],
])('refuses the argument %s', (argument, expected) => {
  expect(serverError({ extraArguments: [argument, 'postgresql://db'] })).toContain(expected);
});
