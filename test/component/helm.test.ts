// docs/how-to/helm.md: what Helm would take for its own.
import { Yaml } from 'cdk8s';
import { pages } from '../docs/pages';
import { platforms } from '../support/platforms';
import { synth } from '../support/synth';

/** Kinds whose texts are templates of Prometheus and Grafana. */
const TEMPLATES = ['PrometheusRule', 'GrafanaDashboard'];

test.each(Object.keys(platforms) as (keyof typeof platforms)[])(
  'Helm leaves the texts of the platform %s as they are',
  (name) => {
    const objects = synth((chart) => void platforms[name](chart as never));
    const templates = objects
      .filter(
        ({ kind, metadata }) => !TEMPLATES.includes(kind) && !JSON.stringify(metadata.labels ?? {}).includes('grafana'),
      )
      .filter((object) => Yaml.stringify(object).includes('{{'));
    expect(templates.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([]);
  },
);

test('the commands of the page replace every placeholder of its code', () => {
  const { blocks } = pages.find(({ file }) => file === 'docs/how-to/helm.md')!;
  const code = blocks.find(({ language }) => language === 'ts')!.code;
  const shell = blocks
    .filter(({ language }) => language === 'sh')
    .map((block) => block.code)
    .join('\n');
  const replaced = [...shell.matchAll(/-e 's\/([^/]+)\/\{\{ \.Values\.(\w+) \}\}\/g'/g)];
  expect(replaced).toHaveLength(5);
  for (const [, text, value] of replaced) {
    const placeholder = text.replace(/\\/g, '');
    expect(code).toContain(
      /^\d+Gi$/.test(placeholder) ? `gibibytes(${Number.parseInt(placeholder, 10)})` : placeholder,
    );
    expect(shell).toMatch(new RegExp(`^${value}: `, 'm'));
  }
});
