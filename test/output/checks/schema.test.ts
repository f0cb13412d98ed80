import { expectFaults } from '../expect-faults';
import { schema } from './schema';

const pod = (find: any) => find('Deployment/server').spec.template.spec;

expectFaults(schema, [
  [
    'a misspelt field',
    (find) => (pod(find).containers[0].readynessProbe = {}),
    /containers\/0\/readynessProbe is no field there/,
  ],
  [
    'a misplaced field',
    (find) => (find('Deployment/server').spec.template.replicas = 1),
    /template\/replicas is no field there/,
  ],
  [
    'a misspelt field of the metadata',
    (find) => (find('Service/server').metadata.lables = {}),
    /metadata\/lables is no field there/,
  ],
  [
    'a wrong type',
    (find) => (pod(find).initContainers[1].ports[0].containerPort = '8080'),
    /containerPort must be integer/,
  ],
  [
    'a field missing',
    (find) => delete find('StatefulSet/postgres').spec.selector,
    /must have required property selector/,
  ],
  [
    'an unknown kind',
    (find) => (find('Deployment/server').apiVersion = 'apps/v3'),
    /no schema for apps\/v3 Deployment/,
  ],
  [
    'a misspelt field of a custom resource',
    (find) => (find('ServiceMonitor/server').spec.endpoints[0].prot = 'a'),
    /additional properties prot/,
  ],
  [
    'a wrong type of a custom resource',
    (find) => (find('ServiceMonitor/server').spec.endpoints[0].port = 1),
    /port must be string/,
  ],
  [
    'a route that names a port',
    (_, objects) =>
      objects.push({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'route' },
        spec: { parentRefs: [{ name: 'public' }], rules: [{ backendRefs: [{ name: 'server', port: 'http' }] }] },
      }),
    /HTTPRoute\/route: \/spec\/rules\/0\/backendRefs\/0\/port must be integer/,
  ],
]);
