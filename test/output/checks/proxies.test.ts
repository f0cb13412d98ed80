import { expectFaults } from '../expect-faults';
import { goodPlatform } from '../good-platform';
import { Manifest, title } from '../manifests';
import { proxies } from './proxies';

const env = (value: string) => (find: any) =>
  find('Deployment/server').spec.template.spec.containers[0].env.push({ name: 'STORE', value });

expectFaults(proxies, [
  ['a Service by its short name', env('http://server:5000'), /env STORE: server is a Service/],
  ['a Service in a JSON file', (find) => (find('ConfigMap/server').data['a.json'] = '"http://server:5000"'), /a\.json/],
]);

test.each(['http://server.mlflow.svc:5000', 'https://s3.example.com', 'server:5000'])('accepts %s', (value) => {
  const objects: Manifest[] = goodPlatform();
  env(value)((wanted: string) => objects.find((object) => title(object) === wanted));
  expect(proxies(objects)).toEqual([]);
});
