import { App, Chart, Duration, Size } from 'cdk8s';
import { churn, elsewhere, platformWithServings, servingError, servingObjects } from './servings';
import {
  Credentials,
  MlflowPlatform,
  ModelServing,
  ModelServingOptions,
  RegisteredModel,
  ServingRuntime,
  TrackingEndpoint,
  WarmUp,
} from '../../lib';
import { errorOf, render, synth } from '../support/synth';

const { byAlias, byStage, byVersion } = RegisteredModel;
const requirements = (indexUrl: string) => ({ runtime: ServingRuntime.withRequirements({ indexUrl }) });

test.each<[Partial<ModelServingOptions>, string]>([
  [{ model: byVersion('churn', 'seven') }, "the model's version is 'seven'; expected a whole number from 1 on"],
  [{ model: byVersion('churn', '0') }, "version is '0'"],
  [{ model: byVersion('churn', '') }, "version is ''"],
  [{ model: byVersion('churn', '1.0') }, "version is '1.0'"],
  [{ model: byAlias('churn', '') }, "the model's alias is ''"],
  [{ model: byAlias('churn', 'latest') }, "alias is 'latest'"],
  [{ model: byAlias('churn', 'v2') }, "alias is 'v2'"],
  [{ model: byAlias('churn', 'my champion') }, "alias is 'my champion'"],
  [{ model: byStage('churn', 'production') }, "stage is 'production'; expected one of Staging, Production, Archived"],
  [{ model: byAlias('', 'champion') }, "the model's name is ''"],
  [{ model: byAlias('a/b', 'champion') }, "the model's name is 'a/b'; expected its name in the registry"],
  [{ replicas: 0 }, 'replicas is 0; expected a whole number of at least 1'],
  [{ replicas: 1.5 }, 'replicas is 1.5'],
  [{ replicas: 2, autoscaling: {} }, 'replicas is 2 and autoscaling is given'],
  [{ autoscaling: { minReplicas: 5, maxReplicas: 2 } }, 'minReplicas 5 and maxReplicas 2'],
  [{ maxConcurrentRequests: 0 }, 'maxConcurrentRequests is 0'],
  [{ requestTimeout: Duration.seconds(0) }, 'requestTimeout is 0 seconds'],
  [{ startTimeout: Duration.seconds(5) }, 'startTimeout is 5 seconds; expected whole seconds, at least 10'],
  [{ drainTimeout: Duration.millis(100) }, 'drainTimeout is 0.1 seconds'],
  [{ maxRequestSize: Size.kibibytes(0) }, 'maxRequestSize is 0Ki'],
  [{ modelSpace: Size.gibibytes(0) }, 'modelSpace is 0Gi'],
  [{ clients: [{}] }, 'clients has {}'],
  [{ runtime: ServingRuntime.image('churn') }, "the image of the runtime is 'churn'; expected a tag"],
  [requirements('pypi.org'), "indexUrl is 'pypi.org'; expected the address of a package index"],
  [requirements('https://me:secret@pypi.org/simple'), 'without a user'],
  [requirements('https://['), "indexUrl is 'https://['"],
  [{ warmUp: WarmUp.request('') }, "the body of the warm-up request is ''"],
  [{ warmUp: WarmUp.request('{') }, "the body of the warm-up request is '{'"],
  [{ warmUp: WarmUp.fromConfigMap('Samples', 'a') }, "the name of the ConfigMap of the warm-up request is 'Samples'"],
  [{ environment: { API_TOKEN: 'x' } }, 'environment has API_TOKEN; expected no secrets there'],
  [{ environment: { MODEL_VERSION: '3' } }, 'environment has MODEL_VERSION; expected without it'],
  [
    { environment: { MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT: '3' } },
    'environment has MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT; expected the prop requestTimeout',
  ],
  [{ environment: { MAX_REQUEST_BYTES: '3' } }, 'environment has MAX_REQUEST_BYTES; expected the prop maxRequestSize'],
])('refuses %j', (props, message) => {
  const said = servingError(props);
  expect(said).toContain('chart/churn: ');
  expect(said).toContain(message);
});

test.each(['Churn', 'my_model', 'm'.repeat(50)])('refuses the id %s, which is a prefix of names', (id) => {
  expect(servingError({}, id)).toContain(`the name is '${id}-serving'; expected a DNS label`);
});

test('the longest id makes names that Kubernetes takes', () => {
  for (const { metadata } of servingObjects({ warmUp: WarmUp.request('{}') }, 'm'.repeat(46))) {
    expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
  }
});

test('a warm-up request that is not JSON is accepted if its content type says so', () => {
  expect(() => servingObjects({ warmUp: WarmUp.request('a,b\n1,2\n', 'text/csv') })).not.toThrow();
});

describe('two servings of the same name', () => {
  test('of a platform are refused', () => {
    expect(
      errorOf(() =>
        synth((chart) => {
          const platform = new MlflowPlatform(chart, 'mlflow');
          platform.addModelServing('churn', { model: churn });
          platform.addModelServing('churn', { model: churn });
        }),
      ),
    ).toBe(
      "chart/mlflow: a serving 'churn' exists already; expected another id for one of the two, or a chart with a namespace of its own",
    );
  });

  test('from two charts of one namespace are refused', () => {
    const app = new App();
    const charts = ['a', 'b'].map((id) => new Chart(app, id, { namespace: 'ml-serving' }));
    for (const chart of charts) new ModelServing(chart, 'churn', { model: churn, tracking: elsewhere });
    expect(errorOf(() => render(charts[0]))).toContain(
      "'churn-serving' is made by a/churn/service-account too in namespace 'ml-serving'",
    );
  });

  test('in two namespaces are two servings, each with its own service user', () => {
    const app = new App();
    const charts = ['mlflow', 'a', 'b'].map((namespace) => new Chart(app, namespace, { namespace }));
    const platform = new MlflowPlatform(charts[0], 'mlflow');
    for (const chart of charts) platform.addModelServing('churn', { model: churn, chart });
    expect(() => charts.map(render)).not.toThrow();
  });
});

test.each<[string, () => TrackingEndpoint, string]>([
  ['a URL without a scheme', () => TrackingEndpoint.fromUrl('mlflow-server:5000'), "is 'mlflow-server:5000'"],
  ['a port that is none', () => TrackingEndpoint.fromUrl('http://mlflow:99999'), "is 'http://mlflow:99999'"],
  ['a URL with a user', () => TrackingEndpoint.fromUrl('http://a:b@mlflow:5000'), 'without a user'],
  [
    'generated credentials for a server elsewhere',
    () => TrackingEndpoint.fromUrl('http://mlflow:5000', { credentials: Credentials.generated() }),
    "expected Credentials.fromSecret('name')",
  ],
])('refuses %s', (_what, tracking, message) => {
  expect(errorOf(() => servingObjects({ tracking: tracking() }))).toContain(message);
});

test('refuses a server of another app', () => {
  const other = new MlflowPlatform(new Chart(new App(), 'other', { namespace: 'mlflow' }), 'mlflow');
  expect(errorOf(() => servingObjects({ tracking: TrackingEndpoint.fromServer(other.server) }))).toContain(
    'the tracking server other/mlflow/server is of another app; expected TrackingEndpoint.fromUrl',
  );
});

test('refuses to follow a serving with a fixed version', () => {
  expect(
    errorOf(() => {
      const { platform } = platformWithServings({});
      const serving = platform.addModelServing('fixed', { model: byVersion('churn', '3') });
      platform.follow(serving);
    }),
  ).toContain("the serving mlflow/mlflow/servings/fixed has the version '3'; expected RegisteredModel.byAlias");
});

test('refuses a second deployer for a serving', () => {
  expect(
    errorOf(() => {
      const { platform } = platformWithServings({});
      platform.follow(platform.addModelServing('churn', { model: churn }));
    }),
  ).toContain('the serving mlflow/mlflow/servings/churn is followed already; expected one deployer for it');
});
