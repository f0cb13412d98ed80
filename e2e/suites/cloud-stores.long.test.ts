// docs/how-to/own-object-store.md: artifacts in stand-ins of Google Cloud Storage and Azure Blob Storage, by the real clients.
import { ApiObject, JsonPatch, Size } from 'cdk8s';
import { ArtifactStore, Credentials, GarbageCollection, IArtifactStore, MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { jobOf } from '../lib/cron-job';
import { fixture } from '../lib/fixture';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';

const stores = new Namespace('mlflow-e2e-cloud-stores');
const account = 'devstoreaccount1';
const host = (name: string, port: number) => `http://${name}.${stores.name}.svc:${port}`;
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const emulators = {
  STORAGE_EMULATOR_HOST: host('gcs', 4443),
  AZURE_STORAGE_CONNECTION_STRING:
    `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};` +
    `BlobEndpoint=${host('azurite', 10000)}/${account};`,
};
const egress = (app: string, port: number) => [
  { peer: { podLabels: { app }, namespaceLabels: { 'kubernetes.io/metadata.name': stores.name } }, port },
];

/** Has each container of MLflow's image talk to the stand-ins. No prop can: they are not for production. */
function useEmulators(chart: { node: { findAll(): unknown[] } }): void {
  const objects = chart.node.findAll().filter((each): each is ApiObject => ApiObject.isApiObject(each as ApiObject));
  for (const object of objects) {
    const spec = object.kind === 'CronJob' ? '/spec/jobTemplate/spec/template/spec' : '/spec/template/spec';
    const json: any = object.toJson();
    const pod = object.kind === 'CronJob' ? json.spec.jobTemplate.spec.template.spec : json.spec?.template?.spec;
    for (const list of ['initContainers', 'containers']) {
      (pod?.[list] ?? []).forEach(({ name }: any, index: number) => {
        if (!['mlflow', 'migrate', 'garbage-collection'].includes(name)) return;
        for (const [variable, value] of Object.entries(emulators)) {
          object.addJsonPatch(JsonPatch.add(`${spec}/${list}/${index}/env/-`, { name: variable, value }));
        }
      });
    }
  }
}

function platformWith(namespace: Namespace, artifacts: IArtifactStore): Platform {
  return new Platform(namespace, 'mlflow', (chart) => {
    const mlflow = new MlflowPlatform(chart, 'mlflow', {
      artifacts,
      postgres: { resources: little, storage: Size.gibibytes(1) },
      server: { resources: little, proxyResources: little, replicas: 1 },
      pods: { jobResources: { cpu: little.cpu } },
    });
    new GarbageCollection(chart, 'cleaner', { server: mlflow.server, schedule: '0 4 * * 6' });
    useEmulators(chart);
  });
}

jest.setTimeout(1_200_000);

beforeAll(() => {
  stores.remove();
  stores.kubectl('create', 'namespace', stores.name);
  stores.apply(fixture('cloud-stores.yaml', { NAMESPACE: stores.name }));
  for (const name of ['gcs', 'azurite']) {
    stores.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=200s');
  }
  const pod = ClientPod.start(stores, 'maker', { env: emulators });
  const { status, stderr } = pod.python(program('make_buckets.py'), [], { seconds: 200 });
  pod.remove();
  if (status !== 0) throw new Error(stderr);
});

afterAll(() => {
  if (!process.env.E2E_KEEP) stores.remove();
});

test.each<[string, IArtifactStore]>([
  [
    'google',
    ArtifactStore.fromGoogleBucket({
      bucket: 'models',
      prefix: 'team-a',
      credentials: Credentials.fromServiceAccount({}),
      egress: egress('gcs', 4443),
    }),
  ],
  [
    'azure',
    ArtifactStore.fromAzureContainer({
      account,
      container: 'models',
      prefix: 'team-a',
      credentials: Credentials.fromServiceAccount({}),
      egress: egress('azurite', 10000),
    }),
  ],
])('%s: files go up and down through the server, and the garbage collection removes them', async (name, artifacts) => {
  const namespace = new Namespace(`mlflow-e2e-cloud-${name}`);
  const platform = platformWith(namespace, artifacts);
  namespace.remove();
  platform.synth().apply();
  await until('a server that is Ready', 400, () => platform.servers().some(isReady));
  const client = ClientPod.start(namespace, 'people', throughTheProxy());
  expect(await client.report<{ same: boolean }>('transfer.py', '20')).toMatchObject({ same: true });
  const made = client.python(program('deleted_runs.py'), [], { seconds: 300 });
  if (made.status !== 0) throw new Error(made.stderr);
  const runs = JSON.parse(made.stdout.trim().split('\n').pop()!);
  namespace.kubectl(
    'exec',
    'mlflow-postgres-0',
    '--',
    ...['psql', '-U', 'postgres', '-d', 'mlflow', '-qc'],
    `UPDATE runs SET deleted_time = deleted_time - 31::bigint * 86400000 WHERE run_uuid IN ('${runs.old}', '${runs.used}')`,
  );
  const { succeeded, log } = await jobOf(namespace, 'collection', 'cleaner');
  expect(log).toContain('Removed 1 × run; 1 files');
  expect(succeeded).toBe(true);
  if (!process.env.E2E_KEEP) namespace.remove();
});
