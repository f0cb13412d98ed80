// docs/how-to/tls-inside.md: https from clients in the cluster to the pods, and between server and store, by an own authority.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { CertificateAuthority, Exposure, MlflowPlatform, RegisteredModel } from '../../lib';
import { Certificate, certificateFor, tlsSecret } from '../lib/certificate';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';

const namespace = new Namespace('mlflow-e2e-tls');
const names = (service: string) => [service, `${service}.${namespace.name}.svc`];
const server = certificateFor(...names('mlflow-server'));
const renewed = certificateFor(...names('mlflow-server'));
const store = certificateFor(...names('mlflow-minio'));
const serving = certificateFor(...names('churn-serving'));
const authorities = [server, renewed, serving].map(({ authority }) => authority).join('');
const AUTHORITY = '/tmp/authority.pem';
const SERVER = `https://mlflow-server.${namespace.name}.svc:5000`;

const platform = new Platform(namespace, 'mlflow', (chart) => {
  const mlflow = new MlflowPlatform(chart, 'mlflow', {
    authority: CertificateAuthority.fromConfigMap('company-ca'),
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2), tlsSecretName: 'minio-tls' },
    server: { resources: little, proxyResources: little, replicas: 1, tlsSecretName: 'server-tls' },
    deployer: { resources: little },
  });
  mlflow.addModelServing('churn', {
    model: RegisteredModel.byAlias('churn-prediction-model', 'champion'),
    exposure: Exposure.ingress({ host: 'churn.example.com' }),
    tlsSecretName: 'serving-tls',
    resources: little,
    proxyResources: little,
    replicas: 1,
  });
});
let client: ClientPod;

const withAuthority = (name: string, certificate: Certificate) => {
  const secret = tlsSecret(name, certificate) as { stringData: object };
  return { ...secret, stringData: { ...secret.stringData, 'ca.crt': certificate.authority } };
};
const seed = (name: string) => readFileSync(join(__dirname, '..', 'seed', name), 'utf8');
const restarts = () =>
  platform.servers().map(({ metadata, status }: any) => [metadata.name, status.containerStatuses[0].restartCount]);

/** Status and body of a GET by Python's own client, which trusts only what it is told. */
const GET = `
import json, ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
try:
    with urllib.request.urlopen(sys.argv[1], context=context, timeout=10) as answer:
        print(json.dumps([answer.status, answer.read().decode()]))
except urllib.error.HTTPError as refused:
    print(json.dumps([refused.code, refused.read().decode()]))
`;
function get(url: string, authority: string): [number, string] {
  client.run(['tee', '/tmp/one.pem'], { input: authority });
  const { status, stdout, stderr } = client.python(GET, [url, '/tmp/one.pem']);
  if (status !== 0) throw new Error(stderr.slice(-1000));
  return JSON.parse(stdout);
}

beforeAll(async () => {
  namespace.remove();
  platform.synth().apply();
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'company-ca' } };
  const items = [
    tlsSecret('server-tls', server),
    tlsSecret('serving-tls', serving),
    withAuthority('minio-tls', store),
    { ...configMap, data: { 'ca.crt': authorities } },
  ];
  namespace.create({ apiVersion: 'v1', kind: 'List', items });
  await platform.untilReady(1, 300);
  client = ClientPod.start(namespace, 'client', {
    env: { MLFLOW_TRACKING_URI: SERVER, MLFLOW_TRACKING_SERVER_CERT_PATH: AUTHORITY },
    secrets: throughTheProxy().secrets,
  });
  client.run(['tee', AUTHORITY], { input: authorities });
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

test("MLflow's own client trains, registers and moves artifacts by https, to a store that speaks https", () => {
  const trained = client.python(seed('train_with_mlflow.py'));
  expect([trained.status, trained.stderr.slice(-2000)]).toEqual([0, expect.anything()]);
  const moved = client.python(program('transfer.py'), ['20']);
  expect([moved.status, moved.stderr.slice(-2000)]).toEqual([0, expect.anything()]);
  expect(moved.stdout).toContain('"same": true');
});

test('plain http is refused, of the server and of the store', () => {
  const [status, body] = get(`http://mlflow-server.${namespace.name}.svc:5000/health`, authorities);
  expect([status, JSON.parse(body).message]).toEqual([400, 'This port speaks https only.']);
});

test('a client that does not trust the authority does not connect', () => {
  expect(() => get(`${SERVER}/health`, store.authority)).toThrow(/CERTIFICATE_VERIFY_FAILED/);
});

test('the deployer follows an alias, and the serving answers by https', async () => {
  const alias = `
from mlflow import MlflowClient
MlflowClient().set_registered_model_alias('churn-prediction-model', 'champion', '1')`;
  const set = client.python(alias);
  expect([set.status, set.stderr.slice(-2000)]).toEqual([0, expect.anything()]);
  await until('the serving is Ready', 300, () =>
    namespace.json<{ items: any[] }>('get', 'pods', '--selector', 'app=churn-serving').items.some(isReady),
  );
  // 401 is the answer of the tracking server, which the serving's nginx asks by https.
  const [status] = get(`https://churn-serving.${namespace.name}.svc:8081/version`, serving.authority);
  expect(status).toBe(401);
});

test('a renewed certificate is served without a restart', async () => {
  const before = restarts();
  expect(get(`${SERVER}/health`, server.authority)).toEqual([200, 'OK']);
  const { stringData } = tlsSecret('server-tls', renewed) as { stringData: object };
  namespace.kubectl('patch', 'secret', 'server-tls', '--patch', JSON.stringify({ stringData }));
  await until('the new certificate is served', 180, () => {
    try {
      return get(`${SERVER}/health`, renewed.authority)[0] === 200;
    } catch {
      return false;
    }
  });
  expect(() => get(`${SERVER}/health`, server.authority)).toThrow(/CERTIFICATE_VERIFY_FAILED/);
  expect(restarts()).toEqual(before);
});
