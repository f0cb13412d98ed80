import { join } from 'path';
import { render } from '../support/synth';
import { external, platformApp, platforms } from '../support/platforms';
import { ROOT, written } from '../support/run';
import { findings } from './findings';
import { parseManifests } from './manifests';

test('the default platform and its monitoring have no findings', () => {
  const objects = Object.values(written(join(ROOT, 'main.ts'))).flatMap(parseManifests);
  expect(findings(objects)).toEqual([]);
});

test.each(Object.keys(platforms) as (keyof typeof platforms)[])('the %s platform has no findings', (name) => {
  const objects = platformApp(name).charts.flatMap(render);
  expect(findings(objects, external)).toEqual([]);
});
