import { execFileSync } from 'child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { dirname, join } from 'path';
import { ModuleKind, transpileModule } from 'typescript';
import {
  ArtifactMove,
  ArtifactStore,
  Authentication,
  BackupTarget,
  Credentials,
  DataVolume,
  Database,
  Exposure,
  MlflowPlatform,
  RegisteredModel,
  SeaweedStore,
  ServiceUserRole,
} from '../../lib';
import { contentHash, program, programs } from '../../lib/component/program';
import { errorOf, ofKind, synth } from '../support/synth';

const source = join(__dirname, '..', '..', 'lib', 'component', 'program.ts');
const runtime = join(__dirname, '..', '..', 'build', 'runtime');

test('a program has the text of its file in build/runtime/', () => {
  expect(program('setup-database.sh')).toBe(readFileSync(join(runtime, 'setup-database.sh'), 'utf8'));
});

test('several programs are returned by their file names', () => {
  const found = programs('setup-database.sh', 'setup-bucket.sh');
  expect(Object.keys(found)).toEqual(['setup-database.sh', 'setup-bucket.sh']);
});

test('a missing program is reported with its path', () => {
  expect(errorOf(() => program('nothing.sh'))).toContain(join('build', 'runtime', 'nothing.sh'));
});

describe('programs are found from a folder that contains the package', () => {
  let folder: string;
  beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'cdk8s-mlflow-')))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  /** The text of a program as Node.js reads it, with the compiled module at that path. */
  function run(path: string): string {
    const { outputText } = transpileModule(readFileSync(source, 'utf8'), {
      compilerOptions: { module: ModuleKind.CommonJS },
    });
    write(path, outputText);
    const script = `process.stdout.write(require(${JSON.stringify(join(folder, path))}).program('x.sh'))`;
    return execFileSync(process.execPath, ['-e', script], { cwd: tmpdir(), encoding: 'utf8', stdio: 'pipe' });
  }

  test.each([
    ['a checkout', '', 'lib/component/program.js'],
    ['a compiled tree', '', 'build/lib/component/program.js'],
    ['an installed package', 'node_modules/cdk8s-mlflow/', 'build/lib/component/program.js'],
    ['a bundle at the top of the package', '', 'bundle.js'],
  ])('%s', (_, root, path) => {
    write(`${root}package.json`, '{}');
    write(`${root}build/runtime/x.sh`, 'echo right');
    expect(run(`${root}${path}`)).toBe('echo right');
  });

  test("in an installed package are its own, not those of the user's project", () => {
    write('package.json', '{}');
    write('build/runtime/x.sh', 'echo wrong');
    write('node_modules/cdk8s-mlflow/package.json', '{}');
    write('node_modules/cdk8s-mlflow/build/runtime/x.sh', 'echo right');
    expect(run('node_modules/cdk8s-mlflow/build/lib/component/program.js')).toBe('echo right');
  });

  test('that are not built cause an error that says how to build them', () => {
    write('package.json', '{}');
    expect(errorOf(() => run('lib/component/program.js'))).toContain(
      `cdk8s-mlflow: no folder above ${join(folder, 'lib', 'component')} has build/runtime/; expected the installed package: `,
    );
  });
});

describe('contentHash', () => {
  test('has sixteen digits, equal for the same content in any order', () => {
    expect(contentHash({ a: '1', b: '2' })).toMatch(/^[0-9a-f]{16}$/);
    expect(contentHash({ a: '1', b: '2' })).toBe(contentHash({ b: '2', a: '1' }));
  });

  test.each<Record<string, string>>([{ a: '1' }, { a: '1', b: '3' }, { a: '1', c: '2' }, { a: '1b2' }])(
    'changes with the content: %p',
    (data) => {
      expect(contentHash(data)).not.toBe(contentHash({ a: '1', b: '2' }));
    },
  );
});

/** All objects that contain a program. */
function configMaps() {
  const model = RegisteredModel.byAlias('churn', 'champion');
  const exposure = Exposure.ingress({ host: 'churn.example.com' });
  const backup = { schedule: '0 2 * * *', target: BackupTarget.claim({ claimName: 'backups' }) };
  const options = { backup, garbageCollection: { schedule: '0 4 * * 6' }, postgres: { metrics: true } };
  const authentications = [Authentication.basic(), Authentication.mlflow()];
  return authentications.flatMap((authentication) =>
    ofKind(
      synth((chart) => {
        new SeaweedStore(chart, 'seaweedfs');
        const platform = new MlflowPlatform(chart, 'mlflow', { ...options, authentication });
        new ArtifactMove(chart, 'move', { server: platform.server, to: ArtifactStore.fromClaim({ claimName: 'new' }) });
        platform.addModelServing('churn', { model, exposure });
        new MlflowPlatform(chart, 'mysql', {
          database: Database.mysql({ host: 'mysql.example.com', credentials: Credentials.fromSecret('mysql') }),
        });
        new MlflowPlatform(chart, 'company', {
          exposure: Exposure.ingress({ host: 'mlflow.example.com' }),
          authentication: Authentication.oidc({
            issuer: 'https://login.example.com',
            clientId: 'mlflow',
            credentials: Credentials.fromSecret('sso'),
            permissions: { adminGroups: ['ml-admins'] },
          }),
        });
        new MlflowPlatform(chart, 'teams', { server: { workspaces: [{ name: 'fraud' }], checkBeforeServing: true } });
        const volume = new DataVolume(chart, 'small-data');
        const small = new MlflowPlatform(chart, 'small', {
          database: Database.sqlite({ volume }),
          artifacts: ArtifactStore.volume({ volume }),
        });
        small.server.addServiceAccount({ namespace: 'ml', name: 'trainer', role: ServiceUserRole.TRAINER });
      }),
      'ConfigMap',
    ),
  );
}

test('no ConfigMap is near the limit of 1 MiB', () => {
  for (const { data } of configMaps()) expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(256 * 1024);
});

test('every program of runtime/ is run by a pod', () => {
  const used = new Set(configMaps().flatMap(({ data }) => Object.keys(data)));
  // The folders next to these files contain the types that lib/ shares with the programs.
  const files = readdirSync(runtime, { withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name).filter((file) => !used.has(file))).toEqual([]);
});
