import { Chart } from 'cdk8s';
import { MetricsMonitor, MlflowPlatform, RegisteredModel } from '../../lib';
import { Rendered, find, namesOf, ofKind, synth } from '../support/synth';

const VERSION = 'app.kubernetes.io/version';
const MANAGED_BY = 'app.kubernetes.io/managed-by';

const platform = (chart: Chart) => {
  const mlflow = new MlflowPlatform(chart, 'mlflow', { minio: { replicas: 4 }, deployer: { replicas: 2 } });
  mlflow.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') });
  mlflow.server.addServiceUser('notebooks');
  new MetricsMonitor(chart, 'metrics', { target: mlflow.server });
};

test('every object has the labels managed-by and version', () => {
  const objects = synth(platform);
  expect(objects.filter(({ metadata }) => metadata.labels[MANAGED_BY] !== 'cdk8s')).toEqual([]);
  expect(objects.filter(({ metadata }) => !metadata.labels[VERSION])).toEqual([]);
});

test('the version is the tag of the image of the main container', () => {
  const objects = synth(platform);
  const workloads = ['Deployment', 'StatefulSet', 'Job'].flatMap((kind) => ofKind(objects, kind));
  expect(workloads.length).toBeGreaterThan(8);
  const tags = ({ spec: { initContainers = [], containers } }: Rendered) =>
    [...initContainers, ...containers].map(({ image }: Rendered) => image.split(':')[1]);
  const others = workloads.filter(({ metadata, spec }) => !tags(spec.template).includes(metadata.labels[VERSION]));
  expect(others.map(({ metadata, spec }) => [metadata.labels[VERSION], tags(spec.template)])).toEqual([]);
});

test('no pod and no selector has managed-by or version, which would restart pods with a new version', () => {
  const objects = synth(platform).filter(({ kind }) => kind !== 'ConfigMap');
  const found = objects.filter(({ spec }) => new RegExp(`${VERSION}|${MANAGED_BY}`).test(JSON.stringify(spec) ?? ''));
  expect(namesOf(found)).toEqual([]);
});

describe('the version', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const versionOf = (image: string) => {
    const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow', { server: { image } }));
    return find(objects, 'Deployment', 'mlflow-server').metadata.labels[VERSION];
  };

  test.each([
    ['registry.example.com:5000/mlflow:v3', 'v3'],
    [`mlflow:v3@${digest}`, 'v3'],
  ])('of %s is %s', (image, version) => {
    expect(versionOf(image)).toBe(version);
  });

  test.each([
    ['an image with a digest only', `mlflow@${digest}`],
    ['a tag that is too long for a label', `mlflow:${'a'.repeat(64)}`],
    ['a tag that begins as no label may', 'mlflow:_3'],
  ])('is left out for %s', (_, image) => {
    expect(versionOf(image)).toBeUndefined();
  });
});
