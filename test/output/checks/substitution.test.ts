import { join } from 'path';
import { expectFaults } from '../expect-faults';
import { fluxSubstitute, substitution } from './substitution';
import { platforms, platformApp } from '../../support/platforms';
import { ROOT, written } from '../../support/run';
import { find, render } from '../../support/synth';
import { Manifest, parseManifests } from '../manifests';

const file = (text: string) => (get: any) => (get('ConfigMap/server').data['a.sh'] = text);
const finding = /ConfigMap\/server: Flux's postBuild changes it/;

expectFaults(substitution, [
  ['a variable of a shell', file('echo ${HOME}'), finding],
  ['a default of a shell', file('echo ${WAIT_SECONDS:-600}'), finding],
  ['an expression of a shell that Flux takes for a bad one', file('echo ${1%.*}'), finding],
  ['a dollar quote of SQL', file('DO $$ BEGIN'), finding],
]);

const configMap = (text: string, metadata = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  data: { text },
});

test.each([
  ['a variable that is set', '${zone}', 'eu'],
  ['a variable that is not set', 'a${other}b', 'ab'],
  ['a default', '${other:=us}', 'us'],
  ['two dollars', 'DO $$', 'DO $'],
  ['a dollar before something else', '$host $(id) "$@"', '$host $(id) "$@"'],
])('the model of Flux substitutes %s like Flux', (_, text, expected) => {
  const made = parseManifests(fluxSubstitute(configMap(text), { zone: 'eu' }))[0];
  expect(made.data.text).toBe(expected);
});

test.each(['labels', 'annotations'])('the model of Flux skips an object whose %s disable it', (where) => {
  const object = configMap('${zone}', { [where]: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } });
  expect(parseManifests(fluxSubstitute(object, { zone: 'eu' }))).toEqual([object]);
});

describe('a platform that Flux applies with postBuild', () => {
  const all: [string, () => Manifest[]][] = [
    ['default', () => Object.values(written(join(ROOT, 'main.ts'))).flatMap(parseManifests)],
    ...(Object.keys(platforms) as (keyof typeof platforms)[]).map((name): [string, () => Manifest[]] => [
      name,
      () => platformApp(name).charts.flatMap(render),
    ]),
  ];

  test.each(all)('has the same YAML as without it (%s)', (_, objects) => {
    for (const object of objects()) {
      expect(parseManifests(fluxSubstitute(object, { cluster: 'production' }))).toEqual([object]);
    }
  });

  test('has `$` in its programs, which Flux must not substitute', () => {
    const objects = platformApp('plain').charts.flatMap(render);
    const { data } = find(objects, 'ConfigMap', 'mlflow-postgres-set-up');
    expect(data['setup-database.sh']).toContain('${');
    expect(data['setup-database.sh']).toContain('$$');
  });
});
