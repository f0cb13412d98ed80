// The Python package, built by jsii-pacmak and installed from its wheel.
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'fs';
import { join } from 'path';
import { emptyFolder } from './package';
import { installWheel } from './python';
import { Images } from '../../lib';
import { ROOT, filesOf, written } from '../support/run';

jest.setTimeout(600_000);

const EXAMPLES = join(ROOT, 'examples');
const names = readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, 'main.py')));

const folder = emptyFolder();
let python: ReturnType<typeof installWheel>;
beforeAll(() => {
  python = installWheel(folder);
});

test('the requirements of the wheel are installed in compatible versions', () => {
  expect(python(folder, '-m', 'pip', 'check')).toBe('No broken requirements found.\n');
});

test('some examples have a Python version', () => {
  expect(names).toEqual(expect.arrayContaining(['production', 'quickstart', 'serving']));
});

describe.each(names)('the Python example %s', (name) => {
  const project = join(folder, name);

  test('writes the same bytes as in TypeScript', () => {
    mkdirSync(project);
    cpSync(join(EXAMPLES, name, 'main.py'), join(project, 'main.py'));
    python(project, 'main.py');
    expect(filesOf(join(project, 'dist'))).toEqual(written(join(EXAMPLES, name, 'main.ts')));
  });

  test('passes mypy', () => {
    python(project, '-m', 'mypy', '--strict', 'main.py');
  });
});

test('mypy refuses a wrong argument', () => {
  writeFileSync(join(folder, 'wrong.py'), 'from cdk8s_mlflow import Exposure\nExposure.ingress(hosts="example.com")\n');
  expect(() => python(folder, '-m', 'mypy', '--strict', 'wrong.py')).toThrow(/2: error: .*"hosts".* mean "host"\?/);
});

test('wrong input ends the program with a message that says what is expected', () => {
  const app = [
    'from cdk8s import App, Chart',
    'from cdk8s_mlflow import Autoscaling, MlflowPlatform, TrackingServerOptions',
    'chart = Chart(App(), "mlflow", namespace="mlflow")',
    'autoscaling = Autoscaling(min_replicas=5, max_replicas=2)',
    'MlflowPlatform(chart, "mlflow", server=TrackingServerOptions(autoscaling=autoscaling))',
  ];
  writeFileSync(join(folder, 'refused.py'), app.join('\n'));
  expect(() => python(folder, 'refused.py')).toThrow(
    'RuntimeError: mlflow/mlflow/server: autoscaling has minReplicas 5 and maxReplicas 2; expected ',
  );
});

test("the page on PyPI shows Python instead of the README's TypeScript", () => {
  const page = python(folder, '-c', 'import importlib.metadata as m; print(m.metadata("cdk8s-mlflow").get_payload())');
  const shown = [...page.matchAll(/^```python\n([^]*?)^```$/gm)].map(([, code]) => code);
  expect(shown.length).toBeGreaterThan(3);
  const files = shown.map((code, index) => {
    writeFileSync(join(folder, `shown-${index}.py`), code);
    return `shown-${index}.py`;
  });
  python(folder, '-m', 'py_compile', ...files);
});

test('the wheel includes the command cdk8s-mlflow', () => {
  const images = python(folder, 'packages/bin/cdk8s-mlflow', 'images', 'quickstart/dist').trimEnd().split('\n');
  expect(images).toEqual(expect.arrayContaining([Images.MLFLOW, Images.NGINX, Images.POSTGRES]));
});
