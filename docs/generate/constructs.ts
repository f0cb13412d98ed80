// A page for each construct: its objects by id, and its YAML without options.
import { ApiObject, Yaml } from 'cdk8s';
import { Construct } from 'constructs';
import { Manifest, nameOf, titleOf } from './manifests';
import { Page, code, lines, table } from './markdown';
import { Documented, chartOf, documented, everything, everythingBehindGateway, plain } from './platforms';

interface ObjectOfConstruct {
  readonly id: string;
  readonly object: Manifest;
}

export function constructPages(): Page[] {
  return documented.map(page);
}

export function constructIndex(): Page {
  const rows = documented.map(({ construct, about }) => [`[${construct}](${fileOf(construct)})`, about]);
  const body = lines(
    'The objects of each construct, by the ids for `apiObject()`, and its YAML without options. `MlflowPlatform` creates ' +
      'the objects of its parts. The options are documented in the types of the library.',
    table(['construct', 'what it is'], rows),
  );
  return { file: 'constructs.md', title: 'The YAML of each construct', body };
}

function page({ construct, about, of }: Documented): Page {
  const always = objectsOf(plain, of);
  const optional = new Map(
    [everything, everythingBehindGateway].flatMap((build) => objectsOf(build, of)).map((each) => [each.id, each]),
  );
  for (const { id } of always) optional.delete(id);
  const more = [...optional.values()];
  const row = (when: string) => (each: ObjectOfConstruct) => [code(each.id), titleOf(each.object), when];
  const body = lines(
    about,
    table(['id', 'object', 'created'], [...always.map(row('always')), ...more.map(row('with an option'))]),
    '## Without options',
    '`<program>` replaces the texts of programs, and `<hash>` their hashes.',
    `\`\`\`yaml\n${Yaml.stringify(...always.map(({ object }) => shortened(object))).trimEnd()}\n\`\`\``,
  );
  return { file: fileOf(construct), title: construct, body };
}

function fileOf(construct: string): string {
  return `${construct.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.md`;
}

function objectsOf(build: typeof plain, of: Documented['of']): ObjectOfConstruct[] {
  const { chart, platform } = chartOf(build);
  const construct: Construct = of(platform, chart);
  const rendered: Manifest[] = chart.toJson();
  return construct.node
    .findAll()
    .filter((node): node is ApiObject => ApiObject.isApiObject(node))
    .map((node) => {
      const { kind, metadata } = node.toJson();
      const object = rendered.find((each) => each.kind === kind && each.metadata.name === metadata.name);
      return { id: node.node.path.slice(construct.node.path.length + 1), object };
    });
}

/** Replaces what changes with every edit of a program. */
function shortened(object: Manifest): Manifest {
  const copy = structuredClone(object);
  copy.metadata.name = nameOf(object);
  for (const file of Object.keys(copy.data ?? {})) {
    if (/\.(js|py|sh)$/.test(file)) copy.data[file] = '<program>';
    if (/\.json$/.test(file) && copy.metadata.name.endsWith('-dashboard')) copy.data[file] = '<dashboard>';
    if (file === 'revision') copy.data[file] = '<hash>';
  }
  const annotations = copy.spec?.template?.metadata?.annotations;
  if (annotations?.['cdk8s-mlflow/config-hash']) annotations['cdk8s-mlflow/config-hash'] = '<hash>';
  for (const { env = [] } of copy.spec?.template?.spec?.containers ?? []) {
    for (const variable of env) if (variable.name === 'MOUNTED_REVISION') variable.value = '<hash>';
  }
  return copy;
}
