import { devDependencies, peerDependencies, version } from '../package.json';

/** The versions that the library is tested with, and all later compatible ones. */
function versions(...names: (keyof typeof devDependencies)[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, devDependencies[name].replace(/^(?=\d)/, '^')]));
}

/** The files of a new project, by name. */
export function project(): Record<string, string> {
  return {
    '.gitignore': GITIGNORE,
    'cdk8s.yaml': CDK8S,
    'main.ts': MAIN,
    'package.json': json({
      private: true,
      scripts: { synth: 'cdk8s synth --check-upgrade false', test: 'tsc && jest' },
      dependencies: { ...peerDependencies, 'cdk8s-mlflow': `^${version}` },
      devDependencies: versions('@types/jest', '@types/node', 'cdk8s-cli', 'jest', 'ts-jest', 'tsx', 'typescript'),
      jest: { transform: { '\\.ts$': 'ts-jest' } },
    }),
    'platform.test.ts': TEST,
    'platform.ts': PLATFORM,
    'tsconfig.json': json({
      compilerOptions: {
        target: 'es2022',
        module: 'node16',
        types: ['jest', 'node'],
        strict: true,
        isolatedModules: true,
        noEmit: true,
      },
      include: ['*.ts'],
    }),
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const GITIGNORE = `node_modules/
`;

const CDK8S = `language: typescript
# Runs the app without a check of types, which \`npm test\` does.
app: npx tsx main.ts
output: dist
`;

const MAIN = `import { App } from 'cdk8s';
import { Platform } from './platform';

const app = new App();
new Platform(app, 'mlflow');
app.synth();
`;

const PLATFORM = `import { Chart } from 'cdk8s';
import { MlflowPlatform, RestrictedNamespace } from 'cdk8s-mlflow';
import { Construct } from 'constructs';

/** Everything in the namespace \`mlflow\`. */
export class Platform extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'mlflow' });
    new RestrictedNamespace(this, 'namespace');
    // To expose it outside the cluster, with a Gateway that has TLS:
    // { exposure: Exposure.httpRoute({ host: 'mlflow.example.com', gateway: 'public' }) }
    new MlflowPlatform(this, 'mlflow');
  }
}
`;

const TEST = `import { Testing, Yaml } from 'cdk8s';
import { Platform } from './platform';

// If the YAML changes, the test fails and shows the difference. To accept the change: npm test -- -u
test('the platform is equal to the snapshot', () => {
  const objects = Testing.synth(new Platform(Testing.app(), 'mlflow'));
  expect(Yaml.stringify(...objects)).toMatchSnapshot();
});
`;
