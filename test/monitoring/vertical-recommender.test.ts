import { Chart, JsonPatch } from 'cdk8s';
import { CloudNativePostgres, MinioStore, MlflowPlatform, PostgresStatefulSet, VerticalRecommender } from '../../lib';
import { schema } from '../output/checks/schema';
import { errorOf, find, ofKind, synth } from '../support/synth';

const objects = synth((chart) => {
  const mlflow = new MlflowPlatform(chart, 'mlflow', { labels: { 'cost-center': '4711' } });
  new VerticalRecommender(chart, 'server-size', { target: mlflow.server });
  new VerticalRecommender(chart, 'database-size', { target: mlflow.database as PostgresStatefulSet });
  new VerticalRecommender(chart, 'store-size', { target: mlflow.artifacts as MinioStore });
});
const recommenders = ofKind(objects, 'VerticalPodAutoscaler');

test('recommends for an existing workload of each kind, and changes no pod', () => {
  expect(recommenders.map(({ metadata, spec }) => [metadata.name, spec.targetRef.kind])).toEqual([
    ['server-size', 'Deployment'],
    ['database-size', 'StatefulSet'],
    ['store-size', 'StatefulSet'],
  ]);
  for (const { spec } of recommenders) {
    expect(spec.updatePolicy).toEqual({ updateMode: 'Off' });
    expect(find(objects, spec.targetRef.kind, spec.targetRef.name).apiVersion).toBe(spec.targetRef.apiVersion);
  }
});

test('has the labels of its component and platform, and its namespace', () => {
  for (const { metadata } of recommenders) {
    expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': 'mlflow', 'cost-center': '4711' });
    expect(metadata.namespace).toBe('mlflow');
  }
});

test("is valid by the autoscaler's schema, which refuses other modes", () => {
  expect(schema(recommenders as any)).toEqual([]);
  const wrong = { ...recommenders[0], spec: { ...recommenders[0].spec, updatePolicy: { updateMode: 'off' } } };
  expect(schema([wrong] as any)).not.toEqual([]);
});

test('returns its object, to change a field', () => {
  const [{ spec }] = ofKind(
    synth((chart) => {
      const { server: target } = new MlflowPlatform(chart, 'mlflow');
      new VerticalRecommender(chart, 'size', { target })
        .apiObject('vertical-pod-autoscaler')
        .addJsonPatch(JsonPatch.add('/spec/recommenders', [{ name: 'own' }]));
    }),
    'VerticalPodAutoscaler',
  );
  expect(spec.recommenders).toEqual([{ name: 'own' }]);
});

test('refuses pods that an operator creates', () => {
  const build = (chart: Chart) =>
    new VerticalRecommender(chart, 'size', { target: new CloudNativePostgres(chart, 'database') });
  expect(errorOf(() => synth(build))).toContain(
    'chart/size: chart/database has no Deployment and no StatefulSet; expected a component with one, e.g. mlflow.server',
  );
});
