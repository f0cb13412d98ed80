import { existsSync, readFileSync } from 'fs';
import { join } from 'path';
import { announced } from './changelog';
import { breaks, contractOf } from './contract';
import { RELEASED, Release, outputs } from './outputs';
import { Manifest, title } from '../output/manifests';
import { platformApp } from '../support/platforms';
import { ROOT } from '../support/run';
import { render } from '../support/synth';

const released: Release = JSON.parse(readFileSync(RELEASED, 'utf8'));
const today = outputs();

const changelogFile = join(ROOT, 'CHANGELOG.md');
const changelog = existsSync(changelogFile) ? readFileSync(changelogFile, 'utf8') : '';

/**
 * If this test fails, users of the last release cannot `kubectl apply` this one, or lose data. Keep the old name or field,
 * or describe the upgrade in CHANGELOG.md's section Unreleased, in an entry with BREAKING and the object's name.
 */
test.each(Object.keys(released.outputs))(`%s keeps the names and fields of ${released.version}`, (output) => {
  // An example may be removed, and some clones have no dist/ of an example, because it is not committed.
  if (!today[output] && output.startsWith('examples/')) return;
  const found = breaks(released.outputs[output], today[output] ?? {});
  expect(found.filter(({ object }) => !announced(changelog, object)).map(({ message }) => message)).toEqual([]);
});

test('the contract covers all platforms of the tests and main.ts', () => {
  expect(Object.keys(released.outputs)).toEqual(expect.arrayContaining(['plain', 'full', 'external', 'dist']));
});

const good = (): Manifest[] => platformApp('full').charts.flatMap(render);

function brokenBy(spoil: (find: (name: string) => any, objects: Manifest[]) => void) {
  const objects = good();
  spoil((name) => {
    const found = objects.find((object) => title(object).replace(/-[0-9a-f]{8}$/, '') === name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  }, objects);
  return breaks(contractOf(good()), contractOf(objects));
}

test.each<[string, Parameters<typeof brokenBy>[0], string, string]>([
  ['another name', (find) => (find('Service/mlflow-minio').metadata.name = 'store'), 'Service/mlflow-minio', 'is gone'],
  [
    'an object less',
    (_, objects) =>
      objects.splice(
        objects.findIndex(({ kind, metadata }) => kind === 'Service' && metadata.name === 'mlflow-deployer-metrics'),
        1,
      ),
    'Service/mlflow-deployer-metrics',
    'is gone',
  ],
  [
    'another kind',
    (find) => (find('Deployment/mlflow-server').kind = 'StatefulSet'),
    'Deployment/mlflow-server',
    'is gone',
  ],
  [
    'another namespace',
    (find) => (find('Role/mlflow-credentials').metadata.namespace = 'x'),
    'Role/mlflow-credentials',
    'in full is gone',
  ],
  [
    'another Job',
    (find) => (find('Job/mlflow-credentials').metadata.name = 'secrets-01234567'),
    'Job/mlflow-credentials',
    'is gone',
  ],
  [
    'another selector',
    (find) => (find('Deployment/mlflow-server').spec.selector.matchLabels.app = 'x'),
    'Deployment/mlflow-server',
    'selector was',
  ],
  [
    'another selector of a StatefulSet',
    (find) => (find('StatefulSet/mlflow-postgres').spec.selector.matchLabels.app = 'x'),
    'StatefulSet/mlflow-postgres',
    'selector was',
  ],
  [
    'a larger claim',
    (find) => (find('StatefulSet/mlflow-minio').spec.volumeClaimTemplates[0].spec.resources.requests.storage = '1Ti'),
    'StatefulSet/mlflow-minio',
    'volumeClaimTemplates was',
  ],
  [
    'another name of a claim',
    (find) => (find('StatefulSet/mlflow-postgres').spec.volumeClaimTemplates[0].metadata.name = 'data'),
    'StatefulSet/mlflow-postgres',
    'volumeClaimTemplates was',
  ],
  [
    'another serviceName',
    (find) => (find('StatefulSet/mlflow-minio').spec.serviceName = 'mlflow-minio'),
    'StatefulSet/mlflow-minio',
    'serviceName was',
  ],
  [
    'another podManagementPolicy',
    (find) => (find('StatefulSet/mlflow-postgres').spec.podManagementPolicy = 'Parallel'),
    'StatefulSet/mlflow-postgres',
    'podManagementPolicy was "OrderedReady", is "Parallel"',
  ],
  [
    'an immutable field more',
    (find) => (find('StatefulSet/mlflow-postgres').spec.newField = 1),
    'StatefulSet/mlflow-postgres',
    'other immutable fields was {}',
  ],
  [
    'a port of another number',
    (find) => (find('Service/mlflow-server').spec.ports[0].port = 80),
    'Service/mlflow-server',
    'port http was "5000/TCP", is "80/TCP"',
  ],
  [
    'a port of another name',
    (find) => (find('Service/mlflow-server').spec.ports[0].name = 'api'),
    'Service/mlflow-server',
    'port http was "5000/TCP", is nothing',
  ],
  [
    'an address for a headless Service',
    (find) => delete find('Service/mlflow-postgres').spec.clusterIP,
    'Service/mlflow-postgres',
    'clusterIP was "None", is "any"',
  ],
  [
    'pods of another policy',
    (find) => (find('NetworkPolicy/mlflow-server').spec.podSelector = {}),
    'NetworkPolicy/mlflow-server',
    'podSelector was',
  ],
  [
    'another roleRef',
    (find) => (find('RoleBinding/mlflow-credentials').roleRef.name = 'x'),
    'RoleBinding/mlflow-credentials',
    'roleRef was',
  ],
  [
    'other pods for a budget',
    (find) => (find('PodDisruptionBudget/mlflow-server').spec.selector = {}),
    'PodDisruptionBudget/mlflow-server',
    'selector was',
  ],
  // If the value was generated, the Job would generate another one.
  [
    'another Secret',
    (_, objects) => {
      const text = JSON.stringify(objects).replaceAll('"mlflow-postgres-secret"', '"mlflow-superuser"');
      objects.splice(0, objects.length, ...JSON.parse(text));
    },
    'Secret/mlflow-postgres-secret',
    'is gone',
  ],
])('%s breaks the contract', (_what, spoil, object, message) => {
  const found = brokenBy(spoil);
  expect(found).toEqual([{ object, message: expect.stringContaining(message) }]);
});

test('a claim without a StatefulSet must be kept', () => {
  const claim = (storage: string): Manifest => ({
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'artifacts' } },
    spec: { resources: { requests: { storage } } },
  });
  expect(breaks(contractOf([claim('1Gi')]), contractOf([claim('2Gi')]))).toHaveLength(1);
});

test.each<[string, Parameters<typeof brokenBy>[0]]>([
  ['nothing', () => undefined],
  ['another number of pods', (find) => (find('StatefulSet/mlflow-minio').spec.replicas = 8)],
  ['another image', (find) => (find('StatefulSet/mlflow-postgres').spec.template.spec.containers[0].image = 'x:2')],
  [
    'a Job that runs something else',
    (find) => (find('Job/mlflow-credentials').metadata.name = 'mlflow-credentials-01234567'),
  ],
  ['one port more', (find) => find('Service/mlflow-server').spec.ports.push({ name: 'x', port: 1 })],
  ['one object more', (_, objects) => objects.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } })],
  [
    'the default, written out',
    (find) => (find('StatefulSet/mlflow-postgres').spec.podManagementPolicy = 'OrderedReady'),
  ],
])('%s does not break the contract', (_what, change) => {
  expect(brokenBy(change)).toEqual([]);
});

test.each<[boolean, string, string]>([
  [false, 'there is no changelog', ''],
  [true, 'an entry', '## [Unreleased]\n### Changed\n- BREAKING: `Service/mlflow-minio` is gone.\n'],
  [
    true,
    'of several lines',
    '## [Unreleased]\n- **BREAKING** names of the store:\n  `StatefulSet/x` and\n  Service/mlflow-minio.\n',
  ],
  [true, 'a list below it', '## [Unreleased]\n- BREAKING, because of their names:\n  - Service/mlflow-minio\n'],
  [true, 'the second entry', '## [Unreleased]\n- A feature\n- BREAKING: Service/mlflow-minio\n\n## [1.0.0]\n- x\n'],
  [false, 'it names another', '## [Unreleased]\n- BREAKING: Service/mlflow-minio-headless\n'],
  [false, 'it names another kind', '## [Unreleased]\n- BREAKING: Deployment/mlflow-minio\n'],
  [false, 'it says nothing of breaking', '## [Unreleased]\n- Service/mlflow-minio is gone\n- BREAKING: other\n'],
  [
    false,
    'it is of an older version',
    '## [Unreleased]\n- x\n\n## [1.0.0] - 2026-01-01\n- BREAKING: Service/mlflow-minio\n',
  ],
  [false, 'nothing is unreleased', '## [1.0.0] - 2026-01-01\n- BREAKING: Service/mlflow-minio\n'],
])('a changelog with %p announces the break: %s', (expected, _what, text) => {
  expect(announced(text, 'Service/mlflow-minio')).toBe(expected);
});
