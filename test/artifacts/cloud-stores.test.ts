import {
  ArtifactStore,
  AzureContainerProps,
  Credentials,
  GoogleBucketProps,
  IArtifactStore,
  MlflowPlatform,
} from '../../lib';
import { client } from '../support/components';
import { Rendered, errorOf, find, findByPrefix, synth } from '../support/synth';

const gke = Credentials.fromServiceAccount({
  'iam.gke.io/gcp-service-account': 'mlflow@project.iam.gserviceaccount.com',
});
const entra = Credentials.fromServiceAccount({
  'azure.workload.identity/client-id': '11111111-2222-3333-4444-555555555555',
});
const egress = [{ peer: { cidr: '10.1.2.0/24' }, port: 8443 }];
const google: GoogleBucketProps = { bucket: 'models', credentials: gke };
const allGoogle: Required<GoogleBucketProps> = {
  bucket: 'models',
  prefix: 'team-a/mlflow',
  credentials: Credentials.fromSecret('gcs-key', { passwordKey: 'service-account.json' }),
  egress,
};
const azure: AzureContainerProps = { account: 'mlflowmodels', container: 'models', credentials: entra };
const allAzure: Required<AzureContainerProps> = {
  account: 'mlflowmodels',
  container: 'models',
  prefix: 'team-a/mlflow',
  credentials: Credentials.fromSecret('azure-key', { passwordKey: 'key1' }),
  domain: 'blob.core.usgovcloudapi.net',
  egress,
};
const connect = (store: IArtifactStore) => store.connectFrom(client(0));

test.each<[string, IArtifactStore]>([
  ['Google Cloud Storage, by workload identity', ArtifactStore.fromGoogleBucket(google)],
  ['Google Cloud Storage, with all props', ArtifactStore.fromGoogleBucket(allGoogle)],
  ['Azure Blob Storage, by workload identity', ArtifactStore.fromAzureContainer(azure)],
  ['Azure Blob Storage, with all props', ArtifactStore.fromAzureContainer(allAzure)],
])('a connection to %s', (_, store) => {
  expect(store).toMatchObject({ sharedByReplicas: true, reachableByClients: true });
  expect({ uri: store.uri, ...connect(store) }).toMatchSnapshot();
});

test('the server stores artifacts below the folder, and the migration its dumps', () => {
  const objects = (artifacts: IArtifactStore) => synth((chart) => new MlflowPlatform(chart, 'mlflow', { artifacts }));
  const roots = [ArtifactStore.fromGoogleBucket(allGoogle), ArtifactStore.fromAzureContainer(allAzure)].map((store) => {
    const rendered = objects(store);
    const { initContainers, containers } = find(rendered, 'Deployment', 'mlflow-server').spec.template.spec;
    const { args } = [...initContainers, ...containers].find(({ name }: Rendered) => name === 'mlflow');
    const [migrate] = findByPrefix(rendered, 'Job', 'mlflow-server-migration-').spec.template.spec.containers;
    const { value } = migrate.env.find(({ name }: Rendered) => name === 'BACKUP_DESTINATION');
    return [args[args.indexOf('--artifacts-destination') + 1], value];
  });
  expect(roots).toEqual([
    ['gs://models/team-a/mlflow/artifacts', 'gs://models/team-a/mlflow/backups'],
    ['artifacts', 'backups'].map(
      (each) => `wasbs://models@mlflowmodels.blob.core.usgovcloudapi.net/team-a/mlflow/${each}`,
    ),
  ]);
});

test('the metadata server of GKE is reached only with the identity of the ServiceAccount', () => {
  expect(JSON.stringify(connect(ArtifactStore.fromGoogleBucket(google)).egress)).toContain('169.254.169.254/32');
  expect(connect(ArtifactStore.fromGoogleBucket(allGoogle)).egress).toEqual(egress);
});

test('Entra ID is reached with the identity of the ServiceAccount, also beside an egress of your own', () => {
  expect(connect(ArtifactStore.fromAzureContainer({ ...azure, egress })).egress).toEqual([
    ...egress,
    { peer: { anyone: true }, port: 443 },
  ]);
  expect(connect(ArtifactStore.fromAzureContainer(allAzure)).egress).toEqual(egress);
});

describe('refuses, with the path of the client', () => {
  test.each<[string, Partial<GoogleBucketProps>, string]>([
    ['a bucket with upper-case letters', { bucket: 'Models' }, "bucket is 'Models'; expected the name of a bucket"],
    ['a bucket named after Google', { bucket: 'my-google-models' }, "bucket is 'my-google-models'"],
    [
      'a folder with a slash at its end',
      { prefix: 'a/' },
      "prefix is 'a/'; expected a folder without slashes at its ends",
    ],
    [
      'generated credentials',
      { credentials: Credentials.generated() },
      "the bucket's credentials are generated; expected",
    ],
  ])('%s of Google', (_, props, message) => {
    const said = errorOf(() => connect(ArtifactStore.fromGoogleBucket({ ...google, ...props })));
    expect(said).toContain(message);
    expect(said).toContain(client(0).name);
  });

  test.each<[string, Partial<AzureContainerProps>, string]>([
    [
      'an account with a dash',
      { account: 'my-models' },
      "account is 'my-models'; expected the name of a storage account",
    ],
    [
      'a container with two dashes',
      { container: 'my--models' },
      "container is 'my--models'; expected the name of a container",
    ],
    [
      'a domain that MLflow does not know',
      { domain: 'blob.example.com' },
      "domain is 'blob.example.com'; expected 'blob.core",
    ],
    [
      'generated credentials',
      { credentials: Credentials.generated() },
      "the container's credentials are generated; expected",
    ],
  ])('%s of Azure', (_, props, message) => {
    expect(errorOf(() => connect(ArtifactStore.fromAzureContainer({ ...azure, ...props })))).toContain(message);
  });
});
