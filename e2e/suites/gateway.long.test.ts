// MLflow's own client through a Gateway with TLS and HTTPRoutes, to the platform and to a serving.
import { Duration } from 'cdk8s';
import { Exposure, RegisteredModel } from '../../lib';
import { certificateFor } from '../lib/certificate';
import { loginOf } from '../lib/client';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Gateway } from '../lib/gateway';
import { Caller, Lines } from '../lib/lines';
import { Namespace } from '../lib/namespace';
import { plainHttp } from '../lib/plain-http';
import { little } from '../lib/platform';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { ServingPlatform } from '../lib/serving-platform';

const HOST = 'mlflow.example.com';
const MODEL_HOST = 'line.example.com';
const AUTHORITY = '/tmp/authority.pem';
const gateway = new Gateway();
const tls = certificateFor(HOST, MODEL_HOST);
const exposure = (host: string) =>
  Exposure.httpRoute({ host, gateway: gateway.name, gatewayNamespace: gateway.namespace.name });
const platform = new ServingPlatform(
  'mlflow-e2e-gateway',
  (mlflow, chart) =>
    mlflow.addModelServing('line', {
      chart,
      model: RegisteredModel.byAlias('line', 'champion'),
      exposure: exposure(MODEL_HOST),
      resources: little,
      proxyResources: little,
      startTimeout: Duration.seconds(300),
      replicas: 1,
    }),
  { exposure: exposure(HOST) },
);
const { namespace, models } = platform;
let port: number;
let client: ClientPod;

beforeAll(async () => {
  platform.remove();
  // First, because it creates the CRD of HTTPRoute.
  gateway.start(tls);
  platform.apply();
  await platform.untilServerReady(400);
  port = (await gateway.traefik.forward()).http;
  await until('the Gateway has the route', 60, async () => (await plainHttp(port, HOST, '/health')).status === 308);
  const address = gateway.traefik.address();
  client = ClientPod.start(namespace, 'client', {
    hosts: { [HOST]: address, [MODEL_HOST]: address },
    env: {
      MLFLOW_TRACKING_URI: `https://${HOST}`,
      MLFLOW_TRACKING_SERVER_CERT_PATH: AUTHORITY,
      REQUESTS_CA_BUNDLE: AUTHORITY,
    },
    secrets: throughTheProxy().secrets,
  });
  expect(client.run(['tee', AUTHORITY], { input: tls.authority })).toMatchObject({ status: 0 });
});

afterAll(() => {
  gateway.traefik.leave();
  if (process.env.E2E_KEEP) return;
  platform.remove();
  gateway.remove();
});

test.each<[string, Namespace, string]>([
  ['the platform', namespace, 'mlflow-route'],
  ['a serving', models, 'line-serving-route'],
])('the Gateway accepts the route of %s and finds its Service', (_what, space, route) => {
  const [parent] = space.json('get', 'httproute', route).status.parents;
  const conditions = parent.conditions.map(({ type, status }: any) => [type, status]);
  expect(Object.fromEntries(conditions)).toMatchObject({ Accepted: 'True', ResolvedRefs: 'True' });
});

test('the Gateway redirects plain http to https and does not ask for a password first', async () => {
  for (const path of ['/', '/api/2.0/mlflow/experiments/get?experiment_id=0']) {
    const answer = await plainHttp(port, HOST, path);
    expect(answer).toEqual({ status: 308, location: `https://${HOST}${path}`, asks: undefined });
  }
});

test('the platform refuses requests without a login and with a wrong password', () => {
  const { stdout, stderr } = client.python(`import os, requests
url = os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/experiments/get?experiment_id=0'
login = os.environ['MLFLOW_TRACKING_USERNAME'], os.environ['MLFLOW_TRACKING_PASSWORD']
print([requests.get(url, auth=auth).status_code for auth in (None, (login[0], 'wrong'), login)])`);
  expect([stdout, stderr]).toEqual(['[401, 401, 200]\n', '']);
});

describe("MLflow's own client, by host name and TLS", () => {
  test('logs a run with an artifact, and reads it', () => {
    const { status, stdout, stderr } = client.python(program('runs.py'), ['log', 'by the Gateway']);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    const id = stdout.trim().split('\n').pop()!;
    expect(client.python(program('runs.py'), ['read', 'by the Gateway', id])).toMatchObject({ status: 0 });
  });

  test('uploads an artifact of 64 MiB and downloads it', () => {
    const { status, stdout, stderr } = client.python(program('transfer.py'), ['64']);
    expect([status, stderr.slice(-2000)]).toEqual([0, expect.anything()]);
    expect(stdout).toMatch(/^\{"up": [\d.]+, "down": [\d.]+, "same": true\}$/m);
    process.stdout.write(`64 MiB through the Gateway: ${stdout.trim().split('\n').pop()} s\n`);
  });
});

describe('a serving', () => {
  test('redirects plain http, asks for a login, and accepts the users of the tracking server', async () => {
    const lines = Lines.start(namespace);
    lines.train();
    lines.setAlias('champion', '1');
    const caller = new Caller(client, `https://${MODEL_HOST}/invocations`, lines);
    const { username, password } = loginOf(namespace, 'mlflow-basic-auth');
    const answer = (...login: string[]) => caller.post(undefined, undefined, ...login);
    await until('version 1 answers', 300, () => answer(username, password).startsWith('200 '));
    expect(caller.predictions(answer(username, password))).toEqual(lines.predictions['1']);
    expect(answer()).toMatch(/^401 /);
    expect(answer(username, 'wrong')).toMatch(/^401 /);
    const plain = await plainHttp(port, MODEL_HOST, '/invocations');
    expect(plain).toEqual({ status: 308, location: `https://${MODEL_HOST}/invocations`, asks: undefined });
  });
});
