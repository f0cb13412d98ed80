import { RegisteredModel } from '../../lib';
import { ReverseProxy } from '../../lib/nginx/reverse-proxy';
import { nginxConfiguration } from '../../lib/nginx/server-site';
import { servingConfiguration } from '../../lib/nginx/serving-site';
import { servingPlan } from '../../lib/serving/serving-plan';
import { servingProxy } from '../../lib/serving/serving-proxy';

const plan = servingPlan({ model: RegisteredModel.byAlias('churn', 'champion') }, {});
const serving = servingProxy(plan, 'http://mlflow-server:5000', 'churn-proxy');
const server = new ReverseProxy({
  ...{ image: plan.proxyImage, resources: plan.proxyResources, configMapName: 'churn-proxy' },
  ...{ readinessSeconds: 30, drainSeconds: 30, upstreamPort: 5000, login: { kind: 'none' }, signedUrls: false },
  ...{ maxArtifactMebibytes: 900, artifactWritesPaused: false, ipv6: false, workspaces: [] },
}).sidecar();

const options = {
  ...{ drainSeconds: 30, requestTimeoutSeconds: 60, maxRequestBytes: 1000, modelPort: 8080 },
  trackingUrl: 'http://mlflow-server:5000',
};

test('the sidecars of a server and of a serving differ in command and ports only', () => {
  const named = (text: string) => text.replaceAll('"port":"login"', '"port":"http"');
  const { command, ports, ...rest } = serving.container;
  const { command: ofServer, ports: portsOfServer, ...restOfServer } = server.container;
  expect(JSON.parse(named(JSON.stringify(rest)))).toEqual(JSON.parse(JSON.stringify(restOfServer)));
  expect(serving.volumes).toEqual(server.volumes);
  expect(command).not.toEqual(ofServer);
  expect(ports!.map(({ name }) => name)).toEqual(['login']);
  expect(portsOfServer!.map(({ name }) => name)).toEqual(['http', 'metrics']);
});

test('every directive of the http block is in both configurations, and differs only for a listed reason', () => {
  const directives = (text: string) =>
    new Map(
      text
        .slice(0, text.indexOf('\n  error_page '))
        .split('\n')
        .filter(
          (line) => !/^ *(#|'|default |map |upstream |server |keepalive_timeout 60s|proxy_cache_path|\}|$)/.test(line),
        )
        .flatMap((line) => line.split('; '))
        .map((line) => line.trim().replace(/;$/, '').split(/ (.*)/) as [string, string]),
    );
  const [ofServer, ofServing] = [
    nginxConfiguration({
      login: { kind: 'basic', realm: 'M', usersFile: '/u', programsFolder: '/p' },
      metrics: true,
      drainSeconds: 30,
    }),
    servingConfiguration(options),
  ].map(directives);
  expect(ofServer.size).toBeGreaterThan(30);
  const differing = [...new Set([...ofServer.keys(), ...ofServing.keys()])].filter(
    (name) => ofServer.get(name) !== ofServing.get(name),
  );
  expect(differing.sort()).toEqual([
    // The counts of a server's requests.
    'access_log',
    'client_max_body_size',
    'events',
    'log_format',
    'proxy_read_timeout',
    'proxy_send_timeout',
    'worker_processes',
    'worker_rlimit_nofile',
  ]);
});

test.each([
  ['a port', { modelPort: 0 }, 'expected a port, got 0'],
  ['no time', { drainSeconds: 0 }, 'expected a whole, positive number of seconds, got 0'],
  ['a body of no size', { maxRequestBytes: 0 }, 'expected a whole number of bytes, got 0'],
  ['a host', { httpsHosts: ['a b'] }, 'expected a host name, got "a b"'],
])('a serving’s configuration refuses %s', (_, wrong, message) => {
  expect(() => servingConfiguration({ ...options, ...wrong })).toThrow(message);
});
