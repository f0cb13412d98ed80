import { join } from 'path';
import { compare } from '../../../cli/diff/compare';
import { objectsOf, yamlFiles } from '../../../cli/yaml-files';
import { ROOT } from '../../support/run';

const dist = yamlFiles(join(ROOT, 'dist')).flatMap(objectsOf) as any[];
const NONE = { needsPerson: [], restarts: [], jobs: [], added: [], removed: [], changed: [] };

/** dist/, in which one object is changed. */
function changed(kind: string, name: string, change: (object: any) => void): any[] {
  const objects = structuredClone(dist);
  change(objects.find((each) => each.kind === kind && each.metadata.name === name));
  return objects;
}

test('the same YAML in another order changes nothing', () => {
  expect(compare(dist, [...dist].reverse())).toEqual(NONE);
});

test('a changed image restarts the pods, and the field is named', () => {
  const after = changed(
    'Deployment',
    'mlflow-server',
    ({ spec }) => (spec.template.spec.containers.at(-1).image = 'new:1'),
  );
  const { restarts, ...rest } = compare(dist, after);
  expect(restarts).toEqual([
    {
      object: 'deployment/mlflow-server in mlflow',
      fields: [expect.stringMatching(/^spec\.containers\[\w+\]\.image$/)],
    },
  ]);
  expect({ ...rest, restarts: [] }).toEqual(NONE);
});

test('the label with the version restarts nothing', () => {
  const after = changed(
    'Deployment',
    'mlflow-server',
    ({ metadata }) => (metadata.labels['app.kubernetes.io/version'] = 'v9'),
  );
  expect(compare(dist, after)).toEqual(NONE);
});

test('replicas change without a restart', () => {
  const after = changed('Deployment', 'mlflow-deployer', ({ spec }) => (spec.replicas = 2));
  expect(compare(dist, after)).toEqual({
    ...NONE,
    changed: [{ object: 'deployment/mlflow-deployer in mlflow', fields: ['spec.replicas'] }],
  });
});

test('a Job with another hash runs, and the old one is not reported as removed', () => {
  const job = dist.find(({ kind, metadata }) => kind === 'Job' && /migration/.test(metadata.name)).metadata.name;
  const after = changed('Job', job, ({ metadata }) => (metadata.name = 'mlflow-server-migration-0123abcd'));
  expect(compare(dist, after)).toEqual({ ...NONE, jobs: ['job/mlflow-server-migration-0123abcd in mlflow'] });
});

test('new and removed objects are named', () => {
  const after = changed('ConfigMap', 'mlflow-postgres', ({ metadata }) => (metadata.name = 'other'));
  expect(compare(dist, after)).toEqual({
    ...NONE,
    added: ['configmap/other in mlflow'],
    removed: ['configmap/mlflow-postgres in mlflow'],
  });
});

test.each<[string, string, string, (object: any) => void, string, RegExp]>([
  [
    'StatefulSet',
    'mlflow-postgres',
    'a larger claim',
    ({ spec }) => (spec.volumeClaimTemplates[0].spec.resources.requests.storage = '60Gi'),
    'spec.volumeClaimTemplates',
    /delete -n mlflow statefulset\/mlflow-postgres --cascade=orphan/,
  ],
  [
    'StatefulSet',
    'mlflow-minio',
    'another serviceName',
    ({ spec }) => (spec.serviceName = 'other'),
    'spec.serviceName',
    /--cascade=orphan/,
  ],
  [
    'Deployment',
    'mlflow-server',
    'another selector',
    ({ spec }) => (spec.selector.matchLabels.more = 'a'),
    'spec.selector',
    /delete -n mlflow deployment\/mlflow-server/,
  ],
  [
    'RoleBinding',
    'mlflow-deployer',
    'another role',
    ({ roleRef }) => (roleRef.name = 'other'),
    'roleRef',
    /delete -n mlflow rolebinding\/mlflow-deployer/,
  ],
  [
    'Service',
    'mlflow-postgres',
    'an address',
    ({ spec }) => delete spec.clusterIP,
    'spec.clusterIP',
    /delete -n mlflow service\/mlflow-postgres/,
  ],
])('%s %s with %s needs a person', (kind, name, _, change, field, command) => {
  const { needsPerson } = compare(dist, changed(kind, name, change));
  expect(needsPerson).toEqual([
    expect.objectContaining({
      object: `${kind.toLowerCase()}/${name} in mlflow`,
      fields: [field],
      command: expect.stringMatching(command),
    }),
  ]);
});

const claim = (storage: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { resources: { requests: { storage } }, ...more },
});

test.each([
  ['grows', claim('2Gi'), false],
  ['shrinks', claim('512Mi'), true],
  ['has another class', claim('1Gi', { storageClassName: 'fast' }), true],
])('a claim that %s', (_, after, needsPerson) => {
  expect(compare([claim('1Gi')], [after]).needsPerson.length > 0).toBe(needsPerson);
});
