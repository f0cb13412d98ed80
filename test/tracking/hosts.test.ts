import { addServer, containerOf, environmentOf, podOf, serverObjects } from './servers';
import { Authentication, Credentials, Exposure, Tls, TrackingServerProps } from '../../lib';
import { synth, synthWithoutNamespace } from '../support/synth';

const host = 'mlflow.example.com';

function lists(objects: ReturnType<typeof serverObjects>) {
  const environment = environmentOf(containerOf(podOf(objects), 'mlflow'));
  return {
    hosts: environment.MLFLOW_SERVER_ALLOWED_HOSTS.split(','),
    origins: environment.MLFLOW_SERVER_CORS_ALLOWED_ORIGINS.split(','),
  };
}
const of = (props: Partial<TrackingServerProps> = {}) => lists(serverObjects(props));

/** Python's fnmatch, which MLflow uses for a name that contains `*`. It compares other names literally. */
function matches(pattern: string, name: string): boolean {
  if (!pattern.includes('*')) return pattern === name;
  const parts = pattern.match(/\[.[^\]]*\]|[^]/g)!;
  const source = parts.map((part) =>
    part === '*' ? '.*' : part.length > 1 ? part.replace('[[]', '\\[') : `\\x${hex(part)}`,
  );
  return new RegExp(`^${source.join('')}$`).test(name);
}
const hex = (character: string) => character.charCodeAt(0).toString(16).padStart(2, '0');
const allowed = (name: string, props?: Partial<TrackingServerProps>) =>
  of(props).hosts.some((each) => matches(each, name));

/** A server in a chart without a namespace. */
const anywhere = () =>
  synthWithoutNamespace((chart) =>
    addServer(chart, { authentication: Authentication.none(), keys: Credentials.fromSecret('keys') }),
  );

describe('the allowed hosts of a server', () => {
  test.each([
    ['the Service, as pods of the namespace call it', 'server:5000'],
    ['… with its namespace', 'server.mlflow:5000'],
    ['… as pods of other namespaces may call it', 'server.mlflow.svc:5000'],
    ['… in full', 'server.mlflow.svc.cluster.local:5000'],
    ['a port-forward', 'localhost:5000'],
    ['… to another port', '127.0.0.1:8443'],
    ['… over IPv6', '[::1]:5000'],
    ['a pod’s address', '10.42.0.17:8080'],
    ['… of a network for carriers, which some clouds use', '100.64.3.7:8080'],
    ['… the end of that network', '100.127.255.255:8080'],
    ['… of a private network', '172.31.0.9:8080'],
    ['… of IPv6', '[fd00:10::17]:8080'],
  ])('include %s: %s', (_what, name) => {
    expect(allowed(name)).toBe(true);
  });

  test.each([
    'evil.example.com',
    'server.mlflow.evil.com',
    '100.128.0.1',
    '172.32.0.1',
    '[2001:db8::1]:8080',
    '8.8.8.8',
  ])('do not include %s', (name) => {
    expect(allowed(name)).toBe(false);
  });

  test.each([host, `${host}:8443`])('include the host of an Ingress: %s', (name) => {
    expect(allowed(name)).toBe(false);
    expect(allowed(name, { exposure: Exposure.ingress({ host }) })).toBe(true);
  });

  test.each([
    ['notebooks.internal', 'notebooks.internal:5000', true],
    ['notebooks.internal:5000', 'notebooks.internal:5000', true],
    ['notebooks.internal:5000', 'notebooks.internal:5001', false],
    ['*.example.com', 'a.example.com', true],
    ['[2001:db8::1]', '[2001:db8::1]:8080', true],
  ])('with allowedHosts %s allow the Host %s: %s', (given, name, is) => {
    expect(allowed(name, { allowedHosts: [given] })).toBe(is);
  });

  test('include the Service in any namespace if the chart has none', () => {
    const { hosts } = lists(anywhere());
    for (const name of ['server:5000', 'server.team-a.svc:5000', 'server.team-a.svc.cluster.local']) {
      expect(hosts.filter((each) => matches(each, name))).not.toEqual([]);
    }
  });
});

test.each(['mlflow', 'team-a'])('include the address that the platform gives to its own programs (%s)', (namespace) => {
  let url = '';
  const objects = synth((chart) => {
    url = addServer(chart).url;
  }, namespace);
  expect(url).toBe(`http://server.${namespace}.svc:5000`);
  expect(lists(objects).hosts.some((each) => matches(each, new URL(url).host))).toBe(true);
  expect(lists(objects).origins).toContain(url);
});

describe('the allowed origins of a server', () => {
  const own = ['server', 'server.mlflow', 'server.mlflow.svc', 'server.mlflow.svc.cluster.local'];

  test('include the Service’s own, which a browser sends with each POST', () => {
    expect(of().origins).toEqual(own.map((name) => `http://${name}:5000`));
  });

  test.each([
    ['with TLS', { host, tls: Tls.fromIssuer('letsencrypt-prod') }, [`https://${host}`]],
    // TLS can end at a proxy in front of the Ingress.
    ['without TLS', { host }, [`http://${host}`, `https://${host}`]],
  ])('include that of an Ingress %s', (_what, props, origins) => {
    expect(of({ exposure: Exposure.ingress(props) }).origins.slice(own.length)).toEqual(origins);
  });

  test('include other web sites if they are given', () => {
    expect(of({ allowedOrigins: ['https://notebooks.example.com'] }).origins).toContain(
      'https://notebooks.example.com',
    );
  });

  test('contain no pattern if the chart has no namespace', () => {
    expect(lists(anywhere()).origins).toEqual(['http://server:5000']);
  });
});
