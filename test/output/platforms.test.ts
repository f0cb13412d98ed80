import { join } from 'path';
import { findings } from './findings';
import { parseManifests } from './manifests';
import { external, platformApp, platforms } from '../support/platforms';
import { ROOT, written } from '../support/run';
import { render } from '../support/synth';

/** Without `consoleClients`, MinIO's console is only for `kubectl port-forward`, which NetworkPolicies do not affect. */
const meant = [
  '[connections] Service/mlflow-minio: targetPort console is opened to nobody by NetworkPolicy/mlflow-minio',
];

/** The operator creates the pods of a Cluster, with its own labels. */
const cluster = '{"matchLabels":{"cnpg.io/cluster":"mlflow-postgres"}}';
const ours = 'app.kubernetes.io/name, app.kubernetes.io/instance, app.kubernetes.io/component';
const operators = [
  `[ports] NetworkPolicy/mlflow-server: egress to ${cluster} matches no pod template`,
  `[ports] NetworkPolicy/mlflow-server-migration: egress to ${cluster} matches no pod template`,
  '[ports] NetworkPolicy/mlflow-postgres: podSelector matches no pod template',
  `[ports] NetworkPolicy/mlflow-postgres: egress to ${cluster} matches no pod template`,
  '[ports] Service/mlflow-postgres-metrics: selector {"cnpg.io/cluster":"mlflow-postgres","cnpg.io/podRole":"instance"} ' +
    'matches no pod template',
  `[names] NetworkPolicy/mlflow-postgres: spec.podSelector has cnpg.io/cluster, must consist of ${ours}`,
  `[names] Service/mlflow-postgres-metrics: spec.selector has cnpg.io/cluster, cnpg.io/podRole, must consist of ${ours}`,
];

test('the default platform and its monitoring have no findings', () => {
  const objects = Object.values(written(join(ROOT, 'main.ts'))).flatMap(parseManifests);
  expect(findings(objects)).toEqual(meant);
});

test.each<[keyof typeof platforms, string[]]>([
  ['plain', meant],
  ['full', []],
  ['oidc', meant],
  ['permissions', meant],
  ['seaweed', []],
  ['mysql', meant],
  ['tenants', meant],
  ['external', []],
  ['operated', operators],
  ['small', []],
  ['pods', meant],
  ['azure', []],
  ['trusting', meant],
])('the %s platform has no findings', (name, expected) => {
  const objects = platformApp(name).charts.flatMap(render);
  expect(findings(objects, external)).toEqual(expected);
});
