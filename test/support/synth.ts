import { App, Chart, Testing, Yaml } from 'cdk8s';

/** One object of the rendered YAML, without types: a test names only the fields that it checks. */
export type Rendered = any;

/** Builds, validates and renders a chart as `app.synth()` does, without writing files. */
export function synth(build: (chart: Chart) => void, namespace = 'mlflow'): Rendered[] {
  const chart = new Chart(new App(), 'chart', { namespace });
  build(chart);
  return render(chart);
}

/** As `synth`, in a chart without a namespace. */
export function synthWithoutNamespace(build: (chart: Chart) => void): Rendered[] {
  const chart = new Chart(new App(), 'chart');
  build(chart);
  return render(chart);
}

/** The objects of a chart. Throws if `app.synth()` would, because cdk8s validates the whole app first. */
export function render(chart: Chart): Rendered[] {
  return Testing.synth(chart);
}

/** The only object of this kind and name. The error lists all names. */
export function find(objects: Rendered[], kind: string, name: string): Rendered {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found.length === 1) return found[0];
  throw new Error(`${found.length} objects are ${kind} '${name}', among: ${namesOf(objects).join(', ')}`);
}

/** The only object of this kind whose name starts with the prefix: the name of a Job ends with a hash. */
export function findByPrefix(objects: Rendered[], kind: string, prefix: string): Rendered {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name.startsWith(prefix));
  if (found.length === 1) return found[0];
  throw new Error(`${found.length} objects are ${kind} '${prefix}…', among: ${namesOf(objects).join(', ')}`);
}

export function ofKind(objects: Rendered[], kind: string): Rendered[] {
  return objects.filter((object) => object.kind === kind);
}

/** `Deployment mlflow-server`, for each object in the order of the file. */
export function namesOf(objects: Rendered[]): string[] {
  return objects.map((object) => `${object.kind} ${object.metadata.name}`);
}

/** The message of the error that a function throws. Throws if the function does not. */
export function errorOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('there was no error');
}

/**
 * The objects as YAML for a snapshot, without the texts of the programs of runtime/ and their hashes, which change with each
 * edit of a program. The programs have their own tests.
 */
export function snapshotOf(objects: Rendered[]): string {
  return Yaml.stringify(...objects.map(withoutPrograms)).replace(/revision-[0-9a-f]{16}/g, 'revision-<hash>');
}

function withoutPrograms(object: Rendered): Rendered {
  const copy = structuredClone(object);
  if (copy.kind === 'ConfigMap') {
    for (const file of Object.keys(copy.data)) if (/\.(js|py|sh)$/.test(file)) copy.data[file] = '<program>';
    if (copy.data.revision) copy.data.revision = '<hash>';
  }
  if (copy.kind === 'Job') copy.metadata.name = copy.metadata.name.replace(/-[0-9a-f]{8}$/, '-<hash>');
  const annotations = copy.spec?.template?.metadata?.annotations;
  if (annotations?.['cdk8s-mlflow/config-hash']) annotations['cdk8s-mlflow/config-hash'] = '<hash>';
  for (const { env = [] } of copy.spec?.template?.spec?.containers ?? []) {
    for (const variable of env) if (variable.name === 'MOUNTED_REVISION') variable.value = '<hash>';
  }
  return copy;
}
