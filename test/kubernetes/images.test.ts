import { Chart } from 'cdk8s';
import {
  ArtifactStore,
  BackupTarget,
  Authentication,
  Credentials,
  Database,
  Exposure,
  ImageChoices,
  Images,
  MinioStore,
  MlflowPlatform,
  ModelServing,
  PostgresStatefulSet,
  RegisteredModel,
  SeaweedStore,
  ServingRuntime,
  TrackingEndpoint,
  TrackingServer,
} from '../../lib';
import { mirrored } from '../../lib/component/pod-options';
import { imageRule } from '../../lib/kubernetes/rules';
import { pages } from '../docs/pages';
import { Rendered, errorOf, synth } from '../support/synth';

const backup = { schedule: '0 2 * * *', target: BackupTarget.claim({ claimName: 'backups' }) };

/** Every image of every pod. */
function imagesOf(objects: Rendered[]): string[] {
  const containers = objects.flatMap(({ spec }) => {
    const pod = (spec?.jobTemplate?.spec ?? spec)?.template?.spec ?? {};
    return [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
  });
  return [...new Set<string>(containers.map(({ image }) => image))].sort();
}

test('every image of the library has a tag or digest and a registry', () => {
  for (const image of Object.values(Images) as string[]) {
    expect(imageRule(image).wrong).toBe(false);
    expect(image).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+\//);
  }
});

/** All default images, except those of CloudNativePostgres and Database.mysql(…), which other platforms use. */
const ofPlatform = (Object.values(Images) as string[]).filter(
  (image) => ![Images.CLOUD_NATIVE_POSTGRES, Images.MARIADB].includes(image),
);

test('a platform runs only images of lib/images.ts, with either store', () => {
  const everything = { backup, postgres: { metrics: true }, authentication: singleSignOn };
  const build = (chart: Chart) => {
    new MlflowPlatform(chart, 'mlflow', everything);
    new SeaweedStore(chart, 'seaweedfs');
  };
  expect(imagesOf(synth(build))).toEqual([...ofPlatform].sort());
});

const singleSignOn = Authentication.oidc({
  issuer: 'https://login.example.com',
  clientId: 'mlflow',
  credentials: Credentials.fromSecret('mlflow-sso'),
  publicUrl: 'https://mlflow.example.com',
});

describe('a mirror', () => {
  test.each(['registry.example.com/mirror', 'registry.example.com/mirror/', 'localhost:5000/mirror'])(
    '%s',
    (registry) => {
      const expected = `${registry.replace(/\/$/, '')}/library/postgres:17`;
      expect(mirrored('docker.io/library/postgres:17', { imageRegistry: registry })).toBe(expected);
    },
  );

  test('keeps the registries if it is not set', () => {
    expect(mirrored('docker.io/library/postgres:17', {})).toBe('docker.io/library/postgres:17');
  });

  test('replaces the registry of every image of a platform, those of Jobs included', () => {
    const pods = { imageRegistry: 'mirror.example.com' };
    for (const image of imagesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow', { pods })))) {
      expect(image).toMatch(/^mirror\.example\.com\//);
    }
  });

  test('does not change an image that is given by name', () => {
    const pods = { imageRegistry: 'mirror.example.com' };
    const postgres = { image: 'registry.example.com/postgres:17.6' };
    const images = imagesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow', { pods, postgres })));
    expect(images).toContain('registry.example.com/postgres:17.6');
  });
});

describe('images that the user chooses', () => {
  const images: Required<ImageChoices> = {
    mlflow: `registry.example.com/mlflow@sha256:${'1'.repeat(64)}`,
    postgres: `registry.example.com/postgres@sha256:${'2'.repeat(64)}`,
    postgresExporter: `registry.example.com/postgres-exporter@sha256:${'6'.repeat(64)}`,
    mariadb: `registry.example.com/mariadb@sha256:${'9'.repeat(64)}`,
    silo: `registry.example.com/silo@sha256:${'3'.repeat(64)}`,
    seaweedfs: `registry.example.com/seaweedfs@sha256:${'7'.repeat(64)}`,
    nginx: `registry.example.com/nginx@sha256:${'4'.repeat(64)}`,
    node: `registry.example.com/node@sha256:${'5'.repeat(64)}`,
    oauth2Proxy: `registry.example.com/oauth2-proxy@sha256:${'8'.repeat(64)}`,
    rclone: `registry.example.com/rclone@sha256:${'6'.repeat(64)}`,
  };
  const { mlflow, postgres, postgresExporter, mariadb, silo, seaweedfs, nginx, oauth2Proxy, node, rclone } = images;
  const model = RegisteredModel.byAlias('churn', 'champion');
  const exposure = Exposure.ingress({ host: 'churn.example.com' });
  const outputs: [string, (chart: Chart) => void, string[]][] = [
    [
      'a platform with servings',
      (chart) => {
        const platform = new MlflowPlatform(chart, 'mlflow', {
          authentication: Authentication.mlflow(),
          // The mirror does not change images that the user names.
          pods: { images, imageRegistry: 'mirror.example.com' },
          backup,
        });
        platform.addModelServing('churn', { model, exposure });
        const runtime = ServingRuntime.withRequirements({ indexUrl: 'https://pypi.example.com/simple' });
        platform.addModelServing('spam', { model, runtime });
      },
      [mlflow, postgres, silo, nginx, node, rclone],
    ],
    [
      'a platform on stores of its own',
      (chart) => {
        const database = Database.fromExisting({ host: 'db', credentials: Credentials.fromSecret('db') });
        const artifacts = ArtifactStore.fromBucket({ bucket: 'models', credentials: Credentials.fromSecret('s3') });
        new MlflowPlatform(chart, 'mlflow', { database, artifacts, pods: { images } });
      },
      [mlflow, postgres, nginx, node],
    ],
    [
      'a platform with a database on a MariaDB server',
      (chart) => {
        const database = Database.mysql({ host: 'db', credentials: Credentials.fromSecret('db') });
        const artifacts = ArtifactStore.fromBucket({ bucket: 'models', credentials: Credentials.fromSecret('s3') });
        new MlflowPlatform(chart, 'mlflow', { database, artifacts, pods: { images } });
      },
      [mlflow, mariadb, nginx, node],
    ],
    [
      'PostgresStatefulSet',
      (chart) => new PostgresStatefulSet(chart, 'postgres', { images, metrics: true }),
      [postgres, postgresExporter, node],
    ],
    ['MinioStore', (chart) => new MinioStore(chart, 'minio', { images }), [silo, node]],
    ['SeaweedStore', (chart) => new SeaweedStore(chart, 'seaweedfs', { images }), [seaweedfs, node]],
    [
      'TrackingServer',
      (chart) => {
        const database = new PostgresStatefulSet(chart, 'postgres', { images });
        const artifacts = new MinioStore(chart, 'minio', { images });
        new TrackingServer(chart, 'server', { database, artifacts, images, authentication: singleSignOn });
      },
      [mlflow, postgres, silo, nginx, oauth2Proxy, node],
    ],
    [
      'ModelServing',
      (chart) => {
        const credentials = Credentials.fromSecret('login');
        const tracking = TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000', { credentials });
        new ModelServing(chart, 'churn', { model: RegisteredModel.byVersion('churn', '7'), tracking, images });
      },
      [mlflow],
    ],
  ];

  test.each(outputs)('are used by every container: %s', (_name, build, expected) => {
    expect(imagesOf(synth(build))).toEqual([...expected].sort());
  });

  test('do not change the others', () => {
    const everything = {
      ...{ backup, postgres: { metrics: true }, authentication: singleSignOn },
      pods: { images: { node } },
    };
    const found = imagesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow', everything)));
    const others = ofPlatform.filter((image) => ![Images.NODE, Images.SEAWEEDFS].includes(image));
    expect(found).toEqual([...others, node].sort());
  });

  test("are overridden by a component's own image", () => {
    const own = 'registry.example.com/postgres:17.6';
    const found = imagesOf(synth((chart) => new PostgresStatefulSet(chart, 'postgres', { images, image: own })));
    expect(found).toEqual([own, node].sort());
  });

  test.each(Object.keys(images) as (keyof ImageChoices)[])('%s needs a tag or a digest', (name) => {
    const pods = { images: { [name]: 'registry.example.com/x' } };
    expect(errorOf(() => synth((chart) => new MlflowPlatform(chart, 'mlflow', { pods })))).toContain(
      `images.${name} is 'registry.example.com/x'; expected a tag`,
    );
  });
});

test('pages of the docs name images with the tags of lib/images.ts', () => {
  const wrong = pages
    // move-the-database.md names an image of the next major version of PostgreSQL.
    .filter(({ file }) => !file.startsWith('docs/reference/') && file !== 'docs/how-to/move-the-database.md')
    .flatMap(({ file, text }) =>
      (Object.values(Images) as string[]).flatMap((image) => {
        const [path] = image.split(/:(?=[^:]*$)/);
        const named = [...text.matchAll(new RegExp(`${path}:[\\w.-]*\\d[\\w.-]*`, 'g'))].map(([name]) => name);
        return named.filter((name) => name !== image).map((name) => `${file}: ${name}`);
      }),
    );
  expect(wrong).toEqual([]);
});
