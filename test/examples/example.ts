import { existsSync, readFileSync } from 'fs';
import { join } from 'path';
import { External } from '../output/checks/existing-names';
import { findings } from '../output/findings';
import { Manifest, parseManifests, title } from '../output/manifests';
import { ROOT, writtenByEach } from '../support/run';
import { snapshotOf } from '../support/synth';

export const EXAMPLES = join(ROOT, 'examples');

/** MinIO's console is only for `kubectl port-forward`, which NetworkPolicies do not affect. */
export const CONSOLE =
  '[connections] Service/mlflow-minio: targetPort console is opened to nobody by NetworkPolicy/mlflow-minio';

export interface Expected {
  /** The files that it writes. */
  readonly files: string[];
  /** Objects that the user must create, as `Secret/people`. */
  readonly external?: External;
  /** Findings that are intended. */
  readonly meant?: string[];
}

/** An example as its reader runs it: the program in its folder, and what it writes, by file name. */
export interface Example {
  readonly readme: string;
  readonly files: Record<string, string>;
  readonly objects: Manifest[];
}

export function runExample(name: string): Example {
  return runExamples(name)[0];
}

/** Several examples, which run in one process. */
export function runExamples(...names: string[]): Example[] {
  const outputs = writtenByEach(names.map((name) => join(EXAMPLES, name, 'main.ts')));
  return names.map((name, index) => {
    const files = outputs[index]();
    return {
      readme: readFileSync(join(EXAMPLES, name, 'README.md'), 'utf8'),
      files,
      objects: Object.values(files).flatMap(parseManifests),
    };
  });
}

/** The tests of every example. Each example's own file has further tests. */
export function expectExample(name: string, { files, external = [], meant = [CONSOLE] }: Expected): Example {
  const [example, quickstart] = runExamples(...new Set([name, 'quickstart']));

  test('writes its files, which its README names and no other', () => {
    expect(Object.keys(example.files).sort()).toEqual([...files].sort());
    const named = new Set(example.readme.match(/(?<=dist\/)[\w-]+\.k8s\.yaml/g));
    expect([...named].sort()).toEqual([...files].sort());
  });

  test('every command of its README finds what it names', () => {
    expect(notFound(example.readme, example)).toEqual([]);
  });

  test('has no findings but those that are meant', () => {
    expect(findings(example.objects, external)).toEqual(meant);
  });

  test('has a snapshot in the repository', () => {
    expect(existsSync(join(__dirname, '__snapshots__', `${name}.test.ts.snap`))).toBe(true);
  });

  const known = quickstart?.objects ?? [];

  test.each(files)('%s is as before', (file) => {
    expect(changes(parseManifests(example.files[file]), known)).toMatchSnapshot();
  });

  return example;
}

const KINDS: Record<string, string> = {
  deployment: 'Deployment',
  svc: 'Service',
  cm: 'ConfigMap',
  httproute: 'HTTPRoute',
};

/** Objects that commands of a text name (`deployment/mlflow-server -n mlflow`), but the example does not write. */
export function notFound(text: string, { objects }: Example): string[] {
  const exists = (kind: string, name: string, namespace: string) =>
    objects.some(({ kind: is, metadata }) => is === kind && metadata.name === name && metadata.namespace === namespace);
  return text.split('\n').flatMap((line) => {
    const [, namespace] = / -n ([\w-]+)/.exec(line) ?? [];
    if (!namespace || !/^\s*kubectl /.test(line)) return [];
    return [...line.matchAll(/ (deployment|svc|cm|httproute)[/ ]([a-z][\w-]+)/g)]
      .filter(([, kind, name]) => !exists(KINDS[kind], name, namespace))
      .map(([what]) => `${namespace}:${what}`);
  });
}

/** The objects as YAML. Those that the quickstart has too are only named, so that the snapshot shows the differences. */
function changes(objects: Manifest[], known: Manifest[]): string {
  const texts = new Set(known.map((object) => snapshotOf([object])));
  const isKnown = (object: Manifest) => texts.has(snapshotOf([object]));
  const same = objects.filter(isKnown).map((object) => `# as in quickstart: ${title(object)}\n`);
  return same.join('').replace(/-[0-9a-f]{8}$/gm, '-<hash>') + snapshotOf(objects.filter((object) => !isKnown(object)));
}

/** The only object of this kind and name. */
export function objectOf({ objects }: Example, kind: string, name: string): Manifest {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind}/${name}`);
  return found[0];
}
