// Every command of docs/how-to/from-the-blog.md: the move with all data, on the same claims, and the way back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { Blog } from '../lib/blog';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Colleague } from '../lib/colleague';
import { commandsOf, paste, putIntoDist } from '../lib/guide';
import { asRootOfStore } from '../lib/mc';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { OLD } from '../lib/upgrade';

// The post has PostgreSQL 15 and MLflow 2.9.2. If your cluster has their images, name them in E2E_BLOG_….
const { E2E_BLOG_MLFLOW = OLD, E2E_BLOG_POSTGRES } = process.env;
const PAGE = 'docs/how-to/from-the-blog.md';
const namespace = new Namespace('mlflow-e2e-blog');
const blog = new Blog(namespace, { mlflow: E2E_BLOG_MLFLOW, postgres: E2E_BLOG_POSTGRES });
const platform = new Platform(namespace, 'mlflow', (chart) => {
  new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(1) },
    server: { resources: little, proxyResources: little, replicas: 1 },
  });
});
const claims = () =>
  namespace.json<{ items: any[] }>('get', 'pvc').items.map(({ metadata, spec }) => [metadata.name, spec.volumeName]);
const folder = mkdtempSync(join(tmpdir(), 'blog-'));
const page = commandsOf(PAGE, {
  namespace: namespace.name,
  instead: {
    'namespace: mlflow }': `namespace: ${namespace.name} }`,
    'label namespace mlflow': `label namespace ${namespace.name}`,
  },
});
const follow = (...headings: string[]) =>
  paste(
    page.filter(({ heading }) => headings.includes(heading)),
    folder,
  );

let before: { history: object; claims: string[][] };

/** The post's client. It has the store's key, because it reads and writes artifacts directly. */
function oldClient(name: string): ClientPod {
  return ClientPod.start(namespace, name, {
    image: E2E_BLOG_MLFLOW,
    env: { MLFLOW_TRACKING_URI: blog.address(), MLFLOW_S3_ENDPOINT_URL: 'http://mlflow-minio:9000' },
    secrets: {
      AWS_ACCESS_KEY_ID: ['mlflow-s3-secret', 'AWS_ACCESS_KEY_ID'],
      AWS_SECRET_ACCESS_KEY: ['mlflow-s3-secret', 'AWS_SECRET_ACCESS_KEY'],
    },
  });
}

/** Only one server: on a small node three with MLflow's defaults start more slowly than their probes allow. */
function untilServed(): void {
  namespace.kubectl('scale', 'deployment/mlflow-server', '--replicas=1');
  namespace.kubectl('rollout', 'status', 'deployment/mlflow-server', '--timeout=280s');
}

beforeAll(() => {
  namespace.remove();
  namespace.kubectl('create', 'namespace', namespace.name);
  blog.apply();
  blog.makeBucket();
  untilServed();
  const client = oldClient('before');
  const colleague = new Colleague(client);
  colleague.writeHistory();
  before = { history: colleague.showHistory(), claims: claims() };
  client.remove();
  putIntoDist(folder, platform.synth().manifest);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('the platform of the post has its artifacts at s3:// addresses', () => {
  const places = 'SELECT DISTINCT left(artifact_uri, 22) FROM runs';
  const psql = ['exec', 'mlflow-postgres-0', '--', 'psql', '-U', 'mlflow', '-Atc', places];
  expect(namespace.kubectl(...psql).trim()).toBe('s3://mlflow/artifacts/');
});

test('the commands of the page move it, on the same claims', () => {
  const printed = follow(
    '2. Stop the servers, dump the database',
    '3. Remove the old objects, not the claims',
    '4. Make room on the claims',
    '5. The new database, and the dump into it',
    '6. All the rest',
    '7. Where the files are',
  );
  expect(printed['7. Where the files are']).toMatch(/^the same$/m);
  expect(claims()).toEqual(before.claims);
});

test('every run, model and file can be read through the proxy, without a key of the store', () => {
  const after = new Colleague(ClientPod.start(namespace, 'after', throughTheProxy())).showHistory();
  expect(after).toEqual(before.history);
});

test('the bucket is private after the move', () => {
  expect(asRootOfStore(namespace, 'mc anonymous get store/mlflow')).toContain('`private`');
});

test('the way back restores the platform of the post with every run, model and file', () => {
  follow('The way back');
  blog.apply();
  untilServed();
  expect(new Colleague(oldClient('back')).showHistory()).toEqual(before.history);
});
