import { RecordingDatabase, containerOf, environmentOf, podOf, serverObjects } from './servers';
import { ArtifactStore, Authentication, Credentials, Database } from '../../lib';
import { program } from '../../lib/component/program';
import { USERS_CONNECTIONS, poolConnections } from '../../lib/tracking/server-plan';
import { find, namesOf, ofKind } from '../support/synth';

const selector = {
  'app.kubernetes.io/name': 'mlflow',
  'app.kubernetes.io/instance': 'server',
  'app.kubernetes.io/component': 'server',
};

describe('the number of replicas', () => {
  test('is not in the YAML with an autoscaler, so that an apply does not reset it', () => {
    const objects = serverObjects();
    expect(find(objects, 'Deployment', 'server').spec).not.toHaveProperty('replicas');
    expect(find(objects, 'HorizontalPodAutoscaler', 'server-hpa').spec).toEqual({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'server' },
      minReplicas: 3,
      maxReplicas: 10,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
      ],
    });
  });

  test('is in the Deployment if it is fixed', () => {
    const objects = serverObjects({ replicas: 2 });
    expect(find(objects, 'Deployment', 'server').spec.replicas).toBe(2);
    expect(ofKind(objects, 'HorizontalPodAutoscaler')).toEqual([]);
  });

  test.each([
    [{ maxReplicas: 4 }, 3, 4],
    [{ minReplicas: 2 }, 2, 10],
    // A lower bound above the default upper bound raises the upper bound.
    [{ minReplicas: 12 }, 12, 12],
    [{ minReplicas: 5, maxReplicas: 5 }, 5, 5],
  ])('is, with %j, between %d and %d', (autoscaling, minReplicas, maxReplicas) => {
    const { spec } = find(serverObjects({ autoscaling }), 'HorizontalPodAutoscaler', 'server-hpa');
    expect(spec).toMatchObject({ minReplicas, maxReplicas });
  });
});

describe('a rollout or a drained node loses no request', () => {
  test('starts a new pod before it stops an old one', () => {
    expect(find(serverObjects(), 'Deployment', 'server').spec.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    });
  });

  test('evicts at most one server at a time', () => {
    expect(find(serverObjects(), 'PodDisruptionBudget', 'server').spec).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: selector },
      // A server that is not ready serves no requests, so it must not block a drain.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
  });

  test('has no PodDisruptionBudget for a single server, which would block the drain of its node', () => {
    expect(namesOf(serverObjects({ replicas: 1 })).filter((name) => name.startsWith('PodDisruption'))).toEqual([]);
  });

  test('spreads servers over zones and nodes if possible', () => {
    const { spec } = podOf(serverObjects());
    expect(
      spec.topologySpreadConstraints.map(({ topologyKey, whenUnsatisfiable, labelSelector }: any) => ({
        topologyKey,
        whenUnsatisfiable,
        labelSelector,
      })),
    ).toEqual(
      ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selector },
      })),
    );
    const [preferred] = spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(preferred.podAffinityTerm).toEqual({
      topologyKey: 'kubernetes.io/hostname',
      labelSelector: { matchLabels: selector },
    });
  });

  test.each([
    ['a volume', { artifacts: ArtifactStore.fromClaim({ claimName: 'files' }) }],
    ['a database', { database: new RecordingDatabase(false) }],
  ])('with %s for a single server stops the old pod first', (_what, props) => {
    // With a surge, the new pod would wait for the volume forever, and the old pod for the new one.
    expect(find(serverObjects({ replicas: 1, ...props }), 'Deployment', 'server').spec.strategy).toEqual({
      type: 'Recreate',
    });
  });
});

describe('the connections of a server', () => {
  const told = (props: Parameters<typeof serverObjects>[0]) => {
    const database = new RecordingDatabase();
    serverObjects({ ...props, database });
    return database.clients;
  };

  test('are counted by the database for the servers and the migration', () => {
    expect(told({}).map(({ name, podLabels }) => [name, podLabels['app.kubernetes.io/component']])).toEqual([
      ['chart/server', 'server'],
      ['chart/server/migration', 'migration'],
    ]);
  });

  test.each([
    // The most pods and one more for a rollout, with a pool for each process.
    ['the default', {}, (10 + 1) * 1 * (3 * 6 + 2)],
    ['a fixed number', { replicas: 2 }, (2 + 1) * 1 * (3 * 6 + 2)],
    ['more workers', { replicas: 2, workers: 3 }, (2 + 1) * 3 * (3 * 6 + 2)],
    ['fewer requests at once', { replicas: 2, maxDatabaseRequests: 2 }, (2 + 1) * 1 * (3 * 2 + 2)],
    ['a database of users', { replicas: 2, authentication: Authentication.mlflow() }, (2 + 1) * 1 * (3 * 6 + 2 + 4)],
  ])('of %s are as many as all pools can open', (_what, props, connections) => {
    expect(told(props)[0].maxConnections).toBe(connections);
  });

  test.each([1, 2, 6, 40])('with %d requests at once cannot deadlock', (maxDatabaseRequests) => {
    const environment = environmentOf(containerOf(podOf(serverObjects({ maxDatabaseRequests })), 'mlflow'));
    const [size, overflow] = ['POOL_SIZE', 'MAX_OVERFLOW'].map((name) =>
      Number(environment[`MLFLOW_SQLALCHEMYSTORE_${name}`]),
    );
    // MLflow ignores 0.
    expect(overflow).toBeGreaterThan(0);
    // Each request can hold three connections and wait for a fourth. One more is for requests that do not wait for their
    // turn.
    expect(size + overflow).toBeGreaterThan(3 * maxDatabaseRequests + 1);
  });

  test('are computed with the same numbers in the program', () => {
    const text = program('database_pool.py');
    const number = (name: string) => Number(new RegExp(`^${name} = (\\d+)$`, 'm').exec(text)?.[1]);
    expect(poolConnections(5)).toBe((number('MOST_HELD') - 1) * 5 + number('SPARE'));
    expect(USERS_CONNECTIONS).toBe(number('USERS_CONNECTIONS'));
  });

  test('are few for the migration', () => {
    expect(told({})[1].maxConnections).toBeLessThanOrEqual(10);
  });

  test('are limited by the maximum of the database', () => {
    const database = Database.fromExisting({
      host: 'db.example.com',
      credentials: Credentials.fromSecret('database'),
      maxConnections: 100,
    });
    expect(() => serverObjects({ database, replicas: 1 })).not.toThrow();
    expect(() => serverObjects({ database })).toThrow('maxConnections is 100');
  });
});
