import { Chart, Testing } from 'cdk8s';
import { MinioStore, PostgresStatefulSet, TrackingServer } from '../../lib';
import { errorOf } from '../support/synth';

/** A server in the namespace `web`, with its database and its store in the given namespaces. */
function server(database: string, store: string) {
  const app = Testing.app();
  new TrackingServer(new Chart(app, 'c', { namespace: 'web' }), 'server', {
    database: new PostgresStatefulSet(new Chart(app, 'a', { namespace: database }), 'postgres'),
    artifacts: new MinioStore(new Chart(app, 'b', { namespace: store }), 'minio'),
  });
}

test('parts in charts of one namespace are accepted', () => {
  expect(() => server('web', 'web')).not.toThrow();
});

// The server would read Secrets that do not exist in its namespace, and connect to a host name that does not resolve.
test.each([
  [
    'data',
    'web',
    "c/server: the database is in namespace 'data', and who connects in 'web'; expected one namespace for both",
  ],
  [
    'web',
    'data',
    "c/server: the store is in namespace 'data', and who connects in 'web'; expected one namespace for both",
  ],
])('a database in %s and a store in %s are refused', (database, store, message) => {
  expect(errorOf(() => server(database, store))).toContain(message);
});
