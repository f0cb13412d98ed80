// A page for each construct: its objects by id, and the YAML that it makes without an option.
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
    'What each construct makes, by the ids for `apiObject()`, and the YAML of it without an option. `MlflowPlatform` makes ' +
      'those of its parts. Options are in the types of the library.',
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
    table(['id', 'object', 'there'], [...always.map(row('always')), ...more.map(row('with an option'))]),
    '## Without an option',
    'Texts of programs are left out, and hashes over them.',
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

/** Without what changes with every edit of a program. */
function shortened(object: Manifest): Manifest {
  const copy = structuredClone(object);
  copy.metadata.name = nameOf(object);
  for (const file of Object.keys(copy.data ?? {})) {
    if (/\.(js|py|sh)$/.test(file)) copy.data[file] = '<program>';
    if (file === 'revision') copy.data[file] = '<hash>';
  }
  const annotations = copy.spec?.template?.metadata?.annotations;
  if (annotations?.['cdk8s-mlflow/config-hash']) annotations['cdk8s-mlflow/config-hash'] = '<hash>';
  for (const { env = [] } of copy.spec?.template?.spec?.containers ?? []) {
    for (const variable of env) if (variable.name === 'MOUNTED_REVISION') variable.value = '<hash>';
  }
  return copy;
}
