// `npx cdk8s-mlflow diff`: the API server refuses each change that "needs a person", and accepts the others. Changes are sent
// with --dry-run=server, so no pod has to run. docs/how-to/what-an-upgrade-changes.md.
import { readFileSync } from 'node:fs';
import { compare } from '../../cli/diff/compare';
import { MlflowPlatform } from '../../lib';
import { parseManifests } from '../../test/output/manifests';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';

const namespace = new Namespace('mlflow-e2e-diff');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', { server: { resources: little, replicas: 1 } });
});
const claim = (storage: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'own', namespace: namespace.name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
});

let objects: any[];

beforeAll(() => {
  namespace.remove();
  platform.synth().apply();
  namespace.apply(claim('2Gi'));
  objects = [...parseManifests(readFileSync(platform.manifest, 'utf8')), claim('2Gi')];
});
afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

const storage = (size: string) => (spec: any) => (spec.volumeClaimTemplates[0].spec.resources.requests.storage = size);
const container = ({ template }: any) => template.spec.containers[0];

const changes: [kind: string, name: string, what: string, change: (spec: any, object: any) => void][] = [
  ['Deployment', 'mlflow-server', 'an image', (spec) => (container(spec).image = 'own:2')],
  ['Deployment', 'mlflow-server', 'replicas', (spec) => (spec.replicas = 4)],
  ['Deployment', 'mlflow-server', 'a strategy', (spec) => (spec.strategy = { type: 'Recreate' })],
  [
    'Deployment',
    'mlflow-server',
    'a selector',
    ({ selector, template }) => {
      selector.matchLabels.more = 'a';
      template.metadata.labels.more = 'a';
    },
  ],
  ['StatefulSet', 'mlflow-postgres', 'an image', (spec) => (container(spec).image = 'own:2')],
  [
    'StatefulSet',
    'mlflow-postgres',
    'an update strategy',
    (spec) => (spec.updateStrategy = { rollingUpdate: { partition: 1 } }),
  ],
  ['StatefulSet', 'mlflow-postgres', 'minReadySeconds', (spec) => (spec.minReadySeconds = 5)],
  ['StatefulSet', 'mlflow-postgres', 'a larger claim', storage('900Gi')],
  ['StatefulSet', 'mlflow-postgres', 'another serviceName', (spec) => (spec.serviceName = 'other')],
  [
    'StatefulSet',
    'mlflow-minio',
    'podManagementPolicy',
    (spec) => (spec.podManagementPolicy = spec.podManagementPolicy === 'Parallel' ? 'OrderedReady' : 'Parallel'),
  ],
  [
    'StatefulSet',
    'mlflow-minio',
    'a selector',
    ({ selector, template }) => {
      selector.matchLabels.more = 'a';
      template.metadata.labels.more = 'a';
    },
  ],
  ['Job', '', 'a template', (spec) => (container(spec).image = 'own:2')],
  ['Job', '', 'backoffLimit', (spec) => (spec.backoffLimit = 3)],
  [
    'Service',
    'mlflow-postgres',
    'an address in place of a headless Service',
    (spec) => (spec.clusterIP = '10.96.200.200'),
  ],
  ['Service', 'mlflow-server', 'a port', (spec) => (spec.ports[0].port = 5001)],
  ['Service', 'mlflow-server', 'a type', (spec) => (spec.type = 'NodePort')],
  ['RoleBinding', 'mlflow-credentials', 'another role', (_, { roleRef }) => (roleRef.name = 'other')],
  ['RoleBinding', 'mlflow-credentials', 'another subject', (_, { subjects }) => (subjects[0].name = 'other')],
  ['PersistentVolumeClaim', 'own', 'a smaller size', (spec) => (spec.resources.requests.storage = '1Gi')],
  ['PersistentVolumeClaim', 'own', 'another access mode', (spec) => (spec.accessModes = ['ReadWriteMany'])],
  ['NetworkPolicy', 'mlflow-server', 'its pods', (spec) => (spec.podSelector.matchLabels.more = 'a')],
  ['ConfigMap', 'mlflow-postgres', 'data', (_, { data }) => (data.more = 'a')],
];

test.each(changes)('%s %s with %s', (kind, name, _, change) => {
  const before = objects.find((each) => each.kind === kind && (name === '' || each.metadata.name === name));
  const after = structuredClone(before);
  change(after.spec, after);
  const { needsPerson } = compare([before], [after]);
  const input = JSON.stringify(after);
  const { status, stderr } = namespace.try(['apply', '--dry-run=server', '--filename', '-'], { input });
  expect({ refused: status !== 0, stderr }).toEqual({ refused: needsPerson.length > 0, stderr: expect.anything() });
  // For this reason, and no other.
  if (needsPerson.length > 0) expect(stderr).toMatch(/immutable|[Ff]orbidden|cannot change|may not change/);
});

test('the command of a StatefulSet makes its change possible', () => {
  const set = objects.find((each) => each.kind === 'StatefulSet' && each.metadata.name === 'mlflow-postgres');
  const after = structuredClone(set);
  storage('900Gi')(after.spec);
  const [{ command }] = compare([set], [after]).needsPerson;
  namespace.kubectl(...command.split(' ').slice(1));
  const input = JSON.stringify(after);
  expect(namespace.try(['apply', '--filename', '-'], { input }).stderr).toBe('');
});
