import { join } from 'path';
import { findings } from './findings';
import { parseManifests } from './manifests';
import { external, platformApp, platforms } from '../support/platforms';
import { ROOT, written } from '../support/run';
import { render } from '../support/synth';

/** MinIO's console is for `kubectl port-forward`, which no policy stops, unless `consoleClients` opens it to more. */
const meant = [
  '[connections] Service/mlflow-minio: targetPort console is opened to nobody by NetworkPolicy/mlflow-minio',
];

test('the default platform and its monitoring have no findings', () => {
  const objects = Object.values(written(join(ROOT, 'main.ts'))).flatMap(parseManifests);
  expect(findings(objects)).toEqual(meant);
});

test.each<[keyof typeof platforms, string[]]>([
  ['plain', meant],
  ['full', []],
  ['seaweed', []],
  ['external', []],
])('the %s platform has no findings', (name, expected) => {
  const objects = platformApp(name).charts.flatMap(render);
  expect(findings(objects, external)).toEqual(expected);
});
