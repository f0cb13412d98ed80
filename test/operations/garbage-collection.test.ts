import { Duration } from 'cdk8s';
import {
  ArtifactStore,
  GarbageCollection,
  GarbageCollectionOptions,
  MlflowPlatform,
  TrackingServerProps,
} from '../../lib';
import { environmentOf } from '../support/components';
import { Rendered, errorOf, find, snapshotOf, synth } from '../support/synth';
import { addServer } from '../tracking/servers';

const least: GarbageCollectionOptions = { schedule: '0 4 * * 6' };
const all: Required<GarbageCollectionOptions> = {
  schedule: '30 3 1 * *',
  timeZone: 'Europe/Berlin',
  olderThan: Duration.days(7),
  tracesOlderThan: Duration.days(90),
  archiveTracesOlderThan: Duration.days(30),
  dryRun: true,
  pushgateway: 'http://pushgateway.monitoring.svc:9091',
};

const standalone = (options: GarbageCollectionOptions = least, server: Partial<TrackingServerProps> = {}) =>
  synth((chart) => new GarbageCollection(chart, 'cleaner', { ...options, server: addServer(chart, server) }));
const own = (objects: Rendered[]) => objects.filter(({ metadata }) => /cleaner|garbage/.test(metadata.name));
const containerOf = (objects: Rendered[], name = 'cleaner') =>
  find(objects, 'CronJob', name).spec.jobTemplate.spec.template.spec.containers[0];
const error = (options: Partial<GarbageCollectionOptions>) =>
  errorOf(() => synth((chart) => new MlflowPlatform(chart, 'mlflow', { garbageCollection: { ...least, ...options } })));

test('a garbage collection with the required option only', () => {
  expect(snapshotOf(own(standalone()))).toMatchSnapshot();
});

test('a garbage collection with every option', () => {
  expect(snapshotOf(own(standalone(all)))).toMatchSnapshot();
});

test('a platform has none unless it is asked for', () => {
  const platform = (options?: GarbageCollectionOptions) =>
    own(synth((chart) => new MlflowPlatform(chart, 'mlflow', { garbageCollection: options })));
  expect(platform()).toEqual([]);
  expect(platform(least).map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    'ServiceAccount mlflow-garbage-collection',
    'ConfigMap mlflow-garbage-collection',
    'NetworkPolicy mlflow-garbage-collection',
    'CronJob mlflow-garbage-collection',
  ]);
});

test('the database and the store admit its pods', () => {
  const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow', { garbageCollection: least }));
  for (const name of ['mlflow-postgres', 'mlflow-minio']) {
    const text = JSON.stringify(find(objects, 'NetworkPolicy', name).spec.ingress);
    expect(text).toContain('"app.kubernetes.io/component":"garbage-collection"');
  }
});

test('it reaches the artifacts as the server does, and keeps traces by default', () => {
  const environment = environmentOf(containerOf(standalone()));
  expect(environment).toMatchObject({ OLDER_THAN_SECONDS: '2592000', DRY_RUN: 'no' });
  expect(environment.ARTIFACTS_ROOT).toMatch(/\/artifacts$/);
  expect(Object.keys(environment)).not.toContain('TRACES_OLDER_THAN_SECONDS');
});

test('it reaches the gateway for its figures on the port of the URL', () => {
  const policy = find(standalone(all), 'NetworkPolicy', 'cleaner').spec.egress;
  expect(JSON.stringify(policy)).toContain('"port":9091');
  expect(JSON.stringify(find(standalone(), 'NetworkPolicy', 'cleaner').spec.egress)).not.toContain('9091');
});

test('it runs on the node that has the volume of the artifacts, if only one node can have it', () => {
  const artifacts = ArtifactStore.fromClaim({ claimName: 'artifacts', readWriteMany: false });
  const objects = synth((chart) => {
    const server = addServer(chart, { artifacts, replicas: 1 });
    new GarbageCollection(chart, 'cleaner', { ...least, server });
  });
  const { affinity } = find(objects, 'CronJob', 'cleaner').spec.jobTemplate.spec.template.spec;
  expect(affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
});

test.each<[string, Partial<GarbageCollectionOptions>, RegExp]>([
  ['a schedule of four fields', { schedule: '0 4 * *' }, /schedule is '0 4 \* \*'/],
  ['an unknown time zone', { timeZone: 'Berlin' }, /timeZone is 'Berlin'/],
  ['a minute', { olderThan: Duration.minutes(1) }, /olderThan is 60 seconds; expected whole seconds, at least 3600/],
  [
    'traces of an hour',
    { tracesOlderThan: Duration.hours(1) },
    /tracesOlderThan is 3600 seconds; expected whole seconds, at least 86400/,
  ],
  [
    'a gateway with a password',
    { pushgateway: 'http://user:password@gateway:9091' },
    /pushgateway is 'http:\/\/user:password@gateway:9091'; expected scheme, host in lower case and port, without a user/,
  ],
  [
    'an archive of an hour',
    { archiveTracesOlderThan: Duration.hours(1) },
    /archiveTracesOlderThan is 3600 seconds; expected whole seconds, at least 86400/,
  ],
  [
    'an archive of traces that were removed before',
    { tracesOlderThan: Duration.days(30), archiveTracesOlderThan: Duration.days(30) },
    /archiveTracesOlderThan is not less than tracesOlderThan; expected that traces are archived before/,
  ],
])('refuses %s', (_, options, message) => {
  expect(error(options)).toMatch(message);
});
