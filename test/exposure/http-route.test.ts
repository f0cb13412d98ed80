import { readFileSync } from 'fs';
import { join } from 'path';
import { parse } from 'yaml';
import { Exposure, HttpRouteExposureProps, IngressExposureProps, RouteTimeout, Tls } from '../../lib';
import { schema } from '../output/checks/schema';
import { servingError, servingObjects } from '../serving/servings';
import { ROOT } from '../support/run';
import { errorOf, Rendered, find, ofKind, snapshotOf } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const host = 'mlflow.example.com';
const least: HttpRouteExposureProps = { host, gateway: 'public' };
const all: Required<HttpRouteExposureProps> = {
  host,
  otherHosts: ['models.example.com'],
  path: '/mlflow',
  gateway: 'public',
  gatewayNamespace: 'gateway',
  listener: 'https',
  https: false,
  timeout: RouteTimeout.seconds(3600),
  annotations: { 'external-dns.alpha.kubernetes.io/ttl': '60' },
};
const both: [string, HttpRouteExposureProps][] = [
  ['what it must have', least],
  ['every prop', all],
];

const exposed = (props: HttpRouteExposureProps) => serverObjects({ exposure: Exposure.httpRoute(props) });
const route = (props: HttpRouteExposureProps = least) => find(exposed(props), 'HTTPRoute', 'server-route');

test('a route with only a host and a Gateway', () => {
  expect(snapshotOf([route()])).toMatchSnapshot();
});

test('a route with every prop', () => {
  expect(snapshotOf([route(all)])).toMatchSnapshot();
});

test('a route is patched by its documented id', () => {
  serverObjects({ exposure: Exposure.httpRoute(least) }, (server) => {
    expect(server.apiObject('route').kind).toBe('HTTPRoute');
  });
});

describe('the API server', () => {
  test.each(both)('accepts the route with %s', (_what, props) => {
    expect(schema([route(props)])).toEqual([]);
  });

  // A GitOps controller would report a default that the API server adds as a change, after each sync.
  test.each(both)('adds no default to the route with %s', (_what, props) => {
    const definition = parse(readFileSync(join(ROOT, 'crds/httproutes.yaml'), 'utf8'));
    const { spec } = definition.spec.versions[0].schema.openAPIV3Schema.properties;
    expect(filledIn({ rules: [{ backendRefs: [{}] }] }, spec)).toMatchObject({
      rules: [{ matches: [{ path: { value: '/' } }], backendRefs: [{ kind: 'Service', weight: 1 }] }],
    });
    expect(filledIn(route(props).spec, spec)).toEqual(route(props).spec);
  });
});

/** A value with the defaults of its schema. */
function filledIn(value: any, node: any): any {
  if (Array.isArray(value)) return value.map((item) => filledIn(item, node.items));
  if (typeof value !== 'object' || !node.properties) return value;
  const defaults = Object.entries<any>(node.properties).filter(([, field]) => 'default' in field);
  const whole = { ...Object.fromEntries(defaults.map(([key, field]) => [key, field.default])), ...value };
  return Object.fromEntries(Object.entries(whole).map(([key, item]) => [key, filledIn(item, node.properties[key])]));
}

describe('the Gateway', () => {
  test('is in the route’s own namespace by default, with any of its listeners', () => {
    const [parent, ...more] = route().spec.parentRefs;
    expect([parent.kind, parent.name, more]).toEqual(['Gateway', 'public', []]);
    expect(parent).not.toHaveProperty('namespace');
    expect(parent).not.toHaveProperty('sectionName');
  });

  test('can be in another namespace, with a given listener', () => {
    expect(route(all).spec.parentRefs[0]).toMatchObject({ namespace: 'gateway', sectionName: 'https' });
  });
});

describe('the timeout of a route', () => {
  test.each<[string, RouteTimeout | undefined, object | undefined]>([
    ['none by itself, as uploads take long', undefined, { request: '0s' }],
    ['none', RouteTimeout.none(), { request: '0s' }],
    ['an hour', RouteTimeout.seconds(3600), { request: '3600s' }],
    ['the most that the API takes', RouteTimeout.seconds(99999), { request: '99999s' }],
    ['the Gateway’s own', RouteTimeout.gatewayDefault(), undefined],
  ])('%s', (_what, timeout, timeouts) => {
    expect(route({ ...least, timeout }).spec.rules[0].timeouts).toEqual(timeouts);
    expect('timeouts' in route({ ...least, timeout }).spec.rules[0]).toBe(timeouts !== undefined);
  });
});

test.each([undefined, {}])('without annotations the field is omitted: %j', (annotations) => {
  expect(route({ ...least, annotations }).metadata).not.toHaveProperty('annotations');
});

describe.each<[string, (exposure: Exposure) => Rendered[], string]>([
  ['a server', (exposure) => serverObjects({ exposure }), 'server'],
  ['a serving', (exposure) => servingObjects({ exposure }), 'churn-serving'],
])('%s', (_what, objects, name) => {
  test('is reached by an existing port of a Service, the same as with an Ingress', () => {
    const made = objects(Exposure.httpRoute(least));
    const [backend, ...more] = find(made, 'HTTPRoute', `${name}-route`).spec.rules[0].backendRefs;
    const { ports } = find(made, 'Service', backend.name).spec;
    const [ingress] = ofKind(objects(Exposure.ingress({ host })), 'Ingress');
    const { service } = ingress.spec.rules[0].http.paths[0].backend;
    expect(more).toEqual([]);
    expect(ports).toContainEqual(expect.objectContaining({ name: service.port.name, port: backend.port }));
    expect(backend.name).toBe(service.name);
  });

  // NetworkPolicy, redirect, allowed hosts and origins.
  test.each<[string, Partial<HttpRouteExposureProps>, Partial<IngressExposureProps>]>([
    ['by https alone as behind an Ingress with a certificate', {}, { tls: Tls.fromSecret('certificate') }],
    ['by http too as behind an Ingress without one', { https: false }, {}],
  ])('admits clients %s', (_how, byRoute, byIngress) => {
    const withoutWay = (exposure: Exposure) =>
      objects(exposure).filter(({ kind }) => !['HTTPRoute', 'Ingress'].includes(kind));
    const made = withoutWay(Exposure.httpRoute({ ...least, ...byRoute }));
    expect(made).toEqual(withoutWay(Exposure.ingress({ host, ...byIngress })));
    expect(made).not.toEqual(withoutWay(Exposure.none()));
  });
});

test('https is the default, and nginx redirects plain http', () => {
  const configuration = (props: HttpRouteExposureProps) =>
    find(exposed(props), 'ConfigMap', 'server-proxy').data['nginx.conf'];
  expect(configuration(least)).toContain(`return 308 https://${host}$request_uri;`);
  expect(configuration({ ...least, https: true })).toBe(configuration(least));
  expect(configuration({ ...least, https: false })).not.toContain('308');
});

test.each(['host', 'gateway'])('refuses an HTTPRoute without %s', (prop) => {
  expect(errorOf(() => Exposure.httpRoute({ ...least, [prop]: undefined as any }))).toContain(
    `Exposure.httpRoute: ${prop} is undefined; expected`,
  );
});

describe('a route refuses', () => {
  const seconds = 'expected a whole number of seconds from 1 to 99999, or RouteTimeout.none()';
  const name = "expected lower-case letters, digits, '-' and '.', at most 253, e.g. 'public'";
  test.each<[string, string, Partial<HttpRouteExposureProps>]>([
    ["host is 'https://mlflow.example.com'", 'expected only a host name', { host: 'https://mlflow.example.com' }],
    ["host is '*.example.com'", 'expected only a host name', { host: '*.example.com' }],
    ["host is '192.168.1.10'", 'expected only a host name', { host: '192.168.1.10' }],
    ["gateway is ''", name, { gateway: '' }],
    ["gateway is 'infra/public'", name, { gateway: 'infra/public' }],
    ["gatewayNamespace is ''", 'expected a DNS label of at most 63 characters', { gatewayNamespace: '' }],
    ["gatewayNamespace is 'infra.gateway'", "e.g. 'gateway'", { gatewayNamespace: 'infra.gateway' }],
    ["listener is ''", "e.g. 'https'", { listener: '' }],
    ["listener is 'HTTPS'", "e.g. 'https'", { listener: 'HTTPS' }],
    ['timeout is 0 seconds', seconds, { timeout: RouteTimeout.seconds(0) }],
    ['timeout is -1 seconds', seconds, { timeout: RouteTimeout.seconds(-1) }],
    ['timeout is 0.5 seconds', seconds, { timeout: RouteTimeout.seconds(0.5) }],
    ['timeout is 100000 seconds', seconds, { timeout: RouteTimeout.seconds(100000) }],
  ])('%s', (given, want, wrong) => {
    const exposure = Exposure.httpRoute({ ...least, ...wrong });
    for (const [path, message] of [
      ['chart/server', serverError({ exposure })],
      ['chart/churn', servingError({ exposure })],
    ]) {
      expect(message).toContain(`${path}: ${given}; `);
      expect(message).toContain(want);
      expect(message.split('\n')).toHaveLength(1);
    }
  });
});
