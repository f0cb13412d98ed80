import { App, Chart, Testing } from 'cdk8s';
import { Construct } from 'constructs';
import { check, checkAtSynth, imageRule, nameRule, wholeRule } from '../../lib/kubernetes/rules';
import { errorOf } from '../support/synth';

const rule = (wrong: boolean, what: string) => ({ wrong, given: `${what} is 0`, want: 'expected 1' });

function construct(): Construct {
  return new Construct(new Chart(new App(), 'chart'), 'part');
}

describe('check', () => {
  test('accepts values that break no rule', () => {
    check(construct(), [rule(false, 'a'), rule(false, 'b')]);
  });

  test('names every broken rule on its own line, with path, value and what is expected', () => {
    const message = errorOf(() => check(construct(), [rule(true, 'a'), rule(false, 'b'), rule(true, 'c')]));
    expect(message).toBe('chart/part: a is 0; expected 1\nchart/part: c is 0; expected 1');
  });

  test('shows a value with line breaks on one line', () => {
    expect(errorOf(() => check('chart', [rule(true, 'a\nb\tc')]))).toBe('chart: a\\nb\\tc is 0; expected 1');
  });

  test('accepts a path instead of a construct', () => {
    expect(errorOf(() => check('chart/other', [rule(true, 'a')]))).toBe('chart/other: a is 0; expected 1');
  });
});

describe('checkAtSynth', () => {
  test('fails when the app is validated, not earlier, with the path', () => {
    const part = construct();
    let wrong = false;
    checkAtSynth(part, () => [rule(wrong, 'a')]);
    Testing.synth(Chart.of(part));
    wrong = true;
    expect(errorOf(() => Testing.synth(Chart.of(part)))).toContain('[chart/part] a is 0; expected 1');
  });
});

describe('nameRule', () => {
  test.each(['a', 'mlflow', 'ml-2', 'a'.repeat(63)])('accepts %p', (name) => {
    expect(nameRule('id', name).wrong).toBe(false);
  });

  test.each(['', 'Mlflow', 'my_mlflow', 'my.mlflow', '-a', 'a-', 'a b', 'mlflow\n', 'ä', 'a'.repeat(64)])(
    'refuses %p',
    (name) => {
      expect(nameRule('id', name)).toMatchObject({ wrong: true, given: `id is '${name}'` });
    },
  );

  test('uses the longest suffix', () => {
    expect(nameRule('id', 'a'.repeat(53), '-000000000').wrong).toBe(false);
    expect(nameRule('id', 'a'.repeat(54), '-000000000')).toMatchObject({
      wrong: true,
      want: expect.stringContaining('at most 53 characters'),
    });
  });
});

describe('wholeRule', () => {
  test.each([
    [1, 1],
    [7, 1],
    [0, 0],
    [undefined, 1],
  ])('accepts %p of at least %d', (value, least) => {
    expect(wholeRule('x', value, least).wrong).toBe(false);
  });

  test.each([
    [0, 1],
    [-1, 1],
    [1.5, 1],
    [NaN, 1],
  ])('refuses %p of at least %d', (value, least) => {
    expect(wholeRule('x', value, least)).toEqual({
      wrong: true,
      given: `x is ${value}`,
      want: `expected a whole number of at least ${least}`,
    });
  });

  test('refuses Infinity, which Kubernetes does not accept', () => {
    expect(wholeRule('x', Infinity, 1)).toMatchObject({
      wrong: true,
      want: 'expected a whole number from 1 to 2147483647',
    });
  });
});

const digest = `sha256:${'0'.repeat(64)}`;

describe('imageRule', () => {
  test.each([
    'postgres:17',
    'docker.io/library/postgres:17',
    'localhost:5000/mlflow:v3',
    'registry.example.com:5000/team/mlflow:v3.17.2-full',
    `mlflow@${digest}`,
    `mlflow:latest@${digest}`,
    `localhost:5000/mlflow@${digest}`,
    'mlflow:latest-2',
    'my__app/a.b-c:V1_2',
  ])('accepts %p', (image) => {
    expect(imageRule(image).wrong).toBe(false);
  });

  test.each([
    ['nothing', ''],
    ['no tag', 'postgres'],
    ['no tag, and a registry with a port', 'localhost:5000/mlflow'],
    ['an empty tag', 'postgres:'],
    ['a tag that moves', 'postgres:latest'],
    ['a tag alone', ':17'],
    ['a digest alone', `@${digest}`],
    ['a digest that is too short', 'mlflow@sha256:00'],
    ['another digest', 'mlflow@md5:00'],
    ['no digest after @', 'mlflow@'],
    ['two digests', `mlflow@${digest}@${digest}`],
    ['a space', 'postgres: 17'],
    ['a line feed', 'postgres:17\n'],
    ['upper case, which no registry has', 'Example/MLflow:1'],
    ['a scheme', 'https://registry.example.com/mlflow:1'],
  ])('refuses %s: %p', (_, image) => {
    expect(imageRule(image)).toMatchObject({ wrong: true, given: `image is '${image}'` });
  });
});
