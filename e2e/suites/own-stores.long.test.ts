// docs/how-to/own-database.md and own-object-store.md: platforms with an existing PostgreSQL, bucket and volume.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { ArtifactStore, Authentication, Credentials, Database, Images, MlflowPlatform } from '../../lib';
import { pages } from '../../test/docs/pages';
import { certificateFor, tlsSecret } from '../lib/certificate';
import { loginOf } from '../lib/client';
import { fixture } from '../lib/fixture';
import { commandsOf, paste } from '../lib/guide';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';

const stores = new Namespace('mlflow-e2e-own-stores');
const namespace = new Namespace('mlflow-e2e-own');
const [DATABASE, STORE] = [`db.${stores.name}.svc`, `http://store.${stores.name}.svc:9000`];
const KEY = 'team-a-key';
const [keySecret, rolePassword] = [randomBytes(16).toString('hex'), `/ & % @ : " $ ${randomBytes(8).toString('hex')}`];
const folder = mkdtempSync(join(tmpdir(), 'own-'));
const tls = certificateFor(DATABASE);
// The ranges of pods and Services in most clusters.
const cidr = '10.0.0.0/8';
const servers = { resources: little, proxyResources: little, replicas: 1 };

const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    authentication: Authentication.mlflow(),
    database: Database.fromExisting({
      host: DATABASE,
      credentials: Credentials.fromSecret('my-database'),
      authoritySecretName: 'my-database-ca',
      cidr,
      maxConnections: 100,
    }),
    artifacts: ArtifactStore.fromBucket({
      bucket: 'models',
      prefix: 'team-a',
      endpoint: STORE,
      credentials: Credentials.fromSecret('my-bucket'),
      cidr,
    }),
    server: servers,
  });
});
const onVolume = new Platform(
  namespace,
  'volume',
  (chart) => {
    new MlflowPlatform(chart, 'volume', {
      postgres: { resources: little, storage: Size.gibibytes(1) },
      artifacts: ArtifactStore.fromClaim({ claimName: 'mlflow-artifacts' }),
      server: servers,
    });
  },
  { shared: true },
);

function blocksOf(page: string, language: string): string[] {
  const { blocks } = pages.find(({ file }) => file === `docs/how-to/${page}.md`)!;
  return blocks.filter((block) => block.language === language).map(({ code }) => code);
}

function follow(page: string, section: string, instead: Record<string, string> = {}): string {
  const options = { sections: [section], namespace: namespace.name, instead };
  return paste(commandsOf(`docs/how-to/${page}.md`, options), folder)[section];
}

function inStores(pod: string, command: string[], input: string): string {
  const { status, stdout, stderr } = stores.try(['exec', '-i', pod, '--', ...command], { input });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}

/** Runs `mc` as the administrator of the store, or with the platform's key. */
function mc(script: string, ...input: string[]): string {
  const login = `export MC_CONFIG_DIR=/tmp/mc
    printf '%s\\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store http://localhost:9000 >&2`;
  return inStores('store-0', ['sh', '-ec', `${login}\n${script}`], input.join('\n'));
}

const psql = (statements: string) =>
  inStores('db-0', ['psql', '-U', 'postgres', '-v', 'ON_ERROR_STOP=1', '-qAt'], statements);

beforeAll(async () => {
  for (const each of [namespace, stores]) each.remove();
  stores.kubectl('create', 'namespace', stores.name);
  const password = () => randomBytes(16).toString('hex');
  stores.create(tlsSecret('db-tls', tls));
  const values = { DATABASE_PASSWORD: password(), STORE_PASSWORD: password() };
  stores.apply(fixture('stores.yaml', { ...values, POSTGRES: Images.POSTGRES, SILO: Images.SILO }));
  for (const each of ['db', 'store']) stores.kubectl('rollout', 'status', `statefulset/${each}`, '--timeout=200s');

  // What the pages ask the administrator of the database and of the store to do.
  psql(blocksOf('own-database', 'sql').join('').replace('change-me', rolePassword));
  mc('mc mb store/models');
  mc('mc admin policy create store team-a /dev/stdin', blocksOf('own-object-store', 'json')[0]);
  mc('mc admin user add store', KEY, keySecret);
  mc(`mc admin policy attach store team-a --user ${KEY}`);

  const files = {
    'password.txt': `${rolePassword}\n`,
    'ca.crt': tls.authority,
    // The page makes a Secret of them, which this platform does not use: its database asks for no certificate.
    'client.crt': tls.certificate,
    'client.key': tls.key,
    'key-id.txt': KEY,
    'key.txt': keySecret,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const here = { 'namespace mlflow': `namespace ${namespace.name}` };
  follow('own-database', '2. Its Secret', here);
  follow('own-object-store', 'With a key', here);
  namespace.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'mlflow-artifacts' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  for (const each of [platform, onVolume]) each.synth().apply();
  await until('both are Ready', 400, () => [platform, onVolume].every((each) => each.servers().some(isReady)));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) [namespace, stores].forEach((each) => each.remove());
});

test('the platform has no pod of a database or a store', () => {
  expect(platform.pods().filter(({ metadata }) => /postgres|minio/.test(metadata.name))).toEqual([]);
});

test('the log that the page shows says that the migration created the schema', () => {
  expect(follow('own-database', 'See that it works')).toContain(
    'The tracking database mlflow has the schema that this MLflow wants',
  );
});

test.each([
  ['an existing database and bucket', platform, 'mlflow-server-admin'],
  ['an existing volume', onVolume, 'volume-basic-auth'],
])('logs a run with an artifact to %s and reads it back', async (_what, where, secret) => {
  const login = loginOf(namespace, secret);
  const id = await logRun(where, login, 'on what is not its own');
  await readRun(where, login, 'on what is not its own', id);
});

test('every connection to the database is encrypted, and verifies the certificate of the server', () => {
  const ssl = `SELECT DISTINCT datname, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'mlflow'`;
  expect(psql(`${ssl} ORDER BY 1`).trim().split('\n')).toEqual(['mlflow|t', 'mlflow_auth|t']);
  const { initContainers } = namespace.json('get', 'deployment', 'mlflow-server').spec.template.spec;
  const { env } = initContainers.find(({ name }: { name: string }) => name === 'mlflow');
  expect(env).toContainEqual({ name: 'PGSSLMODE', value: 'verify-full' });
});

test('artifacts are below the prefix, and the key can write a dump but not read it', () => {
  expect(mc('mc ls --recursive store/models/team-a/artifacts/')).toContain('folder/text.txt');
  const asTheServer = `printf '%s\\n' ${KEY} "$(cat)" | mc alias set key http://localhost:9000 >&2`;
  mc(`${asTheServer}; echo dump | mc pipe key/models/team-a/backups/mlflow-try.dump`, keySecret);
  expect(mc('mc cat store/models/team-a/backups/mlflow-try.dump')).toBe('dump\n');
  expect(() => mc(`${asTheServer}; mc cat key/models/team-a/backups/mlflow-try.dump`, keySecret)).toThrow(
    /Insufficient permissions/,
  );
  expect(() => mc(`${asTheServer}; echo x | mc pipe key/models/team-b/x`, keySecret)).toThrow(
    /Insufficient permissions/,
  );
});
