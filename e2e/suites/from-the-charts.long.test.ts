// The commands of docs/how-to/from-the-bitnami-chart.md and from-the-community-chart.md, with the objects that releases
// of these charts create. The files are copied through this machine with MinIO's client `mc`.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { Authentication, Images, MlflowPlatform, MlflowPlatformProps } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Colleague } from '../lib/colleague';
import { fixture } from '../lib/fixture';
import { commandsOf, paste, putIntoDist } from '../lib/guide';
import { MINIO } from '../lib/mc';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { run } from '../lib/process';

const old = new Namespace('mlflow-e2e-charts-old');
const namespace = new Namespace('mlflow-e2e-charts');
const folder = mkdtempSync(join(tmpdir(), 'charts-'));
const here = { 'namespace mlflow': `namespace ${namespace.name}`, '-n mlflow-old': `-n ${old.name}` };

/** A release with data, whose server is the Deployment of this name. Returns what its server lists. */
function release(server: string, app: string): object {
  for (const each of [namespace, old]) each.remove();
  old.kubectl('create', 'namespace', old.name);
  const password = () => randomBytes(16).toString('hex');
  const passwords = { DATABASE_PASSWORD: password(), STORE_PASSWORD: password(), ADMIN_PASSWORD: password() };
  const images = { POSTGRES: Images.POSTGRES, MINIO, MLFLOW: Images.MLFLOW };
  old.apply(fixture('bitnami.yaml', { ...images, ...passwords, SERVER: server, APP: app }));
  old.kubectl('rollout', 'status', `deployment/${server}`, '--timeout=600s');
  const client = ClientPod.start(old, 'client', {
    env: { MLFLOW_TRACKING_URI: `http://${old.json('get', 'service', 'mlflow-tracking').spec.clusterIP}` },
    secrets: {
      MLFLOW_TRACKING_USERNAME: ['mlflow-tracking', 'admin-user'],
      MLFLOW_TRACKING_PASSWORD: ['mlflow-tracking', 'admin-password'],
    },
  });
  const colleague = new Colleague(client);
  colleague.writeHistory();
  return colleague.showHistory();
}

/** Synthesizes the platform of the page, and runs these sections of it. */
function follow(page: string, sections: string[], props: MlflowPlatformProps = {}): Record<string, string> {
  const platform = new Platform(namespace, 'mlflow', (chart) => {
    new MlflowPlatform(chart, 'mlflow', {
      postgres: { resources: little, storage: Size.gibibytes(1) },
      minio: { resources: little, storage: Size.gibibytes(1) },
      server: { resources: little, proxyResources: little, replicas: 1 },
      ...props,
    });
  });
  putIntoDist(join(folder, page), platform.synth().manifest);
  const all = commandsOf(`docs/how-to/${page}.md`, { namespace: namespace.name, instead: here });
  return paste(
    all.filter(({ heading }) => sections.includes(heading)),
    join(folder, page),
    1200,
  );
}

beforeAll(() => {
  if (run('sh', ['-c', 'command -v mc']).status !== 0) throw new Error("MinIO's client mc is not on the PATH");
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) [old, namespace].forEach((each) => each.remove());
});

test("a move from Bitnami's chart keeps every run, model, user and file", () => {
  const before = release('mlflow-tracking', '--app-name=basic-auth');
  const printed = follow(
    'from-the-bitnami-chart',
    [
      '2. Stop the old server, dump both databases',
      "3. The administrator's password, from the old Secret",
      '4. The databases',
      '5. The rest, and the files',
    ],
    { authentication: Authentication.mlflow() },
  );
  expect(printed['2. Stop the old server, dump both databases']).toContain('pg_dump (PostgreSQL)');
  const client = ClientPod.start(namespace, 'client', throughTheProxy('mlflow-server-admin'));
  expect(new Colleague(client).showHistory()).toEqual(before);
});

test("a move from the community's chart keeps every run and model", () => {
  const before: any = release('mlflow', '--workers=1');
  follow('from-the-community-chart', [
    '1. Stop the old server',
    '2. Dump its database',
    '3. Restore it into the new one',
  ]);
  const client = ClientPod.start(namespace, 'client', throughTheProxy());
  const after = new Colleague(client).showHistory();
  // Its files are in a bucket outside the cluster, which `aws s3 sync` copies.
  const runs = Object.entries<any[]>(before.runs).map(([id, all]) => [id, [...all.slice(0, -1), {}]]);
  expect(after).toEqual({ ...before, runs: Object.fromEntries(runs) });
});
