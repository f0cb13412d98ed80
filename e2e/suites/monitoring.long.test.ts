// With the real Prometheus Operator, in the namespace that may scrape a platform by default.
import { Duration, Size } from 'cdk8s';
import { MlflowPlatform, MetricsMonitor } from '../../lib';
import { basic, Login, loginOf } from '../lib/client';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { Prometheus } from '../lib/prometheus';

const SERVERS = 3;
const JOB = 'mlflow-server-metrics';
const namespace = new Namespace('mlflow-e2e-monitoring');
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const { server } = new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(1) },
    server: { resources: little, proxyResources: little, replicas: SERVERS },
  });
  new MetricsMonitor(chart, 'mlflow-monitor', {
    target: server,
    interval: Duration.seconds(5),
    labels: { release: 'mlflow-e2e' },
  });
});
const prometheus = new Prometheus();
let admin: Login;

const names = () =>
  platform
    .servers()
    .filter(isReady)
    .map(({ metadata }) => metadata.name)
    .sort();

/** Names of the pods that Prometheus scrapes successfully. */
async function scraped(): Promise<string[]> {
  const targets = (await prometheus.targets()).filter(({ labels }) => labels.namespace === namespace.name);
  return targets
    .filter(({ health }) => health === 'up')
    .map(({ labels }) => labels.pod)
    .sort();
}

const sameAs = (a: string[], b: string[]) => a.length > 0 && a.join() === b.join();

beforeAll(async () => {
  namespace.remove();
  prometheus.start();
  platform.synth();
  platform.apply();
  await prometheus.untilReady();
  await platform.untilReady(SERVERS, 300);
  admin = loginOf(namespace, 'mlflow-basic-auth');
});

afterAll(() => {
  prometheus.leave();
  if (process.env.E2E_KEEP) return;
  prometheus.remove();
  namespace.remove();
});

test('Prometheus scrapes every server and nothing else', async () => {
  await until('every server is scraped', 120, async () => sameAs(await scraped(), names()));
  const targets = (await prometheus.targets()).filter(({ labels }) => labels.namespace === namespace.name);
  expect(targets.map(({ health, lastError, scrapeInterval }) => [health, lastError, scrapeInterval])).toEqual(
    Array(SERVERS).fill(['up', '', '5s']),
  );
  expect(new Set(targets.map(({ labels }) => labels.job))).toEqual(new Set([JOB]));
});

test('every request is counted in the metrics of the server that answered it', async () => {
  const path = '/api/2.0/mlflow/experiments/get?experiment_id=0';
  const asked: Record<string, number> = {};
  for (const [index, name] of names().entries()) {
    asked[name] = 11 * (index + 1);
    const server = await namespace.forward(`pod/${name}`, 8080);
    for (let i = 0; i < asked[name]; i++) {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers: basic(admin) });
      expect(answer.status).toBe(200);
    }
    server.stop();
  }
  const query = `sum by (pod) (mlflow_http_request_total{namespace="${namespace.name}", status="200"})`;
  let counted: Record<string, number> = {};
  const enough = () => Object.entries(asked).every(([name, times]) => (counted[name] ?? 0) >= times);
  await until('every request is counted', 60, async () => {
    counted = Object.fromEntries((await prometheus.query(query)).map(({ labels, value }) => [labels.pod, value]));
    return enough();
  });
  // Equal, so no server counts the requests of another one.
  expect(Object.keys(counted).sort()).toEqual(names());
  expect(counted).toEqual(asked);
});

test("every request is counted by route and login in the proxy's metrics", async () => {
  const server = await namespace.forward(`pod/${names()[0]}`, 8080);
  const path = '/api/2.0/mlflow/experiments/get?experiment_id=0';
  const wrong = { username: admin.username, password: 'wrong' };
  for (const [login, status] of [[admin, 200] as const, [wrong, 401] as const, [wrong, 401] as const]) {
    expect((await fetch(`http://127.0.0.1:${server.port}${path}`, { headers: basic(login) })).status).toBe(status);
  }
  server.stop();
  const sum = async (metric: string, labels: string) => {
    const found = await prometheus.query(`sum(mlflow_${metric}{namespace="${namespace.name}"${labels}})`);
    return found[0]?.value;
  };
  const refused = ', credential="password", outcome="refused"';
  await until('the refused logins are counted', 60, async () => (await sum('proxy_logins_total', refused)) === 2);
  expect(await sum('proxy_requests_total', ', route="api", status="4xx"')).toBe(2);
  expect(await sum('proxy_requests_total', ', status="5xx"')).toBe(0);
  expect(await sum('proxy_request_duration_seconds_count', ', route="api"')).toBe(
    await sum('proxy_requests_total', ', route="api"'),
  );
  expect(await sum('spool_limit_bytes', '')).toBe(SERVERS * 10 * 2 ** 30);
  expect(await sum('spool_bytes', '')).toBeLessThan(2 ** 30);
});

test('Prometheus scrapes a server that is added, and does not report a deleted one as down', async () => {
  const before = names();
  namespace.kubectl('delete', 'pod', before[0]);
  await until('another server is Ready', 180, () => names().length === SERVERS && !names().includes(before[0]));
  await until('the new server is scraped', 120, async () => sameAs(await scraped(), names()));
  const down = (await prometheus.query(`up{namespace="${namespace.name}"}`)).filter(({ value }) => value !== 1);
  expect(down).toEqual([]);
});
