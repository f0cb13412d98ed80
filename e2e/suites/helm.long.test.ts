// docs/how-to/helm.md on a cluster, with a real Helm: the chart of the page, with a namespace and requests of the test, is
// installed, upgraded, removed and installed again.
import { code, HelmChart } from '../../test/support/helm';
import { htpasswd, Login } from '../lib/client';
import { Namespace } from '../lib/namespace';
import { isReady, Pod } from '../lib/pods';
import { until } from '../lib/process';
import { logRun, readRun } from '../lib/runs';

const namespace = new Namespace('mlflow-e2e-helm');
const platform = { namespace, name: 'mlflow' };
const login: Login = { username: 'mlflow-user', password: 'a password of the test' };
const little = '{ cpu: { request: Cpu.millis(20) }, memory: { request: Size.mebibytes(128) } }';
const text = code.text
  .replace(/import \{ *\} from 'cdk8s-plus-27'/, "import { Cpu } from 'cdk8s-plus-27'")
  .replace("namespace: 'mlflow'", `namespace: '${namespace.name}'`)
  .replaceAll('{ storage:', `{ resources: ${little}, storage:`)
  .replace('  postgres:', `  server: { resources: ${little}, proxyResources: ${little}, replicas: 1 },\n  postgres:`);
let chart: HelmChart;
let run: string;

function install(host: string): number {
  const start = Date.now();
  const values = [`host=${host}`, 'peopleSecret=people', 'databaseSize=1Gi', 'artifactsSize=1Gi'];
  chart.helm(
    ...['upgrade', '--install', 'mlflow', 'chart', '--namespace', namespace.name, '--wait', '--timeout', '9m'],
    ...values.flatMap((value) => ['--set', value]),
  );
  return (Date.now() - start) / 1000;
}

const servers = () => namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', 'app=mlflow-server').items;
const claims = () =>
  namespace.kubectl('get', 'pvc', '--output', 'jsonpath={.items[*].metadata.name}').split(' ').sort();

/** The status of a request with this Host header. */
async function asked(host: string): Promise<number> {
  const { stdout } = namespace.try([
    ...['exec', 'deployment/mlflow-server', '-c', 'mlflow', '--', 'python', '-c'],
    `import http.client
connection = http.client.HTTPConnection('127.0.0.1', 8080)
connection.request('GET', '/api/2.0/mlflow/experiments/get?experiment_id=0', headers={
    'Host': '${host}', 'Authorization': 'Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}'})
print(connection.getresponse().status)`,
  ]);
  return Number(stdout);
}

beforeAll(() => {
  namespace.remove();
  namespace.kubectl('create', 'namespace', namespace.name);
  namespace.kubectl('label', 'namespace', namespace.name, 'pod-security.kubernetes.io/enforce=restricted');
  namespace.kubectl('create', 'secret', 'generic', 'people', `--from-literal=auth=${htpasswd(login)}`);
  chart = new HelmChart({ ...code, text });
});

afterAll(() => {
  chart?.remove();
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('helm upgrade --install --wait returns when the servers are Ready, and they answer for the host', async () => {
  process.stdout.write(`installed: ${install('one.example.com').toFixed(0)} s\n`);
  expect(servers().filter(isReady)).toHaveLength(1);
  expect([await asked('one.example.com'), await asked('two.example.com')]).toEqual([200, 403]);
  run = await logRun(platform, login, 'before');
});

test('an upgrade with another host replaces the servers, which answer for the new host only', async () => {
  const before = servers().map(({ metadata }) => metadata.uid);
  process.stdout.write(`another host: ${install('two.example.com').toFixed(0)} s\n`);
  await until('the old server is gone', 120, () => servers().length === 1);
  expect(before).not.toContain(servers()[0].metadata.uid);
  expect([await asked('one.example.com'), await asked('two.example.com')]).toEqual([403, 200]);
  const { rules } = namespace.json('get', 'ingress', 'mlflow-ingress').spec;
  expect(rules.map(({ host }: { host: string }) => host)).toEqual(['two.example.com']);
});

test('an upgrade without a change restarts nothing', () => {
  const uids = () =>
    namespace
      .json<{ items: Pod[] }>('get', 'pods')
      .items.map(({ metadata }) => metadata.uid)
      .sort();
  const before = uids();
  install('two.example.com');
  expect(uids()).toEqual(before);
});

test('helm uninstall keeps the volumes, and a new install has the runs and the files', async () => {
  const before = claims();
  expect(before).toHaveLength(2);
  chart.helm('uninstall', 'mlflow', '--namespace', namespace.name, '--wait', '--timeout', '5m');
  await until('no pod is left', 120, () => namespace.json('get', 'pods').items.length === 0);
  expect(claims()).toEqual(before);
  install('two.example.com');
  await readRun(platform, login, 'before', run);
});
