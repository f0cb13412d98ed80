import { devDependencies, peerDependencies, version } from '../package.json';

/** What the library is tested with, and every later version that is compatible. */
function versions(...names: (keyof typeof devDependencies)[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, devDependencies[name].replace(/^(?=\d)/, '^')]));
}

/** The files of a project that starts with a platform, by name. */
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
# Runs the app without checking its types: \`npm test\` does.
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

/** Everything that stands in the namespace \`mlflow\`. */
export class Platform extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'mlflow' });
    new RestrictedNamespace(this, 'namespace');
    // To be reached from outside the cluster, for example:
    // { exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromIssuer('letsencrypt-prod') }) }
    new MlflowPlatform(this, 'mlflow');
  }
}
`;

const TEST = `import { Testing, Yaml } from 'cdk8s';
import { Platform } from './platform';

// A change of what is applied shows in the snapshot's diff. When it is meant: npm test -- -u
test('the platform is the one of the snapshot', () => {
  const objects = Testing.synth(new Platform(Testing.app(), 'mlflow'));
  expect(Yaml.stringify(...objects)).toMatchSnapshot();
});
`;
