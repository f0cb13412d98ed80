// Without a password only /health answers: to a pod of the same namespace, to one of another namespace and to the node,
// with the platform's NetworkPolicies and without any.
import { basic, loginOf } from '../lib/client';
import { ClientPod } from '../lib/client-pod';
import { Intruders, gotIn, openPorts } from '../lib/intruders';
import { Namespace } from '../lib/namespace';
import { restarts } from '../lib/pods';
import { until } from '../lib/process';
import { program } from '../lib/program';
import { twoLogins, untilBothAreReady } from '../lib/two-logins';

const namespace = new Namespace('mlflow-e2e-login');
const elsewhere = new Namespace('mlflow-e2e-login-foreign');
const ofTheNode = new Namespace('mlflow-e2e-login-node');
const monitoring = new Namespace('monitoring');
const platform = twoLogins(namespace);
/** What MLflow serves without its own login: settings, and files of its pages. It answers 500 to what it cannot parse. */
const OPEN = ['/static', '/api/3.0/mlflow/server-info', '/ajax-api/3.0/mlflow/server-info'];
const ITS_OWN = ['--at-once', '8', '--refusal', '500', '--open', ...OPEN];
const EXPERIMENTS = '/api/2.0/mlflow/experiments/search?max_results=1000';

let intruders: Intruders;
let monitor: ClientPod;
let madeMonitoring = false;
let atFirst: unknown[];
/** Addresses of pods and Services, by name. Headless Services have none. */
const addresses: Record<string, string> = {};
const APPS = { server: 'mlflow-server', own: 'own', postgres: 'mlflow-postgres', minio: 'mlflow-minio' };

beforeAll(async () => {
  for (const each of [namespace, elsewhere, ofTheNode]) each.remove();
  platform.synth().apply();
  intruders = Intruders.start(namespace, elsewhere, ofTheNode);
  madeMonitoring = monitoring.try(['create', 'namespace', monitoring.name]).status === 0;
  // The namespace may belong to the cluster, and an aborted run may have left its pod in it.
  monitoring.kubectl('delete', 'pod', 'mlflow-e2e-login', '--ignore-not-found', '--grace-period=1');
  monitor = ClientPod.start(monitoring, 'mlflow-e2e-login');
  await untilBothAreReady(platform);
  for (const [name, app] of Object.entries(APPS)) addresses[name] = platform.pods(`app=${app}`)[0].status.podIP!;
  for (const { metadata, spec } of namespace.json<{ items: any[] }>('get', 'services').items) {
    if (spec.clusterIP !== 'None') addresses[`Service ${metadata.name}`] = spec.clusterIP;
  }
  atFirst = restartsOfAll();
});

const restartsOfAll = () =>
  [...platform.pods(), ...platform.pods('app=own')].map((pod) => [pod.metadata.name, restarts(pod)]);

afterAll(() => {
  monitor?.remove();
  if (process.env.E2E_KEEP) return;
  for (const each of [namespace, elsewhere, ofTheNode]) each.remove();
  const others = () => monitoring.json<{ items: any[] }>('get', 'pods').items.length;
  if (madeMonitoring && others() === 0) monitoring.remove();
});

const attackProxies = async (from: ClientPod) => {
  const nginx = [`${addresses.server}:8080`, `${addresses['Service mlflow-server']}:5000`];
  return [
    ...(await gotIn(from, 900, 'attack.py', ...nginx)),
    ...(await gotIn(from, 450, 'attack.py', `${addresses.own}:8080`, ...ITS_OWN)),
  ];
};
const METRICS = ['--open', '/metrics', '--gives', '# HELP mlflow_exporter_info'];
const attackMetrics = (from: ClientPod) =>
  gotIn(from, 900, 'attack.py', `${addresses.server}:9090`, `${addresses.own}:9090`, ...METRICS);
const attackStores = (from: ClientPod) => gotIn(from, 300, 'stores.py', addresses.postgres, addresses.minio, 'mlflow');

const LISTENING = {
  server: [8080, 9090],
  own: [8080, 9090],
  postgres: [5432],
  minio: [9000, 9001],
  'Service mlflow-server': [5000],
  'Service own': [5000],
  'Service mlflow-minio': [9000, 9001],
};

describe('/health needs no password, and the API answers to the right one:', () => {
  test.each([
    ['service/mlflow-server', 'mlflow-basic-auth'],
    ['service/own', 'own-admin'],
  ])('%s', async (service, secret) => {
    const forward = await namespace.forward(service, 5000);
    try {
      const get = (path: string, headers = {}) => fetch(`http://127.0.0.1:${forward.port}${path}`, { headers });
      expect(await (await get('/health')).text()).toBe('OK');
      const answer = await get(EXPERIMENTS, basic(loginOf(namespace, secret)));
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"experiments"')]);
    } finally {
      forward.stop();
    }
  });
});

describe('with the NetworkPolicies of the platform', () => {
  test('a pod reaches only the ports of the proxies, of all ports of all pods and Services', async () => {
    const proxies = { server: [8080], own: [8080], 'Service mlflow-server': [5000], 'Service own': [5000] };
    const closed = { postgres: [], minio: [], 'Service mlflow-minio': [] };
    const { 'the node': node, ...pods } = await intruders.each((from) => openPorts(from, addresses));
    for (const found of Object.values(pods)) expect(found).toEqual({ ...proxies, ...closed });
    // No NetworkPolicy filters what comes from a pod's own node, but the listening ports are known.
    for (const [name, ports] of Object.entries(node)) {
      expect([name, (LISTENING as Record<string, number[]>)[name]]).toEqual([name, expect.arrayContaining(ports)]);
    }
  });

  test('a pod of the monitoring namespace also reaches the metrics', async () => {
    const found = await openPorts(monitor, addresses, false);
    expect(found).toMatchObject({ server: [8080, 9090], own: [8080, 9090], postgres: [], minio: [] });
    const get = `import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).read().decode())`;
    for (const address of [addresses.server, addresses.own]) {
      expect(monitor.python(get, [`http://${address}:9090/metrics`]).stdout).toContain('mlflow_http_request_total');
    }
  });

  test('only /health answers without a password, to every request of attack.py', async () => {
    expect(await intruders.each(attackProxies)).toEqual(intruders.nothing);
  });

  test('the metrics port serves only /metrics', async () => {
    expect(await attackMetrics(monitor)).toEqual([]);
  });

  test('the database and the store ask the node for a password', async () => {
    expect(await attackStores(intruders.pods['the node'])).toEqual([]);
  });
});

describe('with every NetworkPolicy deleted', () => {
  beforeAll(async () => {
    namespace.kubectl('delete', 'networkpolicy', '--all');
    const connect = `import socket, sys; socket.create_connection((sys.argv[1], 5432), 2)`;
    const from = intruders.pods['a pod of another namespace'];
    await until('open network', 60, () => from.python(connect, [addresses.postgres]).status === 0);
  });

  afterAll(() => platform.apply());

  test("no pod reaches MLflow's own port: only the proxies, the database and the store listen", async () => {
    for (const found of Object.values(await intruders.each((from) => openPorts(from, addresses)))) {
      expect(found).toEqual(LISTENING);
    }
  });

  test('only /health answers without a password, to every request of attack.py', async () => {
    expect(await intruders.each(attackProxies)).toEqual(intruders.nothing);
  });

  test('the metrics port serves only /metrics', async () => {
    expect(await intruders.each(attackMetrics)).toEqual(intruders.nothing);
  });

  test('the database and the store ask every client for a password', async () => {
    expect(await intruders.each(attackStores)).toEqual(intruders.nothing);
  });
});

describe('keys, accounts and tokens', () => {
  test("MLflow's key and its database role reach its own bucket and database only", () => {
    const root = `cd /run/secrets/mlflow; export MC_CONFIG_DIR=/tmp/mc
      printf '%s\\n%s\\n' "$(cat MINIO_ROOT_USER)" "$(cat MINIO_ROOT_PASSWORD)" | mc alias set store http://127.0.0.1:9000
      mc mb --ignore-existing store/other
      echo secret | mc pipe store/other/secret; echo secret | mc pipe store/mlflow/backups/x`;
    namespace.kubectl('exec', 'mlflow-minio-0', '--', 'sh', '-c', root);
    const superuser = ['exec', 'mlflow-postgres-0', '--', 'psql', '-U', 'postgres', '-c', 'CREATE DATABASE other'];
    namespace.kubectl(...superuser);
    const [pod] = platform.servers();
    const inServer = ['exec', '--stdin', pod.metadata.name, '--container', 'mlflow', '--', 'python', '-'];
    const databases = ['other', 'postgres', 'template1'];
    const { status, stdout, stderr } = namespace.try([...inServer, 'mlflow', 'other', ...databases], {
      input: program('own_keys.py'),
    });
    expect([status, stderr]).toEqual([0, '']);
    const {
      'own bucket': bucket,
      'own database': database,
      'buckets that it sees': seen,
      ...rest
    } = JSON.parse(stdout);
    expect({ bucket, database, seen }).toEqual({ bucket: 'mlflow', database: 'mlflow', seen: ['mlflow'] });
    expect(Object.keys(rest)).toHaveLength(7 + databases.length);
    expect(rest).toEqual(Object.fromEntries(Object.keys(rest).map((what) => [what, 'denied'])));
  });

  test('the ServiceAccount of the credentials Job reads no other Secret, and changes none', () => {
    const as = `--as=system:serviceaccount:${namespace.name}:mlflow-credentials`;
    namespace.kubectl('create', 'secret', 'generic', 'foreign', '--from-literal=password=x');
    const may = (...what: string[]) => namespace.try(['auth', 'can-i', ...what, as]).stdout.trim();
    // It may read its own Secrets, so this is the account in use.
    expect(may('get', 'secret/mlflow-basic-auth')).toBe('yes');
    const denied = [
      ...['get', 'update', 'patch', 'delete'].map((verb) => [verb, 'secret/foreign']),
      ...['update', 'patch', 'delete'].map((verb) => [verb, 'secret/mlflow-basic-auth']),
      ...['list', 'watch', 'deletecollection'].map((verb) => [verb, 'secrets']),
      // It patches the Secret of the service users, but neither replaces nor deletes it.
      ...['update', 'delete'].map((verb) => [verb, 'secret/mlflow-server-users']),
      ['get', 'secret/mlflow-basic-auth', '--namespace', elsewhere.name],
      ['create', 'secrets', '--namespace', elsewhere.name],
      ...['pods', 'pods/exec', 'serviceaccounts/token', 'roles', 'rolebindings'].map((what) => ['create', what]),
    ];
    expect(denied.map((what) => [...what, may(...what)])).toEqual(denied.map((what) => [...what, 'no']));
    for (const what of [['secret', 'foreign'], ['secrets']]) {
      const asked = namespace.try(['get', ...what, '--output', 'name', as]);
      expect([asked.status, asked.stdout, asked.stderr]).toEqual([1, '', expect.stringContaining('Forbidden')]);
    }
  });

  test('only the pod of the credentials Job has a token for the Kubernetes API', () => {
    const { items } = namespace.json<{ items: any[] }>('get', 'pods', '--selector', 'app.kubernetes.io/part-of=mlflow');
    const projected = (pod: any) => (pod.spec.volumes ?? []).flatMap((volume: any) => volume.projected?.sources ?? []);
    const withToken = items.filter((pod) => projected(pod).some((source: any) => source.serviceAccountToken));
    const component = (pod: any) => pod.metadata.labels['app.kubernetes.io/component'];
    expect(new Set(withToken.map(component))).toEqual(new Set(['credentials']));
    const running = items.filter(({ status }) => status.phase === 'Running');
    const containers = running.flatMap(({ metadata, spec }) =>
      [...(spec.initContainers ?? []), ...spec.containers]
        .filter(({ name }: any) => name !== 'wait-for-schema')
        .map(({ name }: any) => [metadata.name, '--container', name]),
    );
    expect(containers).toHaveLength(2 * 2 + 2);
    for (const container of containers) {
      const look = [
        '--',
        'sh',
        '-c',
        'ls -d /var/run/secrets/kubernetes.io /run/secrets/kubernetes.io 2>/dev/null; echo looked',
      ];
      expect([container[0], namespace.kubectl('exec', ...container, ...look)]).toEqual([container[0], 'looked\n']);
    }
  });
});

test('the attacks have created no experiment and restarted no container', async () => {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const headers = basic(loginOf(namespace, 'mlflow-basic-auth'));
    const answer = await fetch(`http://127.0.0.1:${forward.port}${EXPERIMENTS}`, { headers });
    const { experiments } = (await answer.json()) as { experiments: { name: string }[] };
    expect(experiments.map(({ name }) => name)).toEqual(['Default']);
  } finally {
    forward.stop();
  }
  expect(restartsOfAll()).toEqual(atFirst);
});
