import { Yaml } from 'cdk8s';
import { complaints } from './validator';
import { CALLS } from '../../lib/inputs/table';
import { Input, inputs } from '../inputs/wrong-inputs';
import { schema } from '../output/checks/schema';
import { modelFile } from '../output/checks/unknown-fields';
import { Manifest } from '../output/manifests';

/*
 * Some 20,000 wrong or unusual values of all public props: the library refuses each with its own message, or Kubernetes
 * accepts the output. Most accepted values produce the same objects: each object is validated once, with the first value
 * that produced it.
 */
const refusals: { input: Input; error: Error }[] = [];
const accepted = new Map<string, { name: string; object: Manifest }>();
let tried = 0;

beforeAll(() => {
  const start = process.cpuUsage();
  for (const input of inputs()) {
    tried++;
    try {
      for (const object of input.build()) keep(input.name, object as Manifest);
    } catch (error) {
      refusals.push({ input, error: error as Error });
    }
  }
  const { user, system } = process.cpuUsage(start);
  process.stderr.write(
    `${tried} values: ${refusals.length} refused, ${tried - refusals.length} accepted, which make ${accepted.size} ` +
      `objects, in ${((user + system) / 1e6).toFixed(0)} s of processor time\n`,
  );
}, 1_800_000);

function keep(name: string, object: Manifest): void {
  // cdk8s removes null values, so a null in the JSON is NaN or an infinity, which are equally wrong.
  const key = JSON.stringify(object);
  if (!accepted.has(key)) accepted.set(key, { name, object });
}

test('valid values are accepted, so only the wrong value next to them is refused', () => {
  const told = ({ input, error }: (typeof refusals)[number]) => `${input.name}: ${error.message}`;
  expect(refusals.filter(({ input }) => input.right).map(told)).toEqual([]);
});

test('each refused value is named on its own line with path or call, prop and what is expected', () => {
  const bare = refusals.filter(({ input, error }) => !isTold(error) || !namesProp(input.name, error.message));
  expect(bare.map(({ input, error }) => `${input.name}: ${error.name}: ${error.message}`)).toEqual([]);
});

test('Kubernetes’ own validation accepts everything that synth accepts', () => {
  const objects = [...accepted.values()];
  const yamls = objects.map(({ object }, index) => [String(index), Yaml.stringify(object)]);
  const found = complaints(Object.fromEntries(yamls));
  expect(found.map((line) => line.replace(/^\d+/, (index) => objects[Number(index)].name))).toEqual([]);
}, 900_000);

test('custom resources have the fields of their kinds', () => {
  const custom = [...accepted.values()].map(({ object }) => object).filter((object) => !modelFile(object));
  expect(new Set(custom.map(({ kind }) => kind))).toEqual(
    new Set([
      'Certificate',
      'Cluster',
      'Database',
      'ExternalSecret',
      'GrafanaDashboard',
      'HTTPRoute',
      'ObjectStore',
      'PrometheusRule',
      'Route',
      'ScaledObject',
      'ScheduledBackup',
      'ServiceMonitor',
      'TriggerAuthentication',
      'VerticalPodAutoscaler',
    ]),
  );
  expect(schema(custom)).toEqual([]);
});

/**
 * True if every line begins with the path of a construct, or with the call that refuses its arguments. cdk8s writes
 * `[path]`.
 */
function isTold({ name, message }: Error): boolean {
  const lines = message.replace(/^Validation failed with the following errors:\n/, '').split('\n');
  return name === 'Error' && lines.every((line) => PATH.test(line) || isCall(line.split(': ')[0], line));
}

/** A path in a chart of the table's apps. */
const PATH = /^(?:(?:chart|beside)(?:\/.+?)?:| *\[(?:chart|beside)\/\S+\]) .+; expected /;

function isCall(beginning: string, line: string): boolean {
  return beginning.split(' in ')[0] in CALLS && / .+; expected /.test(line.slice(beginning.length));
}

/** True if the message has the name of the prop, or its words: 'the content type' for `contentType`. */
function namesProp(name: string, message: string): boolean {
  const [path] = name.split(/ = | is right|\."/);
  const prop = path.replace(/\[0\]/g, '').replace(/^.*[. ]/, '');
  // Messages about these name something else, e.g. a single prop, the list of ids, or the limits of the database.
  if (['props', 'options', 'client', 'keys', 'peer', 'id', 'workers'].includes(prop)) return true;
  const words = prop
    .replace(/[A-Z]+/g, ' $&')
    .toLowerCase()
    .split(' ');
  return words.every((word) => message.toLowerCase().includes(word));
}
