import { expectFaults } from '../expect-faults';
import { goodPlatform } from '../good-platform';
import { references } from './references';

const pod = (find: any) => find('Deployment/server').spec.template.spec;
const main = (find: any) => pod(find).containers[0];
const gone = (object: any) => (object.metadata.name = 'gone');

expectFaults(references, [
  ['an account that nothing makes', (find) => gone(find('ServiceAccount/server')), /names ServiceAccount\/server/],
  [
    'a registry login',
    (find) => (pod(find).imagePullSecrets = [{ name: 'login' }]),
    /imagePullSecrets names Secret\/login/,
  ],
  ['a Secret in env', (find) => (main(find).env[1].valueFrom.secretKeyRef.name = 'a'), /env PASSWORD names Secret\/a/],
  [
    'a key in env',
    (find) => (main(find).env[1].valueFrom.secretKeyRef.key = 'a'),
    /key a of Secret\/postgres, which has username/,
  ],
  ['a Secret in envFrom', (find) => (main(find).envFrom = [{ secretRef: { name: 'a' } }]), /envFrom names Secret\/a/],
  [
    'a key in a projected volume',
    (find) => (pod(find).volumes[1].projected.sources[0].secret.items[0].key = 'a'),
    /secrets items names the key a/,
  ],
  [
    'a key in a subPath',
    (find) => (pod(find).initContainers[1].volumeMounts[0].subPath = 'a.conf'),
    /subPath names the key a.conf/,
  ],
  [
    'a ConfigMap',
    (find) =>
      gone(find('ConfigMap/credentials')) &&
      (find('ConfigMap/gone').data['credentials.json'] = '{"secrets":[{"name":"postgres","keys":{"password":{}}}]}'),
    /volume program names ConfigMap\/credentials/,
  ],
  [
    'a claim',
    (find) => pod(find).volumes.push({ name: 'a', persistentVolumeClaim: { claimName: 'data-postgres-1' } }),
    /PersistentVolumeClaim\/data-postgres-1/,
  ],
  ['a TLS Secret', (find) => delete find('Ingress/server').metadata.annotations, /tls names Secret\/server-tls/],
  [
    'the target of an autoscaler',
    (find) => (find('HorizontalPodAutoscaler/server').spec.scaleTargetRef.name = 'a'),
    /Deployment\/a/,
  ],
  [
    'the Service of a StatefulSet',
    (find) => delete find('StatefulSet/postgres').spec.serviceName,
    /serviceName names Service\/undefined/,
  ],
  ['a role', (find) => gone(find('Role/credentials')), /roleRef names Role\/credentials/],
  [
    'a subject',
    (find) => (find('RoleBinding/credentials').subjects[0].namespace = 'a'),
    /subjects names ServiceAccount\/credentials/,
  ],
  [
    'the Secret of a monitor',
    (find) =>
      (find('ServiceMonitor/server').spec.endpoints[0].basicAuth = { password: { name: 'postgres', key: 'a' } }),
    /basicAuth.password names the key a/,
  ],
]);

test('accepts declared objects and claims of a StatefulSet as existing', () => {
  const objects = goodPlatform();
  const { spec } = objects.find(({ kind }) => kind === 'Deployment')!.spec.template;
  spec.imagePullSecrets = [{ name: 'login' }];
  spec.volumes.push({ name: 'a', persistentVolumeClaim: { claimName: 'data-postgres-0' } });
  expect(references(objects, ['Secret/login'])).toEqual([]);
});
