import { Size } from 'cdk8s';
import {
  ArtifactStore,
  Authentication,
  BackupTarget,
  Database,
  DataVolume,
  MlflowPlatform,
  MlflowPlatformProps,
  RegisteredModel,
  SqliteDatabaseProps,
} from '../../lib';
import { client } from '../support/components';
import { Rendered, errorOf, find, namesOf, ofKind, snapshotOf, synth } from '../support/synth';
import { argumentOf, containerOf, environmentOf, podOf, serverError, serverObjects } from '../tracking/servers';

const volume = DataVolume.fromClaim('mlflow-data');
const allProps: Required<SqliteDatabaseProps> = { volume, databaseName: 'runs', copies: 5 };

const small = (props: MlflowPlatformProps = {}, use: (platform: MlflowPlatform) => void = () => undefined) =>
  synth((chart) => {
    const data = new DataVolume(chart, 'mlflow-data');
    const stores = { database: Database.sqlite({ volume: data }), artifacts: ArtifactStore.volume({ volume: data }) };
    use(new MlflowPlatform(chart, 'mlflow', { ...stores, ...props }));
  });
const server = (objects: Rendered[]) => find(objects, 'Deployment', 'mlflow-server').spec;

describe('the smallest platform', () => {
  test('has these objects', () => {
    expect(snapshotOf(small())).toMatchSnapshot();
  });

  test('has one Job, which creates the Secrets, and no autoscaler or PodDisruptionBudget', () => {
    const names = namesOf(small());
    expect(names.filter((name) => name.startsWith('Job '))).toEqual([expect.stringContaining('mlflow-credentials-')]);
    expect(names.filter((name) => /^(Horizontal|PodDisruption|StatefulSet)/.test(name))).toEqual([]);
  });

  test('has one server, which is stopped before the next one starts', () => {
    expect(server(small())).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  });

  test.each([Authentication.basic(), Authentication.mlflow(), Authentication.none()])(
    'requests at most 512Mi of memory, with any login',
    (authentication) => {
      const { spec } = server(small({ authentication })).template;
      const [migrate, ...sidecars] = spec.initContainers;
      const mebibytes = ({ resources }: Rendered) => Number(/^(\d+)Mi$/.exec(resources.requests.memory)![1]);
      const running = [...sidecars, ...spec.containers].reduce((sum, each) => sum + mebibytes(each), 0);
      expect(Math.max(running, mebibytes(migrate))).toBeLessThanOrEqual(512);
    },
  );

  test('mounts the claim once, with the database and the artifacts', () => {
    const { spec } = server(small()).template;
    expect(spec.volumes.filter((each: Rendered) => each.persistentVolumeClaim)).toEqual([
      { name: 'claim-0', persistentVolumeClaim: { claimName: 'mlflow-data' } },
    ]);
    const { volumeMounts } = containerOf({ spec }, 'mlflow');
    expect(volumeMounts.filter(({ name }: Rendered) => name === 'claim-0')).toEqual([
      { name: 'claim-0', mountPath: '/mlflow-data' },
    ]);
    const mlflow = containerOf({ spec }, 'mlflow');
    expect(argumentOf(mlflow, '--backend-store-uri')).toBe('sqlite:////mlflow-data/database/mlflow.db');
    expect(argumentOf(mlflow, '--artifacts-destination')).toBe('file:///mlflow-data/artifacts');
  });

  test('may connect to nothing but DNS', () => {
    const { egress } = find(small(), 'NetworkPolicy', 'mlflow-server').spec;
    expect(new Set(egress.flatMap(({ ports }: Rendered) => ports.map(({ port }: Rendered) => port)))).toEqual(
      new Set([53, 5353]),
    );
  });
});

describe('the schema', () => {
  test('is upgraded by the first init container, in the environment of MLflow', () => {
    const pod = server(small({ authentication: Authentication.mlflow() })).template;
    const [migrate, mlflow] = pod.spec.initContainers;
    expect(migrate).toMatchObject({ name: 'migrate', command: ['python', '/opt/cdk8s-mlflow/migrate_sqlite.py'] });
    expect(migrate.restartPolicy).toBeUndefined();
    expect(migrate.env).toEqual(mlflow.env);
    expect(environmentOf(migrate)).toMatchObject({
      DATABASE_NAME: 'mlflow',
      AUTH_DATABASE: 'mlflow_auth',
      SQLITE_DIRECTORY: '/mlflow-data/database',
      SQLITE_COPIES: '3',
    });
  });

  test('of MLflow’s own users is in a second file', () => {
    const programs = find(
      small({ authentication: Authentication.mlflow() }),
      'ConfigMap',
      'mlflow-server-programs',
    ).data;
    expect(programs['basic_auth.ini']).toContain('database_uri = sqlite:////mlflow-data/database/mlflow_auth.db\n');
    expect(Object.keys(programs)).toEqual(expect.arrayContaining(['migrate_sqlite.py', 'sqlite_files.py']));
  });

  test('programs of SQLite are in no other server', () => {
    const [programs] = ofKind(serverObjects(), 'ConfigMap').filter(({ data }) => data['serve.py']);
    expect(Object.keys(programs.data)).not.toContain('migrate_sqlite.py');
  });
});

test('the props name the file and the number of copies', () => {
  const pod = podOf(serverObjects({ database: Database.sqlite(allProps) }));
  const mlflow = containerOf(pod, 'mlflow');
  expect(argumentOf(mlflow, '--backend-store-uri')).toBe('sqlite:////mlflow-data/database/runs.db');
  expect(environmentOf(mlflow)).toMatchObject({ DATABASE_NAME: 'runs', SQLITE_COPIES: '5' });
  expect(Database.sqlite(allProps)).toMatchObject({ sharedByReplicas: false, databaseName: 'runs' });
});

test('the artifacts can be in a bucket instead', () => {
  const { strategy, template } = find(
    serverObjects({ database: Database.sqlite({ volume }) }),
    'Deployment',
    'server',
  ).spec;
  expect(strategy).toEqual({ type: 'Recreate' });
  expect(argumentOf(containerOf(template, 'mlflow'), '--artifacts-destination')).toBe('s3://models/artifacts');
});

test('options of the server replace its smaller defaults', () => {
  const resources = { memory: { request: Size.gibibytes(1) } };
  const { spec } = server(small({ server: { resources, maxDatabaseRequests: 2 } })).template;
  expect(containerOf({ spec }, 'mlflow').resources.requests.memory).toBe('1Gi');
});

test('programs of the platform log in by nginx', () => {
  const objects = small({}, (platform) => {
    platform.server.addServiceUser('notebooks');
    platform.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
  });
  expect(namesOf(objects)).toContain('Deployment mlflow-deployer');
});

describe('operations', () => {
  const target = BackupTarget.claim({ claimName: 'backups' });
  const cronJobs = () =>
    ofKind(small({ backup: { schedule: '@daily', target }, garbageCollection: { schedule: '@daily' } }), 'CronJob');
  const podOfCronJob = (name: string) =>
    cronJobs().find(({ metadata }) => metadata.name === name)!.spec.jobTemplate.spec.template.spec;
  const claims = ({ volumes }: Rendered) =>
    volumes.map((each: Rendered) => each.persistentVolumeClaim?.claimName).filter(Boolean);

  test('have these CronJobs', () => {
    expect(snapshotOf(cronJobs())).toMatchSnapshot();
  });

  test.each([
    ['mlflow-backup', ['mlflow-data', 'backups']],
    ['mlflow-restore', ['mlflow-data', 'backups']],
    ['mlflow-restore-drill', ['backups']],
    ['mlflow-garbage-collection', ['mlflow-data']],
  ])('mount each claim once, which all containers of the pod use: %s', (name, expected) => {
    const pod = podOfCronJob(name);
    expect(claims(pod)).toEqual(expected);
    const volumes = pod.volumes.map((each: Rendered) => each.name);
    for (const { volumeMounts } of [...(pod.initContainers ?? []), ...pod.containers]) {
      for (const mount of volumeMounts) expect(volumes).toContain(mount.name);
    }
  });

  test('run on the node of the server, except for the drill, which has no volume', () => {
    const required = (name: string) =>
      podOfCronJob(name).affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    expect(required('mlflow-backup')).toHaveLength(1);
    expect(required('mlflow-garbage-collection')).toHaveLength(1);
    expect(required('mlflow-restore-drill')).toBeUndefined();
  });

  test('have no container of PostgreSQL', () => {
    const names = ({ initContainers, containers }: Rendered) =>
      [...initContainers, ...containers].map((each: Rendered) => each.name);
    expect(names(podOfCronJob('mlflow-backup'))).toEqual(['rclone', 'backup']);
    expect(names(podOfCronJob('mlflow-restore'))).toEqual(['rclone', 'restore']);
    expect(names(podOfCronJob('mlflow-restore-drill'))).toEqual(['rclone', 'drill']);
  });
});

describe('refuses', () => {
  test.each<[string, MlflowPlatformProps['server']]>([
    ['several replicas', { replicas: 2 }],
    ['autoscaling', { autoscaling: { minReplicas: 2 } }],
  ])('%s', (_what, options) => {
    expect(errorOf(() => small({ server: options }))).toContain(
      'the database supports a single replica; expected replicas: 1, or a database that servers can share, e.g. new PostgresStatefulSet(…)',
    );
  });

  test('service users in MLflow’s own login', () => {
    const said = errorOf(() =>
      small({ authentication: Authentication.mlflow() }, ({ server: of }) => of.addServiceUser('notebooks')),
    );
    expect(said).toContain('expected Authentication.basic() for a platform with service users, or a PostgreSQL');
  });

  test('a name of a database that is no file name', () => {
    expect(serverError({ database: Database.sqlite({ ...allProps, databaseName: 'a/b' }) })).toContain(
      "the database's name is 'a/b'",
    );
  });

  test('no copies', () => {
    expect(errorOf(() => Database.sqlite({ volume, copies: 0 }).connectFrom(client(0)))).toContain(
      'copies is 0; expected a whole number of at least 1',
    );
  });

  test('signed URLs, which no volume has', () => {
    const said = serverError({
      artifacts: ArtifactStore.volume({ volume }),
      replicas: 1,
      artifactAccess: 'presigned' as any,
    });
    expect(said).toContain('clients have no way into file:///mlflow-data');
  });
});

test('a volume for artifacts also works with a PostgreSQL', () => {
  const objects = serverObjects({ artifacts: ArtifactStore.volume({ volume }), replicas: 1 });
  expect(find(objects, 'Deployment', 'server').spec.strategy).toEqual({ type: 'Recreate' });
  expect(podOf(objects).spec.initContainers[0].name).toBe('wait-for-schema');
});
