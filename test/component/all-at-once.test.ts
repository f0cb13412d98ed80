import { Chart } from 'cdk8s';
import {
  Authentication,
  Exposure,
  MinioStore,
  ModelDeployer,
  ModelServing,
  PostgresStatefulSet,
  RegisteredModel,
  Tls,
  TrackingEndpoint,
} from '../../lib';
import { errorOf, synth } from '../support/synth';
import { addServer } from '../tracking/servers';

const host = 'https://mlflow.example.com';
const tracking = TrackingEndpoint.fromUrl('mlflow-server');
const model = RegisteredModel.byVersion('churn', '1');
const wrong = { podLabels: { 'a b': 'c' }, imageRegistry: 'http://registry' };
const ofPlacement = ["podLabels has the key 'a b'", "imageRegistry is 'http://registry'"];

describe('one error names everything that is wrong with', () => {
  test.each<[string, (chart: Chart) => unknown, string[]]>([
    [
      'a server: placement, props, login and the host of its Ingress',
      (chart) =>
        addServer(chart, {
          ...wrong,
          workers: 0,
          authentication: Authentication.basic({ realm: 'off' }),
          exposure: Exposure.ingress({ host, tls: Tls.fromIssuer('A b') }),
        }),
      [...ofPlacement, 'workers is 0', "realm is 'off'", `host is '${host}'`, "clusterIssuer of tls is 'A b'"],
    ],
    [
      'a server with MLflow’s own login and an HTTPRoute',
      (chart) =>
        addServer(chart, {
          workers: 0,
          authentication: Authentication.mlflow({ databaseName: 'Users' }),
          exposure: Exposure.httpRoute({ host, gateway: 'A b' }),
        }),
      ['workers is 0', "the database's name is 'Users'", `host is '${host}'`, "gateway is 'A b'"],
    ],
    [
      'a serving: placement, props, host and the address of its server',
      (chart) =>
        new ModelServing(chart, 'churn', {
          ...wrong,
          ...{ model, tracking, replicas: 0 },
          exposure: Exposure.ingress({ host }),
        }),
      [...ofPlacement, 'replicas is 0', `host is '${host}'`, "the URL of the tracking server is 'mlflow-server'"],
    ],
    [
      'a deployer: placement, props and the address of its server',
      (chart) => new ModelDeployer(chart, 'deployer', { ...wrong, tracking, replicas: 0 }),
      [...ofPlacement, 'replicas is 0', "the URL of the tracking server is 'mlflow-server'"],
    ],
    [
      'a database: name, placement and props',
      (chart) => new PostgresStatefulSet(chart, 'Database', { ...wrong, maxConnections: 0 }),
      ["the name is 'Database'", ...ofPlacement, 'maxConnections is 0'],
    ],
    [
      'a store: name, placement and props',
      (chart) => new MinioStore(chart, 'Store', { ...wrong, bucket: 'A' }),
      ["the name is 'Store'", ...ofPlacement, "bucket is 'A'"],
    ],
  ])('%s', (_, add, given) => {
    const lines = errorOf(() => synth((chart) => void add(chart))).split('\n');
    for (const each of given) expect(lines.filter((line) => line.includes(`: ${each}`))).toHaveLength(1);
  });
});
