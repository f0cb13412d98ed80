// The commands of docs/how-to/helm.md with a real Helm: the chart renders what synth writes for the same values.
import { removeAll, writeAll } from '../docs/programs';
import { Manifest, parseManifests, title } from '../output/manifests';
import { code, defaults, HelmChart } from '../support/helm';
import { writtenByEach } from '../support/run';

/** Each value: the placeholder in the code of the page, and a value that differs from the default. */
const VALUES = {
  host: { placeholder: 'host.values.example.com', value: 'runs.example.org' },
  certificateSecret: { placeholder: 'values-certificate', value: 'other-certificate' },
  peopleSecret: { placeholder: 'values-people', value: 'other-people' },
  databaseSize: { placeholder: '1111Gi', value: '3Gi' },
  artifactsSize: { placeholder: '2222Gi', value: '4Gi' },
};
type Value = keyof typeof VALUES;
const names = Object.keys(VALUES) as Value[];
let chart: HelmChart;

beforeAll(() => {
  chart = new HelmChart();
});

afterAll(() => {
  chart?.remove();
});

const set = (values: Value[]) => values.flatMap((name) => ['--set', `${name}=${VALUES[name].value}`]);

/** Without the hash of a ConfigMap in the annotations of its pods: Helm changes the text that it is of, and not the hash. */
function byTitle(objects: Manifest[]): Record<string, Manifest> {
  for (const { spec } of objects) delete spec?.template?.metadata?.annotations?.['cdk8s-mlflow/config-hash'];
  return Object.fromEntries(objects.map((object) => [title(object), object]));
}

function template(...options: string[]): Record<string, Manifest> {
  return byTitle(parseManifests(chart.helm('template', 'mlflow', 'chart', '--namespace', 'mlflow', ...options)));
}

/** What a synth of the page's code writes, with these texts instead of the placeholders. */
function synthesized(texts: Record<string, string>): Record<string, Manifest> {
  const written = (value: string) => (value.endsWith('Gi') ? `gibibytes(${value.slice(0, -2)})` : value);
  const text = names.reduce(
    (changed, name) => changed.replace(written(VALUES[name].placeholder), written(texts[name])),
    code.text,
  );
  writeAll([{ ...code, text }]);
  try {
    const [files] = writtenByEach([code.file]);
    return byTitle(Object.values(files()).flatMap(parseManifests));
  } finally {
    removeAll();
  }
}

test('the chart is valid for Helm, without a finding', () => {
  expect(chart.helm('lint', '--strict', 'chart')).toContain('1 chart(s) linted, 0 chart(s) failed');
});

test('the chart contains no CRD and no notes', () => {
  expect([chart.has('templates'), chart.has('crds'), chart.has('templates', 'NOTES.txt')]).toEqual([
    true,
    false,
    false,
  ]);
});

test('Helm renders all objects as a synth with the values of the page does', () => {
  expect(Object.keys(defaults).sort()).toEqual([...names].sort());
  const objects = template();
  expect(Object.keys(objects).length).toBeGreaterThan(30);
  expect(objects).toEqual(synthesized(defaults));
});

test('Helm renders all objects as a synth with other values does', () => {
  const texts = Object.fromEntries(names.map((name) => [name, VALUES[name].value]));
  expect(template(...set(names))).toEqual(synthesized(texts));
});

test.each<[Value, string[]]>([
  ['host', ['ConfigMap/mlflow-server-proxy', 'Deployment/mlflow-server', 'Ingress/mlflow-ingress']],
  ['certificateSecret', ['Ingress/mlflow-ingress']],
  ['peopleSecret', ['Deployment/mlflow-server']],
  ['databaseSize', ['StatefulSet/mlflow-postgres']],
  ['artifactsSize', ['StatefulSet/mlflow-minio']],
])('the value %s changes only %j', (name, changed) => {
  const before = template();
  const after = template(...set([name]));
  expect(Object.keys(after)).toEqual(Object.keys(before));
  const differs = (each: string) => JSON.stringify(after[each]) !== JSON.stringify(before[each]);
  expect(Object.keys(before).filter(differs).sort()).toEqual([...changed].sort());
});
