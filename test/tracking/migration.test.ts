import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Size } from 'cdk8s';
import { RecordingDatabase, containerOf, environmentOf, filesOf, podOf, serverObjects } from './servers';
import { Authentication, ArtifactStore, Exposure, Images, TrackingServer, TrackingServerProps } from '../../lib';
import { platformApp } from '../support/platforms';
import { Rendered, find, findByPrefix, render, snapshotOf } from '../support/synth';

const jobOf = (objects: Rendered[]) => findByPrefix(objects, 'Job', 'server-migration');
const nameOf = (props: Partial<TrackingServerProps>, use?: (server: TrackingServer) => void): string =>
  jobOf(serverObjects(props, use)).metadata.name;
const own = (objects: Rendered[]) => objects.filter(({ metadata }) => metadata.name.startsWith('server-migration'));

const objects = serverObjects();
const { template } = jobOf(objects).spec;

test('a migration has these objects', () => {
  expect(snapshotOf(own(objects))).toMatchSnapshot();
});

test('a migration with MLflow’s own login and a service user has these objects', () => {
  const authentication = Authentication.mlflow();
  expect(
    snapshotOf(own(serverObjects({ authentication, replicas: 1 }, (server) => server.addServiceUser('deployer')))),
  ).toMatchSnapshot();
});

describe('the Job of a migration', () => {
  test('has a name that ends with a hash', () => {
    expect(nameOf({})).toMatch(/^server-migration-[0-9a-f]{8}$/);
  });

  test.each<[string, Partial<TrackingServerProps>]>([
    ['another version of MLflow', { image: 'ghcr.io/mlflow/mlflow:v3.17.2-full' }],
    ['a database for MLflow’s own login', { authentication: Authentication.mlflow() }],
    ['another bucket for the dumps', { artifacts: ArtifactStore.fromClaim({ claimName: 'a', readWriteMany: true }) }],
    ['settings, which it has too', { environment: { HTTPS_PROXY: 'http://proxy.example.com:3128' } }],
    ['more space for the dump', { dumpSpace: Size.gibibytes(99) }],
    ['another number of dumps that are kept', { dumpsKept: 5 }],
  ])('gets a new name with %s', (_what, props) => {
    expect(nameOf(props)).not.toBe(nameOf({}));
  });

  test.each<[string, Partial<TrackingServerProps>]>([
    ['the number of servers', { replicas: 2 }],
    ['their workers and pools', { workers: 2, maxDatabaseRequests: 2 }],
    ['their resources', { resources: { memory: { limit: Size.gibibytes(8) } }, spool: Size.gibibytes(20) }],
    ['the proxy', { proxyImage: 'nginx-unprivileged:1.30', drainTimeout: Duration.seconds(30) }],
    ['the login’s realm', { authentication: Authentication.basic({ realm: 'Models' }) }],
    ['the way in', { exposure: Exposure.ingress({ host: 'mlflow.example.com' }), allowedHosts: ['a.example.com'] }],
  ])('keeps its name if %s changes', (_what, props) => {
    expect(nameOf(props)).toBe(nameOf({}));
  });

  test.each([Authentication.basic(), Authentication.mlflow()])(
    'keeps its name if a service user is added',
    (authentication) => {
      expect(nameOf({ authentication }, (server) => server.addServiceUser('deployer'))).toBe(
        nameOf({ authentication }),
      );
    },
  );
});

test('the Job of the users has the revision of its ConfigMap, which changes with a user', () => {
  const revisionOf = (...names: string[]) => {
    const all = serverObjects({ authentication: Authentication.mlflow() }, (server) =>
      names.forEach((name) => server.addServiceUser(name)),
    );
    const env = environmentOf(containerOf(findByPrefix(all, 'Job', 'server-users').spec.template, 'users'));
    expect(find(all, 'ConfigMap', 'server-users').data.revision).toBe(env.MOUNTED_REVISION);
    return env.MOUNTED_REVISION;
  };
  expect(revisionOf('deployer', 'trainer')).not.toBe(revisionOf('deployer'));
});

test('each ConfigMap has every program that its programs import', () => {
  const ours = readdirSync(join(__dirname, '..', '..', 'runtime', 'mlflow'));
  const all = [
    ...serverObjects({ authentication: Authentication.mlflow() }, (server) => server.addServiceUser('deployer')),
    ...platformApp('full').charts.flatMap(render),
  ];
  const configMaps = all.filter(({ data }) => Object.keys(data ?? {}).some((file) => file.endsWith('.py')));
  // The programs of a server, its migration and its users, and of a serving.
  for (const file of ['serve.py', 'migrate.py', 'service_users.py', 'serve_model.py']) {
    expect(configMaps.some(({ data }) => data[file])).toBe(true);
  }
  for (const { data } of configMaps) {
    const imported = Object.entries<string>(data)
      .filter(([file]) => file.endsWith('.py'))
      .flatMap(([, text]) => [...text.matchAll(/^ *(?:import|from) (\w+)/gm)].map(([, module]) => `${module}.py`));
    expect(Object.keys(data)).toEqual(expect.arrayContaining(imported.filter((file) => ours.includes(file))));
  }
});

describe('the two containers of a migration', () => {
  test('are one that migrates and exits, and a sidecar that dumps on request', () => {
    const containers = [...template.spec.initContainers, ...template.spec.containers];
    expect(containers.map(({ name, restartPolicy, command }: any) => [name, restartPolicy, command.join(' ')])).toEqual(
      [
        ['dump', 'Always', 'sh /opt/cdk8s-mlflow/dump-databases.sh'],
        ['migrate', undefined, 'python /opt/cdk8s-mlflow/migrate.py'],
      ],
    );
  });

  test('are retried in a new pod, except after exit codes for which a retry is useless', () => {
    const { podFailurePolicy, backoffLimit } = jobOf(objects).spec;
    expect(template.spec.restartPolicy).toBe('Never');
    expect(backoffLimit).toBeGreaterThan(0);
    // The exit code of migrate.py if the database has a newer schema, or if the settings are wrong.
    const schema = find(objects, 'ConfigMap', 'server-migration').data['schema.py'];
    const [, code] = /^RETRY_IS_USELESS = (\d+)/m.exec(schema)!;
    expect(podFailurePolicy.rules).toEqual([
      { action: 'FailJob', onExitCodes: { containerName: 'migrate', operator: 'In', values: [Number(code)] } },
    ]);
  });

  test('have the image with which the servers wait', () => {
    expect(containerOf(podOf(objects), 'wait-for-schema').image).toBe(containerOf(template, 'migrate').image);
    const image = 'registry.example.com/mlflow:v3.16.0';
    const older = serverObjects({ image });
    expect(containerOf(jobOf(older).spec.template, 'migrate').image).toBe(image);
    expect(containerOf(podOf(older), 'wait-for-schema').image).toBe(image);
  });

  test('read which version was applied last, to exit if they are superseded', () => {
    const older = serverObjects({ image: 'registry.example.com/mlflow:v3.16.0' });
    const wanted = (all: Rendered[]) => find(all, 'ConfigMap', 'server-migration').data['wanted-image'];
    for (const all of [objects, older]) {
      const env = environmentOf(containerOf(jobOf(all).spec.template, 'migrate'));
      expect(env.MIGRATION_IMAGE).toBe(wanted(all));
      expect(env.WANTED_IMAGE_FILE).toBe('/opt/cdk8s-mlflow/wanted-image');
    }
    expect(wanted(older)).not.toBe(wanted(objects));
  });

  test('have a liveness probe that a long dump passes and a hanging one fails', () => {
    const { livenessProbe } = containerOf(template, 'dump');
    const script = find(objects, 'ConfigMap', 'server-migration').data['dump-databases.sh'];
    expect(livenessProbe.exec.command.join(' ')).toContain('/work/alive');
    expect(script).toContain('touch "$work/alive"');
  });
});

describe('the programs of a migration', () => {
  const steps = ['dump', 'migrate'].map((name) => containerOf(template, name));

  test('exchange the dump in a volume of its size', () => {
    for (const step of steps) expect(step.volumeMounts).toContainEqual({ name: 'work', mountPath: '/work' });
    const sizeOf = (pod: any) => pod.spec.volumes.find(({ name }: any) => name === 'work').emptyDir.sizeLimit;
    expect(sizeOf(template)).toBe('20Gi');
    expect(sizeOf(jobOf(serverObjects({ dumpSpace: Size.gibibytes(50) })).spec.template)).toBe('50Gi');
  });

  test('stop a dump before it fills that volume, because Kubernetes would evict the pod', () => {
    const limitOf = (dumpSpace: Size) =>
      Number(environmentOf(containerOf(jobOf(serverObjects({ dumpSpace })).spec.template, 'dump')).DUMP_KIBIBYTES);
    expect(limitOf(Size.gibibytes(20))).toBe(20 * 1024 * 1024 - 64);
    expect(limitOf(Size.kibibytes(10))).toBe(1);
  });

  test('dump by PostgreSQL’s own program, of the database’s version', () => {
    expect(containerOf(template, 'dump').image).toBe(Images.POSTGRES);
    const database = new RecordingDatabase();
    const other = jobOf(serverObjects({ database })).spec.template;
    expect(containerOf(other, 'dump').image).toBe(database.clientImage);
  });

  test('log in to database and store with files, like the server', () => {
    expect(filesOf(template, 'secrets')).toEqual({
      PGUSER: { secret: 'database', key: 'username' },
      PGPASSWORD: { secret: 'database', key: 'password' },
      AWS_ACCESS_KEY_ID: { secret: 'bucket', key: 'AWS_ACCESS_KEY_ID' },
      AWS_SECRET_ACCESS_KEY: { secret: 'bucket', key: 'AWS_SECRET_ACCESS_KEY' },
    });
    expect(Object.keys(filesOf(template, 'database-secrets'))).toEqual(['PGUSER', 'PGPASSWORD']);
    for (const step of steps) {
      expect(Object.keys(environmentOf(step)).filter((name) => /PASSWORD|SECRET|KEY/.test(name))).toEqual([]);
      const name = step.name === 'dump' ? 'database-secrets' : 'secrets';
      expect(step.volumeMounts).toContainEqual({ name, mountPath: '/run/secrets/mlflow', readOnly: true });
    }
  });

  test('give the dump container only the settings of the database', () => {
    const dump = containerOf(template, 'dump');
    expect(Object.keys(environmentOf(dump)).filter((name) => !name.startsWith('PG'))).toEqual(['DUMP_KIBIBYTES']);
    expect(dump.volumeMounts.map(({ name }: any) => name)).toEqual(['program', 'work', 'database-secrets']);
  });

  test('upload the dump to a prefix outside the artifacts', () => {
    expect(environmentOf(containerOf(template, 'migrate')).BACKUP_DESTINATION).toBe('s3://models/backups');
  });

  test('find the files that they import', () => {
    const { data } = find(objects, 'ConfigMap', 'server-migration');
    for (const { command } of steps) expect(Object.keys(data)).toContain(command[1].split('/').pop());
  });
});

describe('a migration with MLflow’s own login', () => {
  const withLogin = serverObjects({ authentication: Authentication.mlflow(), replicas: 1 });
  const pod = jobOf(withLogin).spec.template;

  test('also upgrades the schema of its database', () => {
    expect(environmentOf(containerOf(pod, 'migrate')).AUTH_DATABASE).toBe('mlflow_auth');
    expect(environmentOf(containerOf(template, 'migrate'))).not.toHaveProperty('AUTH_DATABASE');
  });

  test('reads the server’s settings, and creates the administrator', () => {
    const settings = (name: string) => find(withLogin, 'ConfigMap', name).data['basic_auth.ini'];
    expect(settings('server-migration')).toBe(settings('server-programs'));
    expect(environmentOf(containerOf(pod, 'migrate')).MLFLOW_AUTH_CONFIG_PATH).toBe('/opt/cdk8s-mlflow/basic_auth.ini');
    expect(filesOf(pod, 'secrets')).toMatchObject({
      MLFLOW_AUTH_ADMIN_USERNAME: { secret: 'server-admin', key: 'username' },
      MLFLOW_AUTH_ADMIN_PASSWORD: { secret: 'server-admin', key: 'password' },
    });
  });
});

test('the migration has egress to the database and the store, and no ingress', () => {
  const database = new RecordingDatabase();
  const { spec } = find(serverObjects({ database }), 'NetworkPolicy', 'server-migration');
  expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
  expect(spec.ingress ?? []).toEqual([]);
  expect(spec.egress.flatMap(({ ports }: any) => ports.map((port: any) => port.port))).toEqual([
    ...[53, 5353, 53, 5353, 53, 5353],
    5432,
    443,
  ]);
  expect(database.clients[1].podLabels).toEqual(spec.podSelector.matchLabels);
});

test('with a ReadWriteOnce volume the migration runs on the node of the server’s pod', () => {
  // The server's pod mounts the volume while it waits for the schema.
  const alone = serverObjects({ replicas: 1, artifacts: ArtifactStore.fromClaim({ claimName: 'files' }) });
  const { affinity } = jobOf(alone).spec.template.spec;
  expect(affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
    {
      topologyKey: 'kubernetes.io/hostname',
      labelSelector: { matchLabels: find(alone, 'Deployment', 'server').spec.selector.matchLabels },
    },
  ]);
});
