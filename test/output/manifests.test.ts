import { containers, parseManifests, podTemplates, selects } from './manifests';

test('parses documents as objects, skips empty ones, and expands a List', () => {
  const objects = parseManifests('---\nkind: A\n---\n# nothing\n---\nkind: List\nitems: [{ kind: B }, { kind: C }]\n');
  expect(objects.map(({ kind }) => kind)).toEqual(['A', 'B', 'C']);
});

test('refuses text that is no YAML, and duplicate keys', () => {
  expect(() => parseManifests('a: [')).toThrow();
  expect(() => parseManifests('kind: A\nkind: B')).toThrow(/unique/);
});

test('finds pod templates of a CronJob and a Pod, and the roles of containers', () => {
  const [cron, pod] = podTemplates(
    parseManifests(`
kind: CronJob
metadata: { name: a }
spec: { jobTemplate: { spec: { template: { spec: {
  initContainers: [{ name: b }, { name: c, restartPolicy: Always }], containers: [{ name: d }] } } } } }
---
kind: Pod
metadata: { name: e, labels: { f: g } }
spec: { containers: [{ name: h }] }
---
kind: Service
metadata: { name: i }
`),
  );
  expect(containers(cron).map(({ at, role }) => `${role} ${at}`)).toEqual([
    'init CronJob/a container b',
    'sidecar CronJob/a container c',
    'main CronJob/a container d',
  ]);
  expect(pod.metadata.labels).toEqual({ f: 'g' });
});

test.each([
  [{}, true],
  [undefined, false],
  [{ matchLabels: { a: 'b' } }, true],
  [{ matchLabels: { a: 'c' } }, false],
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }] }, false],
  [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, false],
])('the selector %j selects { a: b }: %s', (selector, expected) => {
  expect(selects(selector, { a: 'b' })).toBe(expected);
});
