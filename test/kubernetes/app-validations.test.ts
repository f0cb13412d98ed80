import { mkdtempSync, readdirSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { Secret, k8s } from 'cdk8s-plus-27';
import { Credentials, MinioStore, MlflowPlatform, PostgresStatefulSet } from '../../lib';
import { errorOf, synth } from '../support/synth';
import { Thing } from '../support/thing';

const withPlatform = (build: (chart: Chart) => void) => () =>
  synth((chart) => {
    new MlflowPlatform(chart, 'mlflow');
    build(chart);
  });

describe('a Secret with data', () => {
  const refused =
    "chart/secret: the Secret 'login' has data, which would stand in YAML for anyone to read; expected " +
    "Credentials.generated(), or Credentials.fromSecret('name') with a Secret made outside";
  const metadata = { name: 'login' };

  test.each<[string, (chart: Chart) => void]>([
    ['data', (chart) => new k8s.KubeSecret(chart, 'secret', { metadata, data: { password: 'cGFzcw==' } })],
    ['stringData', (chart) => new k8s.KubeSecret(chart, 'secret', { metadata, stringData: { password: 'pass' } })],
    ['an empty value', (chart) => new k8s.KubeSecret(chart, 'secret', { metadata, stringData: { password: '' } })],
    [
      'a plain object',
      (chart) => new ApiObject(chart, 'secret', { apiVersion: 'v1', kind: 'Secret', metadata, data: { a: 'YQ==' } }),
    ],
    [
      'a JSON patch',
      (chart) => new k8s.KubeSecret(chart, 'secret', { metadata }).addJsonPatch(JsonPatch.add('/data', { a: 'YQ==' })),
    ],
  ])('is refused wherever the user made it: %s', (_, build) => {
    expect(errorOf(withPlatform(build))).toContain(refused);
  });

  test('is refused with its path where cdk8s-plus made it', () => {
    const build = (chart: Chart) => new Secret(chart, 'login').addStringData('password', 'pass');
    expect(errorOf(withPlatform(build))).toContain("chart/login/Resource: the Secret 'chart-login-");
  });

  test('is refused in another chart of the app', () => {
    const app = new App();
    new MlflowPlatform(new Chart(app, 'platform', { namespace: 'mlflow' }), 'mlflow');
    new k8s.KubeSecret(new Chart(app, 'other'), 'secret', { metadata, stringData: { a: 'b' } });
    expect(errorOf(() => app.synthYaml())).toContain("other/secret: the Secret 'login' has data");
  });

  test('is refused also where it was made before the platform', () => {
    const build = () =>
      synth((chart) => {
        new k8s.KubeSecret(chart, 'secret', { metadata, stringData: { a: 'b' } });
        new MinioStore(chart, 'minio');
      });
    expect(errorOf(build)).toContain(refused);
  });

  test('nothing is written then', () => {
    const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-mlflow-'));
    try {
      const app = new App({ outdir });
      const chart = new Chart(app, 'chart', { namespace: 'mlflow' });
      new MinioStore(chart, 'minio');
      new k8s.KubeSecret(chart, 'secret', { metadata, stringData: { a: 'b' } });
      expect(errorOf(() => app.synth())).toContain(refused);
      expect(readdirSync(outdir)).toEqual([]);
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });

  test('is told once, however many components there are', () => {
    const message = errorOf(
      withPlatform((chart) => new k8s.KubeSecret(chart, 'secret', { metadata, data: { a: 'YQ==' } })),
    );
    expect(message.match(/has data/g)).toHaveLength(1);
  });

  test('the message does not tell the data', () => {
    const build = withPlatform(
      (chart) => new k8s.KubeSecret(chart, 'secret', { metadata, stringData: { a: 'hunter2' } }),
    );
    expect(errorOf(build)).not.toContain('hunter2');
  });
});

test('a Secret without data is taken: a controller may fill it', () => {
  withPlatform((chart) => {
    const annotations = { 'replicator.example.com/from': 'other/login' };
    new k8s.KubeSecret(chart, 'secret', { metadata: { name: 'login', annotations }, type: 'Opaque', data: {} });
  })();
});

describe('two platforms', () => {
  const two = (build: (app: App) => void) => () => {
    const app = new App();
    build(app);
    return app.synthYaml();
  };
  const chart = (app: App, id: string, namespace?: string) => new Chart(app, id, { namespace });

  test('of one id in one namespace are refused, with both paths, the kind and the name', () => {
    const build = two((app) => {
      new MlflowPlatform(chart(app, 'a', 'mlflow'), 'mlflow');
      new MlflowPlatform(chart(app, 'b', 'mlflow'), 'mlflow');
    });
    expect(errorOf(build)).toContain(
      "b/mlflow/postgres/service-account: ServiceAccount 'mlflow-postgres' is made by a/mlflow/postgres/service-account " +
        "too in namespace 'mlflow', and so are 35 more objects; expected another id for one of them, or a namespace of its own",
    );
    expect(errorOf(build).split('\n')).toHaveLength(2);
  });

  test('of one id in one chart, in two constructs, are refused', () => {
    const build = two((app) => {
      const one = chart(app, 'a', 'mlflow');
      new MlflowPlatform(one, 'mlflow');
      new MinioStore(one, 'mlflow-minio');
    });
    expect(errorOf(build)).toContain(
      "a/mlflow-minio/service-account: ServiceAccount 'mlflow-minio' is made by a/mlflow/minio/",
    );
  });

  test('of one id in charts without namespace are refused', () => {
    const build = two((app) => {
      new Thing(chart(app, 'a'), 'store');
      new Thing(chart(app, 'b'), 'store');
    });
    expect(errorOf(build)).toMatch(/ConfigMap 'store' is made by a\/store\/config-map too; expected another id/);
  });

  test('of one id in two namespaces are taken', () => {
    two((app) => {
      new MlflowPlatform(chart(app, 'a', 'one'), 'mlflow');
      new MlflowPlatform(chart(app, 'b', 'two'), 'mlflow');
    })();
  });

  test('of two ids in one namespace are taken', () => {
    two((app) => {
      const one = chart(app, 'a', 'mlflow');
      new MlflowPlatform(one, 'blue');
      new MlflowPlatform(one, 'green');
    })();
  });

  // Each Service would send to the pods of both.
  test('parts of one instance whose pods have the same labels are refused', () => {
    const build = two((app) => {
      const platform = new MlflowPlatform(chart(app, 'a', 'mlflow'), 'mlflow');
      new MinioStore(platform, 'archive');
    });
    expect(errorOf(build)).toMatch(/a\/mlflow\/archive: .*a\/mlflow\/minio;/);
  });

  test('a part that stands alone with the id of a platform is refused: its pods would have the same labels', () => {
    const build = two((app) => {
      new MlflowPlatform(chart(app, 'a', 'mlflow'), 'mlflow');
      const [superuser, credentials] = [Credentials.fromSecret('x'), Credentials.fromSecret('y')];
      new PostgresStatefulSet(chart(app, 'b', 'mlflow'), 'mlflow', { superuser, credentials });
    });
    expect(errorOf(build)).toMatch(/b\/mlflow: .*a\/mlflow\/postgres;/);
  });
});

test("an object of the user's own with a name of ours is refused", () => {
  const build = withPlatform((chart) => new k8s.KubeService(chart, 'mine', { metadata: { name: 'mlflow-server' } }));
  expect(errorOf(build)).toContain("chart/mine: Service 'mlflow-server' is made by chart/mlflow/server/service too");
});

test("an object of the user's own with such a name in another namespace is taken", () => {
  const metadata = { name: 'mlflow-server', namespace: 'other' };
  withPlatform((chart) => new k8s.KubeService(chart, 'mine', { metadata }))();
});

test('objects of several API groups may share kind and name', () => {
  withPlatform((chart) => {
    for (const group of ['networking.k8s.io', 'example.com']) {
      new ApiObject(chart, group, { apiVersion: `${group}/v1`, kind: 'Ingress', metadata: { name: 'x' } });
    }
  })();
});
