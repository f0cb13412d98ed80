import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  Authentication,
  BackupTarget,
  CertificateAuthority,
  Credentials,
  Exposure,
  MlflowPlatform,
  MlflowPlatformProps,
  Tls,
} from '../lib';
import { Rendered, errorOf, find, namesOf, ofKind, render, snapshotOf, synth } from './support/synth';
import { containerOf, existingBucket, existingDatabase } from './tracking/servers';

const platform = (props: MlflowPlatformProps = {}, id = 'mlflow') =>
  synth((chart) => new MlflowPlatform(chart, id, props));
const error = (props: MlflowPlatformProps, id = 'mlflow') => errorOf(() => platform(props, id));
const pods = (objects: Rendered[]) => objects.filter(({ spec }) => spec?.template?.spec.containers);

const all: Required<MlflowPlatformProps> = {
  labels: { 'cost-center': '4711' },
  annotations: { 'example.com/contact': 'ml@example.com' },
  authority: CertificateAuthority.fromConfigMap('company-ca'),
  authentication: Authentication.mlflow({ admin: Credentials.fromSecret('admin') }),
  exposure: Exposure.ingress({ host: 'mlflow.example.com', tls: Tls.fromSecret('certificate') }),
  database: existingDatabase(),
  artifacts: existingBucket(),
  postgres: { storage: Size.gibibytes(10), databaseName: 'tracking' },
  minio: { storage: Size.gibibytes(20), bucket: 'models' },
  server: { replicas: 2, resources: { cpu: { request: Cpu.millis(100) } } },
  deployer: { pollInterval: Duration.seconds(10) },
  backup: { schedule: '0 2 * * *', target: BackupTarget.claim({ claimName: 'backups' }) },
  garbageCollection: { schedule: '0 4 * * 6', olderThan: Duration.days(7) },
  pods: { nodeSelector: { pool: 'ml' }, podLabels: { team: 'ml' } },
};

test('a platform without options has these objects', () => {
  expect(snapshotOf(platform())).toMatchSnapshot();
});

test('a platform with every option of its own parts has these objects', () => {
  const { database, artifacts, ...embedded } = all;
  expect(snapshotOf(platform(embedded))).toMatchSnapshot();
});

test('a platform with every option on existing parts has these objects', () => {
  const { postgres, minio, ...external } = all;
  expect(snapshotOf(platform(external))).toMatchSnapshot();
});

describe('options of a platform', () => {
  test('apply to the database', () => {
    const objects = platform({ postgres: all.postgres });
    const [claim] = find(objects, 'StatefulSet', 'mlflow-postgres').spec.volumeClaimTemplates;
    expect(claim.spec.resources.requests.storage).toBe('10Gi');
    const server = containerOf(find(objects, 'Deployment', 'mlflow-server').spec.template, 'mlflow');
    expect(server.env).toContainEqual({ name: 'PGDATABASE', value: 'tracking' });
  });

  test('apply to the store', () => {
    const objects = platform({ minio: all.minio });
    const [claim] = find(objects, 'StatefulSet', 'mlflow-minio').spec.volumeClaimTemplates;
    expect(claim.spec.resources.requests.storage).toBe('20Gi');
    const server = containerOf(find(objects, 'Deployment', 'mlflow-server').spec.template, 'mlflow');
    expect(server.args).toContain('s3://models/artifacts');
  });

  test('apply to the server', () => {
    const objects = platform({ server: all.server });
    expect(find(objects, 'Deployment', 'mlflow-server').spec.replicas).toBe(2);
  });

  test('apply to all pods, those of Jobs included', () => {
    const objects = pods(platform({ pods: all.pods }));
    expect(objects).toHaveLength(7);
    for (const { spec } of objects) {
      expect(spec.template.spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', pool: 'ml' });
      expect(spec.template.metadata.labels.team).toBe('ml');
    }
  });

  test('are overridden by a part’s own', () => {
    const objects = platform({ pods: all.pods, minio: { nodeSelector: { disk: 'big' } } });
    const selectorOf = (name: string) => find(objects, 'StatefulSet', name).spec.template.spec.nodeSelector;
    expect(selectorOf('mlflow-minio')).toEqual({ 'kubernetes.io/os': 'linux', disk: 'big' });
    expect(selectorOf('mlflow-postgres')).toEqual({ 'kubernetes.io/os': 'linux', pool: 'ml' });
  });

  test('replace the registry of every image, except images that are given by name', () => {
    const image = 'ghcr.io/example/mlflow:v3.17.2';
    const objects = pods(platform({ pods: { imageRegistry: 'registry.example.com/mirror' }, server: { image } }));
    const images = objects.flatMap(({ spec }) =>
      [...(spec.template.spec.initContainers ?? []), ...spec.template.spec.containers].map((each: any) => each.image),
    );
    const elsewhere = images.filter((each) => !each.startsWith('registry.example.com/mirror/'));
    expect([...new Set(elsewhere)]).toEqual([image]);
  });
});

describe('existing parts', () => {
  test('are not created: an existing database and bucket need no StatefulSet', () => {
    const objects = platform({ database: existingDatabase(), artifacts: existingBucket() });
    expect(ofKind(objects, 'StatefulSet')).toEqual([]);
    expect(namesOf(objects).filter((name) => /postgres|minio/.test(name))).toEqual([]);
    const server = containerOf(find(objects, 'Deployment', 'mlflow-server').spec.template, 'mlflow');
    expect(server.env).toContainEqual({ name: 'PGHOST', value: 'db.example.com' });
    expect(server.args).toContain('s3://models/artifacts');
  });

  test.each([
    ['database', { database: existingDatabase() }, ['mlflow-minio']],
    ['store', { artifacts: existingBucket() }, ['mlflow-postgres']],
  ])('can be only the %s', (_what, props, names) => {
    expect(ofKind(platform(props), 'StatefulSet').map(({ metadata }) => metadata.name)).toEqual(names);
  });

  test('are properties of the platform', () => {
    const database = existingDatabase();
    synth((chart) => {
      const made = new MlflowPlatform(chart, 'mlflow', { database });
      expect(made.database).toBe(database);
      expect(made.server.url).toBe('http://mlflow-server.mlflow.svc:5000');
    });
  });
});

describe('a platform refuses', () => {
  test.each<[string, MlflowPlatformProps]>([
    ['database and postgres', { database: existingDatabase(), postgres: {} }],
    ['artifacts and minio', { artifacts: existingBucket(), minio: {} }],
  ])('%s together', (both, props) => {
    expect(error(props)).toBe(`chart/mlflow: ${both} are both given; expected one of the two`);
  });

  test.each(['MLflow', 'my_mlflow', '-mlflow', 'a'.repeat(38)])('the id %s', (id) => {
    expect(error({}, id)).toContain(
      `chart/${id}: the id of the platform is '${id}'; expected a DNS label of at most 37`,
    );
  });

  test('accepts an id of the greatest length, and no name is too long', () => {
    const longest = platform({}, 'a'.repeat(37)).map(({ metadata }) => metadata.name.length);
    expect(Math.max(...longest)).toBeLessThanOrEqual(63);
  });

  test.each(['https://registry.example.com', 'registry example', ''])('the mirror %j', (imageRegistry) => {
    const message = error({ pods: { imageRegistry } });
    expect(message).toContain(`imageRegistry is '${imageRegistry}'`);
    expect(message).toContain('without scheme');
  });

  test('a second platform of the same name in one namespace, with the path of the first', () => {
    const app = new App();
    const [, second] = ['first', 'second'].map((id) => {
      const chart = new Chart(app, id, { namespace: 'mlflow' });
      new MlflowPlatform(chart, 'mlflow');
      return chart;
    });
    expect(errorOf(() => render(second))).toContain(
      "second/mlflow/postgres/service-account: ServiceAccount 'mlflow-postgres' is made by " +
        "first/mlflow/postgres/service-account too in namespace 'mlflow', and so are",
    );
  });
});

test('a platform finds its objects by their ids, and lists the existing ones', () => {
  const mlflow = new MlflowPlatform(new Chart(new App(), 'chart', { namespace: 'web' }), 'mlflow');
  expect(mlflow.apiObject('credentials/job').kind).toBe('Job');
  expect(mlflow.apiObject('server/deployment').name).toBe('mlflow-server');
  expect(errorOf(() => mlflow.apiObject('deployment'))).toMatch(
    /^chart\/mlflow: the object 'deployment' does not exist; expected one of .*'postgres\/stateful-set', /,
  );
});
