// Every command of docs/tutorial, in one shell, from an empty cluster to a served model.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { commandsOf, paste } from '../lib/guide';
import { run } from '../lib/process';

const root = join(__dirname, '..', '..');
const venv = dirname(dirname(process.env.E2E_PYTHON!));
const namespaces = ['mlflow', 'ml-serving'];
// The tutorial creates these two, so they must not exist.
const free = run('kubectl', ['get', 'namespace', ...namespaces, '--ignore-not-found', '-o', 'name']).stdout === '';

const instead = {
  // The test has a cluster, and a checkout with its packages.
  'kind create cluster --name mlflow\n': '',
  'git clone https://github.com/cdk8s-mlflow/cdk8s-mlflow.git\ncd cdk8s-mlflow\nnpm ci\n': '',
  'kind delete cluster --name mlflow\n': '',
  // The same packages, of e2e/requirements.txt.
  'python3.11 -m venv venv\n': `ln -s ${venv} venv\n`,
  'pip install mlflow==3.18.0 scikit-learn matplotlib\n': 'pip show --quiet mlflow scikit-learn matplotlib\n',
};

let folder: string;
let printed: Record<string, string>;

beforeAll(() => {
  if (!free) {
    throw new Error(`this cluster has ${namespaces.join(' or ')}; expected neither, because the tutorial creates them`);
  }
  folder = mkdtempSync(join(tmpdir(), 'tutorial-'));
  for (const each of ['node_modules', 'package.json', 'tsconfig.json', 'lib', 'runtime', 'e2e', 'cdk8s.yaml']) {
    symlinkSync(join(root, each), join(folder, each));
  }
  printed = paste(commandsOf('docs/tutorial/README.md', { instead }), folder, 900);
});

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
  if (free && !process.env.E2E_KEEP) run('kubectl', ['delete', 'namespace', ...namespaces, '--ignore-not-found']);
});

test('synth writes two files, one for each chart', () => {
  expect(printed['2. A platform in twenty lines'].trim().split('\n').slice(-2)).toEqual([
    'ml-serving.k8s.yaml',
    'mlflow.k8s.yaml',
  ]);
});

test('the pods are in the states that the page shows, and the serving logs what it waits for', () => {
  const shown = printed['3. Apply it'];
  for (const job of ['credentials', 'postgres-set-up', 'minio-set-up', 'server-migration']) {
    expect(shown).toMatch(new RegExp(`^mlflow-${job}-\\S+ +0/\\d +Completed`, 'm'));
  }
  for (const pod of ['postgres-0', 'minio-0', 'server-\\S+', 'deployer-\\S+']) {
    expect(shown).toMatch(new RegExp(`^mlflow-${pod} +\\d/\\d +Running`, 'm'));
  }
  expect(shown).toContain('No version yet: waiting for');
});

test('the commands show the password and log in with it', () => {
  expect(printed['4. Log in']).toMatch(/^OK\S* ?\S+ \S{16,}$/m);
});

test('the trained model answers with predictions', () => {
  expect(printed['5. Train a model']).toMatch(/^Accuracy: 0\.\d+$/m);
  expect(JSON.parse(printed['6. Serve it'].trim().split('\n').pop()!)).toEqual({
    predictions: [expect.any(Number), expect.any(Number)],
  });
});

test('the next version is rolled out when the alias moves, and its tag is shown', () => {
  expect(printed['7. Roll out the next version']).toMatch(
    /'deployment\.ml-serving\.churn-prediction-model-serving': 'serving'/,
  );
});

test('the last commands delete both namespaces', () => {
  expect(run('kubectl', ['get', 'namespace', ...namespaces, '--ignore-not-found', '-o', 'name']).stdout).toBe('');
});
