import { mkdtempSync, readdirSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { ApiObject, App, Chart, JsonPatch, Testing } from 'cdk8s';
import { Secret, k8s } from 'cdk8s-plus-27';
import { Credentials, Exposure, MinioStore, MlflowPlatform, PostgresStatefulSet, RegisteredModel } from '../../lib';
import { SmallestComponent } from '../support/smallest-component';
import { errorOf, synth } from '../support/synth';

const withPlatform = (build: (chart: Chart) => void) => () =>
  synth((chart) => {
    new MlflowPlatform(chart, 'mlflow');
    build(chart);
  });

describe('a Secret with data', () => {
  const refused =
    "chart/mlflow/secret: the Secret 'login' has data, which would stand in YAML for anyone to read; expected " +
    "Credentials.generated(), or Credentials.fromSecret('name') with a Secret made outside";
  const metadata = { name: 'login' };
  const inPlatform = (build: (platform: MlflowPlatform) => void) => () =>
    synth((chart) => build(new MlflowPlatform(chart, 'mlflow')));

  test.each<[string, (platform: MlflowPlatform) => void]>([
    ['data', (platform) => new k8s.KubeSecret(platform, 'secret', { metadata, data: { password: 'cGFzcw==' } })],
    ['stringData', (platform) => new k8s.KubeSecret(platform, 'secret', { metadata, stringData: { a: 'pass' } })],
    ['an empty value', (platform) => new k8s.KubeSecret(platform, 'secret', { metadata, stringData: { a: '' } })],
    [
      'a plain object',
      (platform) =>
        new ApiObject(platform, 'secret', { apiVersion: 'v1', kind: 'Secret', metadata, data: { a: 'YQ==' } }),
    ],
    [
      'a JSON patch',
      (platform) =>
        new k8s.KubeSecret(platform, 'secret', { metadata }).addJsonPatch(JsonPatch.add('/data', { a: 'YQ==' })),
    ],
  ])('is refused in a platform: %s', (_, build) => {
    expect(errorOf(inPlatform(build))).toContain(refused);
  });

  test('is refused with its path if it is a cdk8s-plus construct', () => {
    const build = inPlatform((platform) => new Secret(platform, 'login').addStringData('password', 'pass'));
    expect(errorOf(build)).toContain("chart/mlflow/login/Resource: the Secret 'chart-mlflow-login-");
  });

  test('is refused in a component without a platform', () => {
    const build = () =>
      synth((chart) => {
        const store = new MinioStore(chart, 'minio');
        new k8s.KubeSecret(store, 'secret', { metadata, stringData: { a: 'b' } });
      });
    expect(errorOf(build)).toContain("chart/minio/secret: the Secret 'login' has data");
  });

  test('is accepted beside the platform and in other charts, because another tool may encrypt it', () => {
    const app = new App();
    const chart = new Chart(app, 'platform', { namespace: 'mlflow' });
    new MlflowPlatform(chart, 'mlflow');
    new k8s.KubeSecret(chart, 'secret', { metadata, stringData: { a: 'b' } });
    new k8s.KubeSecret(new Chart(app, 'other'), 'secret', { metadata, stringData: { a: 'b' } });
    expect(app.synthYaml().match(/kind: Secret\n/g)).toHaveLength(2);
  });

  test('prevents that any file is written', () => {
    const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-mlflow-'));
    try {
      const app = new App({ outdir });
      const store = new MinioStore(new Chart(app, 'chart', { namespace: 'mlflow' }), 'mlflow');
      new k8s.KubeSecret(store, 'secret', { metadata, stringData: { a: 'b' } });
      expect(errorOf(() => app.synth())).toContain(refused);
      expect(readdirSync(outdir)).toEqual([]);
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });

  test('is reported once for any number of components, and without the data', () => {
    const message = errorOf(
      inPlatform((platform) => new k8s.KubeSecret(platform, 'secret', { metadata, stringData: { a: 'hunter2' } })),
    );
    expect(message.match(/has data/g)).toHaveLength(1);
    expect(message).not.toContain('hunter2');
  });
});

describe('two exposures', () => {
  const host = 'mlflow.example.com';
  const exposed = (app: App, id: string, exposure: Exposure) =>
    new MlflowPlatform(new Chart(app, id, { namespace: id }), 'mlflow', { exposure });

  test.each([
    ['Ingress', Exposure.ingress({ host })],
    ['HTTPRoute', Exposure.httpRoute({ host, gateway: 'public' })],
  ])('of one host and path are refused for an Ingress and an %s', (kind, other) => {
    const app = new App();
    exposed(app, 'a', Exposure.ingress({ host }));
    exposed(app, 'b', other);
    const name = kind === 'Ingress' ? 'ingress' : 'route';
    expect(errorOf(() => app.synthYaml())).toContain(
      `b/mlflow/server/${name}: ${kind} 'mlflow-${name}' has the address 'mlflow.example.com/', which Ingress ` +
        "'mlflow-ingress' of a/mlflow/server/ingress has too; expected a host of its own for each exposure",
    );
  });

  test('of one host are also refused for a serving and its platform', () => {
    const app = new App();
    const model = RegisteredModel.byVersion('churn', '7');
    exposed(app, 'a', Exposure.ingress({ host })).addModelServing('churn', {
      model,
      exposure: Exposure.ingress({ host }),
    });
    expect(errorOf(() => app.synthYaml())).toContain(
      "a/mlflow/servings/churn/ingress: Ingress 'churn-serving-ingress'",
    );
  });

  test('of two hosts are accepted, also with an Ingress of the user', () => {
    const app = new App();
    exposed(app, 'a', Exposure.ingress({ host }));
    exposed(app, 'b', Exposure.ingress({ host: 'other.example.com' }));
    const spec = { rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: {} }] } }] };
    new k8s.KubeIngress(new Chart(app, 'c'), 'canary', { metadata: { name: 'canary' }, spec });
    app.synthYaml();
  });
});

describe('the validation, which cdk8s calls for each chart and each synth,', () => {
  const configMap = (chart: Chart, id: string, name: string) =>
    new ApiObject(chart, id, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });

  test('visits the same tree once', () => {
    const app = new App();
    const charts = ['a', 'b', 'c', 'd'].map((id) => new Chart(app, id, { namespace: id }));
    for (const chart of charts) new SmallestComponent(chart, 'smallest');
    const object = configMap(charts[0], 'counted', 'counted');
    const scopes = jest.spyOn(object.node, 'scopes', 'get');
    app.synthYaml();
    expect(scopes).toHaveBeenCalledTimes(1);
  });

  test('visits a tree again if its nodes changed but not their number', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'mlflow' });
    new SmallestComponent(chart, 'smallest');
    configMap(chart, 'a', 'a');
    configMap(chart, 'b', 'b');
    Testing.synth(chart);
    chart.node.tryRemoveChild('b');
    configMap(chart, 'c', 'a');
    expect(errorOf(() => Testing.synth(chart))).toContain("chart/c: ConfigMap 'a' is made by chart/a too");
  });

  test('detects a JSON patch that adds data to a Secret', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'mlflow' });
    const secret = new k8s.KubeSecret(new MlflowPlatform(chart, 'mlflow'), 'secret', { metadata: { name: 'login' } });
    Testing.synth(chart);
    secret.addJsonPatch(JsonPatch.add('/data', { a: 'YQ==' }));
    expect(errorOf(() => Testing.synth(chart))).toContain("the Secret 'login' has data");
  });
});

test('a Secret without data is accepted, because a controller may fill it', () => {
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
      new SmallestComponent(chart(app, 'a'), 'store');
      new SmallestComponent(chart(app, 'b'), 'store');
    });
    expect(errorOf(build)).toMatch(/ConfigMap 'store' is made by a\/store\/config-map too; expected another id/);
  });

  test('of one id in two namespaces are accepted', () => {
    two((app) => {
      new MlflowPlatform(chart(app, 'a', 'one'), 'mlflow');
      new MlflowPlatform(chart(app, 'b', 'two'), 'mlflow');
    })();
  });

  test('of two ids in one namespace are accepted', () => {
    two((app) => {
      const one = chart(app, 'a', 'mlflow');
      new MlflowPlatform(one, 'blue');
      new MlflowPlatform(one, 'green');
    })();
  });

  // Each Service would send requests to the pods of both.
  test('parts of one instance whose pods have the same labels are refused', () => {
    const build = two((app) => {
      const platform = new MlflowPlatform(chart(app, 'a', 'mlflow'), 'mlflow');
      new MinioStore(platform, 'archive');
    });
    expect(errorOf(build)).toMatch(/a\/mlflow\/archive: .*a\/mlflow\/minio;/);
  });

  test('a component with the id of a platform is refused, because its pods would have the same labels', () => {
    const build = two((app) => {
      new MlflowPlatform(chart(app, 'a', 'mlflow'), 'mlflow');
      const [superuser, credentials] = [Credentials.fromSecret('x'), Credentials.fromSecret('y')];
      new PostgresStatefulSet(chart(app, 'b', 'mlflow'), 'mlflow', { superuser, credentials });
    });
    expect(errorOf(build)).toMatch(/b\/mlflow: .*a\/mlflow\/postgres;/);
  });
});

test('an object of the user with the name of one of the library is refused', () => {
  const build = withPlatform((chart) => new k8s.KubeService(chart, 'mine', { metadata: { name: 'mlflow-server' } }));
  expect(errorOf(build)).toContain("chart/mine: Service 'mlflow-server' is made by chart/mlflow/server/service too");
});

test('an object of the user with such a name in another namespace is accepted', () => {
  const metadata = { name: 'mlflow-server', namespace: 'other' };
  withPlatform((chart) => new k8s.KubeService(chart, 'mine', { metadata }))();
});

test('objects of different API groups may have the same kind and name', () => {
  withPlatform((chart) => {
    for (const group of ['networking.k8s.io', 'example.com']) {
      new ApiObject(chart, group, { apiVersion: `${group}/v1`, kind: 'Ingress', metadata: { name: 'x' } });
    }
  })();
});
