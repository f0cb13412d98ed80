import { cdk, javascript, JsonFile } from 'projen';

/** What jsii leaves alone: everything but the library itself. */
const notLibrary = ['main.ts', 'test/**', 'e2e/**', 'bench/**', 'runtime/**', 'examples/**', 'docs/**', '.projenrc.ts'];

const project = new cdk.JsiiProject({
  name: 'cdk8s-mlflow',
  description: 'Typed cdk8s constructs that synthesize a production MLflow platform into plain Kubernetes YAML.',
  author: 'The cdk8s-mlflow authors',
  authorAddress: 'cdk8s-mlflow@users.noreply.github.com',
  repositoryUrl: 'https://github.com/cdk8s-mlflow/cdk8s-mlflow.git',
  license: 'Apache-2.0',
  keywords: ['cdk8s', 'mlflow', 'kubernetes', 'mlops', 'model-registry', 'constructs', 'jsii'],
  defaultReleaseBranch: 'main',
  packageManager: javascript.NodePackageManager.NPM,
  minNodeVersion: '20.0.0',
  projenVersion: '0.103.25',
  // The name that the generated files' headers give; the default task below runs it.
  projenrcJsOptions: { filename: '.projenrc.ts' },

  jsiiVersion: '~6.0.16',
  typescriptVersion: '~6.0.0',
  srcdir: 'lib',
  libdir: 'build/lib',
  testdir: 'test',
  disableTsconfigDev: true,
  excludeTypescript: notLibrary,

  peerDeps: ['cdk8s@^2.70.106', 'cdk8s-plus-27@^2.9.5', 'constructs@^10.8.1'],
  devDeps: [
    'cdk8s@2.70.106',
    'cdk8s-plus-27@2.9.5',
    'constructs@10.8.1',
    'cdk8s-cli@2.207.60',
    '@types/jest@^30.0.0',
    'ajv@8.20.0',
    'esbuild@0.28.2',
    'fast-check@4.10.2',
    'jest@30.5.2',
    'kubernetes-models@5.1.0',
    'playwright-core@1.65.1',
    'prom-client@15.1.3',
    'ts-jest@29.4.15',
    'tsx@4.23.15',
    'typedoc@0.28.20',
    'yaml@2.9.1',
  ],

  jest: false,
  eslint: true,
  eslintOptions: {
    dirs: ['lib', 'main.ts'],
    devdirs: ['test', 'runtime', 'e2e', 'bench', 'docs'],
    prettier: true,
    ignorePatterns: ['build/', 'imports/', 'node_modules/', 'dist/', 'coverage/', 'e2e/output/'],
  },
  prettier: true,
  prettierOptions: {
    settings: { singleQuote: true, printWidth: 120, trailingComma: javascript.TrailingComma.ALL },
  },

  github: false,
  depsUpgrade: false,
  release: false,
  docgen: false,
  sampleCode: false,
  npmignoreEnabled: false,
  gitignore: ['/build/', '/e2e/.venv/', '/e2e/output/', '__pycache__/', '*.pyc', '*.tgz', '/tsconfig.jsii.json'],
});

project.package.addField('main', 'build/lib/index.js');
project.package.addField('types', 'build/lib/index.d.ts');
project.package.addField('files', ['build/lib', 'build/imports', 'build/runtime', '.jsii', 'README.md', 'LICENSE']);
// The compiled tree lies in build/: jsii's usual dist/ is where the manifests go.
project.package.addField('jsii', {
  outdir: 'build/jsii',
  versionFormat: 'full',
  targets: { python: { distName: 'cdk8s-mlflow', module: 'cdk8s_mlflow' } },
  tsc: { rootDir: '.', outDir: 'build' },
  excludeTypescript: notLibrary,
});

// dist/ is committed: a change of what is applied shows in its diff.
project.gitignore.removePatterns('/dist/');

project.package.addField('scripts', {
  prepare: 'node runtime/bundle.mjs',
  build: 'node runtime/bundle.mjs && jsii --generate-tsconfig tsconfig.jsii.json --silence-warnings=reserved-word',
  lint: 'ESLINT_USE_FLAT_CONFIG=false eslint --ext .ts . && tsc --noEmit -p tsconfig.json',
  test: 'jest',
  'test:real': 'jest --config jest.real.config.json && $(bash e2e/venv) -m unittest discover -s test/runtime/python',
  import:
    'cdk8s import crds/servicemonitors.yaml --language typescript --output imports --no-save --check-upgrade false',
  synth: 'node runtime/bundle.mjs && cdk8s synth --check-upgrade false',
  e2e: 'bash e2e/run',
  'e2e:full': 'E2E_LONG=1 bash e2e/run',
  bench: 'node bench/bench.mjs',
  measure: 'node runtime/bundle.mjs && tsx e2e/measure/measure.ts',
  docs: 'typedoc',
  'docs:reference': 'node runtime/bundle.mjs && tsx docs/generate/reference.ts',
});

// `npx projen` writes the generated files anew. Of projen's other tasks, those that build and test do what npm does.
project.defaultTask?.reset('tsx .projenrc.ts');
project.compileTask.reset('npm run build');
project.testTask.reset('npm test');
project.packageTask.reset('jsii-pacmak --outdir build/jsii --target js --target python');
for (const task of ['compat', 'package-all', 'package:js', 'watch']) project.removeTask(task);
project.deps.removeDependency('jsii-diff');

// One tsconfig for editors, tests and tsc; jsii writes its own from the settings above.
const tsconfig = project.tryFindObjectFile('tsconfig.json');
tsconfig?.addOverride('include', ['**/*.ts']);
tsconfig?.addOverride('exclude', ['node_modules', 'build', 'cdk.out']);
tsconfig?.addOverride('compilerOptions.rootDir', '.');
tsconfig?.addOverride('compilerOptions.outDir', 'build');
tsconfig?.addOverride('compilerOptions.isolatedModules', true);

const jest = {
  testEnvironment: 'node',
  globalSetup: '<rootDir>/test/bundle-runtime.mjs',
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.json', diagnostics: false }] },
};
// What needs nothing but Node, and what needs programs of the machine (nginx, kube-score, Checkov, PostgreSQL).
const tests = { 'jest.config.json': '(?!real/)', 'jest.real.config.json': 'real/' };
for (const [file, folder] of Object.entries(tests)) {
  const testRegex = [`/test/${folder}.*\\.test\\.ts$`];
  new JsonFile(project, file, {
    marker: false,
    obj: { ...jest, roots: ['<rootDir>/test'], testRegex, testTimeout: 120_000 },
  });
}

// The site: docs/ and README as they are, and the API from the types. build/ is neither committed nor published.
new JsonFile(project, 'typedoc.json', {
  marker: false,
  obj: {
    name: 'cdk8s-mlflow',
    entryPoints: ['lib/index.ts'],
    out: 'build/site',
    readme: 'README.md',
    projectDocuments: ['tutorial', 'how-to', 'reference', 'explanation', 'decisions'].map(
      (kind) => `docs/${kind}/*.md`,
    ),
    plugin: ['./docs/site/plugin.mjs'],
    customCss: 'docs/site/style.css',
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    disableSources: true,
    hideGenerator: true,
    githubPages: false,
    highlightLanguages: ['ts', 'sh', 'yaml', 'json', 'sql', 'python', 'dockerfile'],
    groupOrder: ['Tutorial', 'How-to', 'Reference', 'Explanation', 'Decisions', '*'],
    navigation: { includeGroups: true, includeCategories: false, includeFolders: false },
    sort: ['source-order'],
    treatWarningsAsErrors: true,
    // `npm run lint` does.
    skipErrorChecking: true,
    // Types of props that only this library fills in are not exported.
    validation: { notExported: false },
  },
});

project.synth();
