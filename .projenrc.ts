import { cdk, javascript, JsonFile } from 'projen';

/** What jsii leaves alone: everything but the library itself. */
const notLibrary = [
  ...['main.ts', 'test/**', 'e2e/**', 'bench/**', 'cli/**', 'runtime/**', 'examples/**', 'docs/**'],
  '.projenrc.ts',
];

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
    // In the bundle of the command, for `doctor`. Version 2 needs Node.js 22.
    '@kubernetes/client-node@1.4.0',
    'ajv@8.20.0',
    // The newest that Node.js 20 runs; esbuild puts it into the command.
    'commander@14.0.3',
    'esbuild@0.28.2',
    'eslint@^9',
    '@typescript-eslint/eslint-plugin@^8',
    '@typescript-eslint/parser@^8',
    'eslint-config-prettier@^10.1.8',
    'eslint-import-resolver-typescript@^4.4.5',
    'eslint-plugin-import@^2.32.0',
    'eslint-plugin-prettier@^5.5.7',
    'prettier@^3.10.1',
    'fast-check@4.10.2',
    // Writes lib/monitoring/dashboard-model.ts: a jsii package cannot depend on it.
    '@grafana/grafana-foundation-sdk@0.0.21',
    'jest@30.5.2',
    // As oidc-provider has it.
    'jose@6.2.13',
    'jsii-docgen@10.12.6',
    'knip@6.44.2',
    'kubernetes-models@5.1.0',
    'oidc-provider@9.13.3',
    'playwright-core@1.65.1',
    'prom-client@15.1.3',
    // Used by the projects that `cdk8s-mlflow init` writes: cli/project.ts takes the version from here.
    'ts-jest@29.4.15',
    'tsx@4.23.15',
    'typedoc@0.28.20',
    'yaml@2.9.1',
  ],

  jest: false,
  // eslint.config.mjs is written by hand: projen has the old form of configuration only.
  eslint: false,
  prettier: false,

  github: false,
  depsUpgrade: false,
  release: false,
  docgen: false,
  sampleCode: false,
  npmignoreEnabled: false,
  gitignore: [
    '/build/',
    '/e2e/.venv/',
    '/e2e/output/',
    '__pycache__/',
    '*.pyc',
    '*.tgz',
    '/tsconfig.jsii.json',
    '/.jsii.tabl.json',
    '/rosetta/',
  ],
});

// Their install scripts compile what is prebuilt for the usual machines, or do nothing: npm asks for a decision.
project.package.addField('allowScripts', { '@parcel/watcher': false, backport: false, esbuild: false });
project.package.addField('main', 'build/lib/index.js');
project.package.addField('types', 'build/lib/index.d.ts');
project.package.addField('files', [
  'build/bin',
  'build/lib',
  'build/imports',
  'build/runtime',
  // The entry holds all modules (`lib/bundle.mjs`); their types remain.
  '!build/lib/**/*.js',
  '!build/imports/**/*.js',
  '!build/runtime/*/**/*.js',
  'build/lib/index.js',
  '.jsii',
  'API.md',
  'CHANGELOG.md',
  'README.md',
  'LICENSE',
]);
project.package.addField('bin', { 'cdk8s-mlflow': 'build/bin/cdk8s-mlflow.js' });
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
// So is the one of the example for GitOps; the others are pinned by snapshots without the programs that all share.
project.gitignore.addPatterns('/examples/*/dist/', '!/examples/gitops/dist/');
project.gitattributes.addAttributes('/API.md', 'linguist-generated');

project.package.addField('scripts', {
  prepare: [
    'node runtime/bundle.mjs',
    'node cli/bundle.mjs',
    // For `npm install git+https://…`: npm then calls this from another folder (INIT_CWD) and packs what it leaves. In a
    // checkout nothing but the package needs the compiled library, and compiling takes 11 s of processor time.
    `node -e "String(process.env.INIT_CWD).startsWith(process.cwd()) || require('child_process').execSync('npm run compile')"`,
  ].join(' && '),
  compile: 'jsii --generate-tsconfig tsconfig.jsii.json --silence-warnings=reserved-word && node lib/bundle.mjs',
  build: [
    'node runtime/bundle.mjs',
    'node cli/bundle.mjs',
    'npm run compile',
    'jsii-docgen --output API.md',
    // README's TypeScript as Python (`docs/rosetta/` completes its fragments): jsii-pacmak puts it into the wheel's README.
    'node docs/rosetta/extract.mjs',
  ].join(' && '),
  lint: ['eslint .', 'tsc --noEmit -p tsconfig.json', 'knip', 'knip --production --no-tag-hints'].join(' && '),
  // --selectProjects takes every word up to the next option, also the path of `npm test -- <path>`.
  test: 'jest --selectProjects unit --errorOnDeprecated',
  // Packs what `npm run build` made, and installs it: needs npm's registry, and PyPI.
  'test:package': 'jest --selectProjects package --errorOnDeprecated',
  'test:native': 'jest --selectProjects native && bash test/runtime/python/run',
  'test:native:long': 'bash test/runtime/python/run long_test_backup.py',
  import:
    'cdk8s import crds/servicemonitors.yaml --language typescript --output imports --no-save --check-upgrade false',
  synth: 'node runtime/bundle.mjs && cdk8s synth --check-upgrade false',
  'synth:gitops':
    "node runtime/bundle.mjs && cd examples/gitops && cdk8s synth --app 'tsx main.ts' --check-upgrade false",
  contract: 'node runtime/bundle.mjs && tsx test/contract/write.ts',
  e2e: 'bash e2e/run',
  'e2e:full': 'E2E_LONG=1 bash e2e/run',
  bench: 'node bench/bench.mjs',
  measure: 'node runtime/bundle.mjs && tsx e2e/measure/measure.ts',
  docs: 'typedoc --options docs/site/typedoc.json',
  inputs: 'tsx test/conventions/write-inputs.ts',
  // The Grafana dashboard: docs/generate/dashboard-panels.ts.
  dashboard: 'tsx docs/generate/write-dashboard.ts',
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
// examples/ import the library by its name, as its users do.
tsconfig?.addOverride('compilerOptions.paths', { 'cdk8s-mlflow': ['./lib'] });

// What needs nothing but Node (`npm test`), what needs the built package and npm's registry, and what needs programs of
// the machine (nginx, kube-score, Checkov, PostgreSQL).
const suites: Record<string, { folder: string; globalSetup?: string }> = {
  unit: { folder: '(?!native/|package/)' },
  package: { folder: 'package/', globalSetup: '<rootDir>/test/package/pack.mjs' },
  native: { folder: 'native/' },
};
project.package.addField('jest', {
  testTimeout: 120_000,
  projects: Object.entries(suites).map(([displayName, { folder, globalSetup }]) => ({
    displayName,
    testEnvironment: 'node',
    transform: { '^.+\\.ts$': '<rootDir>/test/transform-typescript.cjs' },
    globalSetup: globalSetup ?? '<rootDir>/test/bundle-runtime.mjs',
    roots: ['<rootDir>/test'],
    testRegex: [`/test/${folder}.*\\.test\\.ts$`],
  })),
});
project.package.addField('prettier', { singleQuote: true, printWidth: 120, trailingComma: 'all' });

// Dead code and unused dependencies. With `!`: what the package ships or main.ts runs, for `knip --production`, which
// finds what tests alone use; an export that is there for a test says so by `@internal`.
project.package.addField('knip', {
  entry: [
    'main.ts!',
    'runtime/*/main.ts!',
    'cli/main.ts!',
    // Bundled in place of node-fetch (cli/bundle.mjs).
    'cli/doctor/fetch.mjs',
    'examples/*/main.ts',
    '.projenrc.ts',
    'bench/*.{mjs,ts}',
    'crds/trim.mjs',
    'docs/site/plugin.mjs',
    'e2e/{jest.config.js,lib/{report-on-failure.cjs,tested-mlflow.ts},deployer/registry.js,fixtures/state-metrics.js}',
    'test/support/oidc/provider.mjs',
    'test/support/synth-platforms.ts',
    'test/output/checks/kubernetes-models.mjs',
  ],
  project: [
    'lib/**/*.ts!',
    'runtime/**/*.ts!',
    'cli/**/*.{ts,mts}!',
    '*.ts',
    '{runtime,cli}/*.mjs',
    '{test,e2e,bench,crds,examples,docs}/**/*.{ts,js,cjs,mjs}',
  ],
  // Programs of the machine: what starts them says so where they are missing.
  ignoreBinaries: ['kubectl', 'jq', 'nginx', 'promtool'],
  // kubernetes-models: required by a name that is only known at run time (test/output/checks/kubernetes-models.mjs);
  // ts-jest: of it, cli/project.ts needs the version only.
  ignoreDependencies: ['kubernetes-models', 'ts-jest'],
  // A type may be exported for whoever wants to name it; `npm run import` writes more than is used.
  ignoreExportsUsedInFile: { interface: true, type: true },
  ignoreIssues: { 'imports/**': ['exports', 'types'] },
});

// The site: docs/ and README as they are, and the API from the types. build/ is neither committed nor published.
new JsonFile(project, 'docs/site/typedoc.json', {
  marker: false,
  obj: {
    name: 'cdk8s-mlflow',
    entryPoints: ['../../lib/index.ts'],
    out: '../../build/site',
    readme: '../../README.md',
    projectDocuments: [
      ...['.', 'tutorial', 'how-to', 'reference', 'explanation', 'decisions'].map((folder) => `../${folder}/*.md`),
      ...['../../examples/*.md', '../../examples/*/README.md', '../../CONTRIBUTING.md'],
    ],
    plugin: ['./plugin.mjs'],
    customCss: 'style.css',
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    disableSources: true,
    hideGenerator: true,
    githubPages: false,
    highlightLanguages: ['ts', 'sh', 'yaml', 'json', 'sql', 'python', 'dockerfile'],
    groupOrder: ['Overview', 'Tutorial', 'How-to', 'Examples', 'Reference', 'Explanation', 'Decisions', '*'],
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
