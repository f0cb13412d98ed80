import { expectFaults } from '../expect-faults';
import { names } from './names';

const pod = (find: any) => find('Deployment/server').spec.template.spec;
const rename = (title: string, name: string) => (find: any) => (find(title).metadata.name = name);

expectFaults(names, [
  ['a Service with a dot', rename('Service/server', 'a.b'), /must be a DNS label/],
  ['a Service with a digit first', rename('Service/server', '1a'), /must begin with a letter/],
  ['a name in capitals', rename('ConfigMap/server', 'Server'), /must be a DNS subdomain/],
  ['a long StatefulSet', rename('StatefulSet/postgres', 'a'.repeat(53)), /53 characters, must have 52 at most/],
  ['a long Job', rename('Job/credentials-1a2b3c4d', 'a'.repeat(64)), /64 characters, must have 63 at most/],
  ['a long ConfigMap', rename('ConfigMap/server', 'a'.repeat(254)), /254 characters/],
  ['a namespace', (find) => (find('ConfigMap/server').metadata.namespace = 'a.b'), /namespace a.b must be a DNS label/],
  ['a label value', (find) => (find('ConfigMap/server').metadata.labels = { a: 'b c' }), /label a is b c/],
  [
    'a long label of a pod',
    (find) => (find('Deployment/server').spec.template.metadata.labels.a = 'a'.repeat(64)),
    /label a is/,
  ],
  ['a label key', (find) => (find('ConfigMap/server').metadata.labels = { 'a/b/c': 'd' }), /a\/b\/c is no valid label/],
  [
    'an annotation that is no string',
    (find) => (find('ConfigMap/server').metadata.annotations = { a: 1 }),
    /a is 1, must be a string/,
  ],
  [
    'an object twice',
    (_, objects) => objects.push(objects[0]),
    /apps\/Deployment\/server in no namespace: stands twice/,
  ],
  [
    'a version in a selector',
    (find) => (find('Service/server').spec.selector['app.kubernetes.io/version'] = '1'),
    /has app.kubernetes.io\/version, must consist of/,
  ],
  [
    'an empty selector',
    (find) => (find('PodDisruptionBudget/server').spec.selector = {}),
    /spec.selector lacks app.kubernetes.io\/name, /,
  ],
  [
    'a selector of any platform',
    (find) => delete find('Service/server').spec.selector['app.kubernetes.io/instance'],
    /spec.selector lacks app.kubernetes.io\/instance/,
  ],
  [
    'a port name twice in a Service',
    (find) => find('Service/server').spec.ports.push({ name: 'http', port: 1 }),
    /two ports are named http/,
  ],
  [
    'a port twice in a Service',
    (find) => find('Service/server').spec.ports.push({ name: 'a', port: 5000 }),
    /port 5000\/TCP stands twice/,
  ],
  [
    'a Service port without name',
    (find) => find('Service/server').spec.ports.push({ port: 1 }),
    /each must have a name/,
  ],
  ['a long port name', (find) => (pod(find).initContainers[1].ports[0].name = 'a'.repeat(16)), /must be 1 to 15/],
  [
    'a port of two containers',
    (find) => (pod(find).containers[0].ports = [{ containerPort: 8080 }]),
    /port 8080\/TCP stands twice/,
  ],
  ['a volume twice', (find) => pod(find).volumes.push({ name: 'config', emptyDir: {} }), /volume config stands twice/],
  ['a container twice', (find) => (pod(find).initContainers[0].name = 'mlflow'), /container mlflow stands twice/],
  [
    'a variable twice',
    (find) => pod(find).containers[0].env.push({ name: 'PASSWORD' }),
    /mlflow: env PASSWORD stands twice/,
  ],
  [
    'a mount path twice',
    (find) => pod(find).containers[0].volumeMounts.push({ name: 'config', mountPath: '/run/secrets' }),
    /mountPath \/run\/secrets stands twice/,
  ],
]);
