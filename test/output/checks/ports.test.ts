import { expectFaults } from '../expect-faults';
import { ports } from './ports';

const proxy = (find: any) => find('Deployment/server').spec.template.spec.initContainers[1];
const COMPONENT = 'app.kubernetes.io/component';

expectFaults(ports, [
  [
    'a Service without pods',
    (find) => (find('Service/postgres').spec.selector[COMPONENT] = 'a'),
    /matches no pod template/,
  ],
  [
    'a target port by name',
    (find) => (find('Service/server').spec.ports[0].targetPort = 'web'),
    /targetPort web is no port.*http \(8080\)/,
  ],
  ['a target port by number', (find) => (find('Service/postgres').spec.ports[0].targetPort = 5433), /targetPort 5433/],
  [
    'a probe port by name',
    (find) => (proxy(find).livenessProbe.tcpSocket.port = 'web'),
    /proxy: livenessProbe uses port web/,
  ],
  ['a probe port by number', (find) => (proxy(find).readinessProbe.httpGet.port = 80), /readinessProbe uses port 80/],
  ['a hook port', (find) => (proxy(find).lifecycle = { preStop: { httpGet: { port: 81 } } }), /preStop uses port 81/],
  [
    'a policy port by name',
    (find) => (find('NetworkPolicy/server').spec.ingress[0].ports[0].port = 'web'),
    /ingress port web/,
  ],
  [
    'a policy without pods',
    (find) => (find('NetworkPolicy/credentials').spec.podSelector.matchLabels[COMPONENT] = 'a'),
    /podSelector matches no pod/,
  ],
  [
    'an egress peer',
    (find) => (find('NetworkPolicy/server').spec.egress[0].to[0].podSelector.matchLabels[COMPONENT] = 'a'),
    /egress to .* matches no pod/,
  ],
  [
    'an egress port',
    (find) => (find('NetworkPolicy/server').spec.egress[0].ports[0].port = 5433),
    /egress port 5433 .*StatefulSet\/postgres/,
  ],
  [
    'a monitor without a Service',
    (find) => delete find('Service/server').metadata.labels,
    /ServiceMonitor.* matches no Service/,
  ],
  [
    'a monitor port',
    (find) => (find('ServiceMonitor/server').spec.endpoints[0].port = 'metrics'),
    /endpoint port metrics/,
  ],
  [
    'a backend',
    (find) => (find('Ingress/server').spec.rules[0].http.paths[0].backend.service.name = 'a'),
    /Service\/a/,
  ],
  [
    'a backend port',
    (find) => (find('Ingress/server').spec.rules[0].http.paths[0].backend.service.port = { number: 80 }),
    /backend port 80/,
  ],
  [
    'a route without backend',
    (_, objects) =>
      objects.push({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'route' },
        spec: { rules: [{ backendRefs: [{ name: 'server', port: 5001 }] }] },
      }),
    /HTTPRoute\/route: backend port 5001/,
  ],
]);
