import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  ArtifactStore,
  Authentication,
  Backup,
  BackupOptions,
  BackupTarget,
  Credentials,
  MlflowPlatform,
} from '../../lib';
import { environmentOf } from '../support/components';
import { Rendered, errorOf, find, namesOf, snapshotOf, synth } from '../support/synth';
import { addServer } from '../tracking/servers';

const claim = BackupTarget.claim({ claimName: 'backups' });
const least: BackupOptions = { schedule: '0 2 * * *', target: claim };
const all: Required<BackupOptions> = {
  schedule: '30 1 * * 1-5',
  timeZone: 'Europe/Berlin',
  target: BackupTarget.bucket({
    bucket: 'backups',
    prefix: 'mlflow',
    region: 'eu-west-1',
    endpoint: 'https://s3.example.com',
    pathStyle: false,
    credentials: Credentials.fromSecret('target', { usernameKey: 'id', passwordKey: 'key' }),
    cidr: '10.0.0.0/8',
  }),
  retention: { daily: 3, weekly: 2, monthly: 1 },
  encryption: { secretName: 'backup-key', key: 'passphrase' },
  dumpSpace: Size.gibibytes(5),
  resources: { cpu: { request: Cpu.millis(200) }, memory: { limit: Size.gibibytes(2) } },
  image: 'registry.example.com/rclone:1.75.1',
  pushgateway: 'http://pushgateway.monitoring.svc:9091',
  drill: { schedule: '@weekly', suspend: true, databaseSpace: Size.gibibytes(10), sampleCount: 5 },
};

const ofBackup = (objects: Rendered[]) =>
  objects.filter(({ metadata }) => /backup|restore|nightly/.test(metadata.name));
const alone = (options: BackupOptions = least) =>
  ofBackup(synth((chart) => new Backup(chart, 'nightly', { ...options, server: addServer(chart) })));
const platform = (options: Partial<BackupOptions> = {}, more: object = {}) =>
  synth((chart) => new MlflowPlatform(chart, 'mlflow', { ...more, backup: { ...least, ...options } }));
const podOf = (objects: Rendered[], name: string) => find(objects, 'CronJob', name).spec.jobTemplate.spec.template.spec;
const containerOf = (pod: Rendered, name: string) =>
  [...pod.initContainers, ...pod.containers].find((each: Rendered) => each.name === name);
const error = (options: Partial<BackupOptions>) => errorOf(() => platform(options));

test('a backup with only the required options has these objects', () => {
  expect(snapshotOf(alone())).toMatchSnapshot();
});

test('a backup with every option has these objects', () => {
  expect(snapshotOf(alone(all))).toMatchSnapshot();
});

test('a platform has a backup only with the option, which changes no other object', () => {
  const without = synth((chart) => new MlflowPlatform(chart, 'mlflow'));
  expect(ofBackup(without)).toEqual([]);
  const policies = ['NetworkPolicy mlflow-postgres', 'NetworkPolicy mlflow-minio'];
  const others = platform().filter((object) => !ofBackup([object]).length && !policies.includes(namesOf([object])[0]));
  expect(others).toEqual(without.filter((object) => !policies.includes(namesOf([object])[0])));
});

test('names of a backup in a platform are short', () => {
  const names = namesOf(platform()).filter((name) => name.startsWith('CronJob'));
  expect(names).toEqual(['CronJob mlflow-backup', 'CronJob mlflow-restore', 'CronJob mlflow-restore-drill']);
});

test('a second backup of a platform has its own names', () => {
  const objects = synth((chart) => {
    const { server } = new MlflowPlatform(chart, 'mlflow', { backup: least });
    new Backup(chart, 'weekly', { ...least, server, schedule: '@weekly' });
  });
  expect(namesOf(objects)).toContain('CronJob weekly-restore');
});

describe('the sizes of artifacts', () => {
  const named = (objects: Rendered[], name: string) =>
    environmentOf(containerOf(podOf(objects, name), name.replace('mlflow-', '')));

  test('are reported by the workspaces of the server', () => {
    const server = { workspaces: [{ name: 'fraud' }, { name: 'pricing' }] };
    expect(named(platform({}, { server }), 'mlflow-backup').WORKSPACES).toBe('fraud pricing');
    expect(named(platform(), 'mlflow-backup')).not.toHaveProperty('WORKSPACES');
  });

  test('are sent to a Pushgateway by the backup only', () => {
    const pushgateway = 'http://pushgateway.monitoring.svc:9091';
    const objects = platform({ pushgateway });
    expect(named(objects, 'mlflow-backup')).toMatchObject({
      PUSHGATEWAY_URL: pushgateway,
      METRICS_JOB: 'mlflow-backup',
    });
    expect(named(objects, 'mlflow-restore')).not.toHaveProperty('PUSHGATEWAY_URL');
    const ports = (name: string) => JSON.stringify(find(objects, 'NetworkPolicy', name).spec.egress);
    expect(ports('mlflow-backup')).toContain('9091');
    expect(ports('mlflow-restore')).not.toContain('9091');
    expect(error({ pushgateway: 'http://user:password@gateway:9091' })).toContain(
      "expected scheme, host in lower case and port, without a user, e.g. 'http://pushgateway.monitoring.svc:9091'",
    );
  });
});

describe('the schedule', () => {
  const objects = alone(all);

  test('starts the backup in its time zone, one at a time', () => {
    const { spec } = find(objects, 'CronJob', 'nightly');
    expect(spec).toMatchObject({
      schedule: '30 1 * * 1-5',
      timeZone: 'Europe/Berlin',
      concurrencyPolicy: 'Forbid',
      suspend: false,
    });
    expect(spec.jobTemplate.spec.activeDeadlineSeconds).toBe(86400);
  });

  test('never starts the restore, which runs once', () => {
    const { spec } = find(objects, 'CronJob', 'nightly-restore');
    expect(spec.suspend).toBe(true);
    expect(spec.jobTemplate.spec.backoffLimit).toBe(0);
  });

  test('starts the drill at its own times', () => {
    expect(find(objects, 'CronJob', 'nightly-restore-drill').spec).toMatchObject({
      schedule: '@weekly',
      suspend: true,
    });
    expect(find(alone(), 'CronJob', 'nightly-restore-drill').spec).toMatchObject({
      schedule: '0 6 * * 0',
      suspend: false,
    });
  });
});

describe('containers of a backup', () => {
  const objects = platform({ ...all }, { authentication: Authentication.mlflow() });
  const secretsOf = (name: string, container: string) => {
    const pod = podOf(objects, name);
    const mounts = containerOf(pod, container).volumeMounts.map((mount: Rendered) => mount.name);
    return pod.volumes
      .filter((volume: Rendered) => mounts.includes(volume.name))
      .flatMap(({ projected }: Rendered) => (projected?.sources ?? []).map(({ secret }: Rendered) => secret.name))
      .sort();
  };
  test.each([
    ['mlflow-backup', 'backup', ['mlflow-postgres-mlflow-secret']],
    ['mlflow-backup', 'postgres', ['mlflow-postgres-mlflow-secret']],
    ['mlflow-backup', 'rclone', ['backup-key', 'mlflow-s3-secret', 'target']],
    ['mlflow-restore', 'rclone', ['backup-key', 'mlflow-s3-secret', 'target']],
    ['mlflow-restore-drill', 'drill', []],
    ['mlflow-restore-drill', 'postgres', []],
    ['mlflow-restore-drill', 'rclone', ['backup-key', 'target']],
  ])('have only the Secrets that they need: %s, container %s', (name, container, expected) => {
    expect(secretsOf(name, container)).toEqual(expected);
  });

  test('of a restore know all service users, also those that are added after the platform', () => {
    const rendered = synth((chart) => {
      const authentication = Authentication.mlflow();
      new MlflowPlatform(chart, 'mlflow', { authentication, backup: least }).server.addServiceUser('notebooks');
    });
    const { env } = containerOf(podOf(rendered, 'mlflow-restore'), 'restore');
    expect(env).toContainEqual({ name: 'SERVICE_USERS', value: 'notebooks' });
    const { env: ofBackups } = containerOf(podOf(rendered, 'mlflow-backup'), 'backup');
    expect(ofBackups.map(({ name }: Rendered) => name)).not.toContain('SERVICE_USERS');
  });

  test('have no token, except for the restore, which may only scale the server', () => {
    const tokens = ['mlflow-backup', 'mlflow-restore', 'mlflow-restore-drill'].map(
      (name) => podOf(objects, name).automountServiceAccountToken,
    );
    expect(tokens).toEqual([false, true, false]);
    expect(find(objects, 'Role', 'mlflow-restore').rules).toEqual([
      {
        apiGroups: ['apps'],
        resources: ['deployments/scale'],
        resourceNames: ['mlflow-server'],
        verbs: ['get', 'patch'],
      },
    ]);
  });

  test('include one that dumps the database of users', () => {
    expect(environmentOf(containerOf(podOf(objects, 'mlflow-backup'), 'backup')).AUTH_DATABASE).toBe('mlflow_auth');
  });
});

test('the drill has egress neither to the database nor to the store', () => {
  const [policy] = [find(platform(), 'NetworkPolicy', 'mlflow-restore-drill')];
  expect(JSON.stringify(policy.spec.egress)).not.toMatch(/5432|9000/);
});

test('a restore starts the minimum number of servers of the autoscaler', () => {
  const replicas = (server: object) =>
    environmentOf(containerOf(podOf(platform({}, { server }), 'mlflow-restore'), 'restore')).SERVER_REPLICAS;
  expect(replicas({})).toBe('3');
  expect(replicas({ replicas: 2 })).toBe('2');
});

test('with a store on a ReadWriteOnce volume, a backup runs on the node of the server, and a restore also without a server', () => {
  const artifacts = ArtifactStore.fromClaim({ claimName: 'artifacts' });
  const objects = platform({}, { artifacts, server: { replicas: 1 } });
  const affinityOf = (name: string) => podOf(objects, name).affinity?.podAffinity;
  const [term] = affinityOf('mlflow-backup').requiredDuringSchedulingIgnoredDuringExecution;
  expect(term.labelSelector.matchLabels['app.kubernetes.io/component']).toBe('server');
  expect(affinityOf('mlflow-restore')).toEqual({
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }],
  });
  expect(JSON.stringify(affinityOf('mlflow-restore-drill') ?? '')).not.toContain('hostname');
});

test('the PostgreSQL of the drill runs as a user that the system knows', () => {
  const objects = platform();
  const postgres = containerOf(podOf(objects, 'mlflow-restore-drill'), 'postgres');
  expect(postgres.volumeMounts).toContainEqual({
    ...{ name: 'program', mountPath: '/etc/passwd', subPath: 'passwd', readOnly: true },
  });
  const { securityContext } = podOf(objects, 'mlflow-restore-drill');
  const { passwd } = find(objects, 'ConfigMap', 'mlflow-restore-drill').data;
  expect(passwd).toMatch(new RegExp(`^mlflow:x:${postgres.securityContext.runAsUser ?? securityContext.runAsUser}:`));
});

test("only rclone's containers have its configuration", () => {
  const mountsOf = (name: string) => containerOf(podOf(platform(), 'mlflow-backup'), name).volumeMounts;
  const names = (name: string) => mountsOf(name).map((mount: any) => mount.name);
  expect(names('rclone')).toContain('rclone-tmp');
  for (const other of ['backup', 'postgres']) expect(names(other)).not.toContain('rclone-tmp');
});

test('a target can be a configuration file of rclone', () => {
  const target = BackupTarget.rclone({
    configurationSecretName: 'rclone',
    configurationKey: 'conf',
    remote: 'gcs:b/mlflow',
  });
  const pod = podOf(alone({ ...least, target }), 'nightly');
  expect(environmentOf(containerOf(pod, 'rclone')).TARGET_REMOTE).toBe('gcs:b/mlflow');
  expect(JSON.stringify(pod.volumes)).toContain('{"key":"conf","path":"RCLONE_CONF"}');
});

test('the program gets the retention', () => {
  const environment = (options: Partial<BackupOptions>) =>
    environmentOf(containerOf(podOf(platform(options), 'mlflow-backup'), 'backup'));
  expect(environment({})).toMatchObject({ DAILY: '7', WEEKLY: '4', MONTHLY: '12' });
  expect(environment({ retention: { daily: 1 } })).toMatchObject({ DAILY: '1', WEEKLY: '4' });
  expect(environment({ retention: { keepAll: true } }).KEEP_ALL).toBe('yes');
});

describe('a backup', () => {
  test.each<[string, Partial<BackupOptions>, string]>([
    [
      'a schedule of four fields',
      { schedule: '0 2 * *' },
      "schedule is '0 2 * *'; expected five fields of cron's format",
    ],
    ['a Sunday as 7', { schedule: '0 2 * * 7' }, "schedule is '0 2 * * 7'"],
    ['an hour 24', { schedule: '0 24 * * *' }, "schedule is '0 24 * * *'"],
    ['a step of 0', { schedule: '*/0 * * * *' }, "schedule is '*/0 * * * *'"],
    [
      'an unknown time zone',
      { timeZone: 'Europe/Bern' },
      "timeZone is 'Europe/Bern'; expected a time zone of the IANA database",
    ],
    ['a time zone in lower case', { timeZone: 'europe/berlin' }, "timeZone is 'europe/berlin'"],
    ['a wrong claim', { target: BackupTarget.claim({ claimName: 'A' }) }, "claimName of the target is 'A'"],
    [
      'a folder with a slash at its end',
      { target: BackupTarget.claim({ claimName: 'a', folder: 'a/' }) },
      "folder of the target is 'a/'",
    ],
    [
      'a wrong bucket',
      { target: BackupTarget.bucket({ bucket: 'A', credentials: Credentials.fromSecret('a') }) },
      "bucket is 'A'",
    ],
    [
      'a remote without a colon',
      { target: BackupTarget.rclone({ configurationSecretName: 'a', remote: 'gcs' }) },
      "remote of the target is 'gcs'; expected a remote of the configuration",
    ],
    ['keepAll with numbers', { retention: { keepAll: true, daily: 1 } }, 'retention has keepAll and numbers'],
    ['a part of a day', { retention: { daily: 0.5 } }, 'retention.daily is 0.5; expected a whole number'],
    ['a wrong Secret', { encryption: { secretName: 'A' } }, "encryption.secretName is 'A'"],
    ['no space', { dumpSpace: Size.gibibytes(0) }, 'dumpSpace is 0'],
    ['an image without a tag', { image: 'rclone' }, "image is 'rclone'"],
    ['a wrong schedule of the drill', { drill: { schedule: 'daily' } }, "drill.schedule is 'daily'"],
  ])('refuses %s', (_name, options, message) => {
    expect(error(options)).toContain(message);
  });

  test.each(['0 2 * * *', '*/15 0-6,22 1,15 JAN-mar mon', '@daily', '5/10 * ? * 0'])('accepts %s', (schedule) => {
    expect(() => platform({ schedule })).not.toThrow();
  });
});
