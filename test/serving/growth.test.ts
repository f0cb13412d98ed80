import { platformWithServings } from './servings';
import { Authentication, MlflowPlatformProps, RegisteredModel } from '../../lib';
import { Rendered, namesOf } from '../support/synth';

/** The greatest size of the annotation in which `kubectl apply` stores an object. */
const LARGEST_ANNOTATION = 262_144;
const servings = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `churn-of-customers-${index}`,
      { model: RegisteredModel.byAlias(`churn-of-customers-${index}`, 'champion') },
    ]),
  );
const pods = (objects: Rendered[]) =>
  objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map(({ kind, metadata, spec }) => [kind, metadata.name, spec.template]);
const jobs = (objects: Rendered[]) => namesOf(objects).filter((name) => name.startsWith('Job '));

describe.each<[string, MlflowPlatformProps, string[]]>([
  ['by nginx', {}, ['credentials']],
  ['by MLflow itself', { authentication: Authentication.mlflow() }, ['credentials', 'server-users']],
])('a serving that is added, with a login %s,', (_, props, changed) => {
  const [few, more] = [1, 2].map((count) => platformWithServings(servings(count), props));

  test('changes no running pod', () => {
    expect(pods(more.mlflow)).toEqual(pods(few.mlflow));
    expect(pods(more.serving).slice(0, 1)).toEqual(pods(few.serving));
  });

  test('adds a credentials Job and no migration', () => {
    const added = jobs(more.mlflow).filter((name) => !jobs(few.mlflow).includes(name));
    expect(added.map((name) => name.replace(/^Job mlflow-|-[0-9a-f]{8}$/g, '')).sort()).toEqual(changed);
  });
});

test.each<[string, MlflowPlatformProps]>([
  ['nginx', {}],
  ['MLflow itself', { authentication: Authentication.mlflow() }],
])('a thousand servings fit into the limit of kubectl apply, with a login by %s', (_, props) => {
  const { mlflow } = platformWithServings(servings(1000), props);
  const sizes = mlflow.map(
    (object) => [JSON.stringify(object).length, `${object.kind}/${object.metadata.name}`] as const,
  );
  expect(sizes.filter(([size]) => size >= LARGEST_ANNOTATION)).toEqual([]);
});
