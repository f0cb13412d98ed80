import { readFileSync } from 'fs';
import { join } from 'path';
import { expectExample } from './example';
import { Images } from '../../lib';
import { containers, podTemplates, walkStrings } from '../output/manifests';
import { ROOT } from '../support/run';

const example = expectExample('serving-offline', {
  files: ['mlflow.k8s.yaml', 'ml-serving.k8s.yaml'],
  external: ['Secret/registry-login'],
});
const MIRROR = 'registry.example.com/mirror/';
const images = new Set(
  podTemplates(example.objects).flatMap((template) => containers(template).map(({ container }) => container.image)),
);

test('every image comes from the mirror, with its pull Secret', () => {
  expect([...images].filter((image) => !image.startsWith(MIRROR))).toEqual([]);
  for (const { spec } of podTemplates(example.objects)) {
    expect(spec.imagePullSecrets).toEqual([{ name: 'registry-login' }]);
  }
});

test('the page lists the images to copy, each with its name in the mirror', () => {
  const page = readFileSync(join(ROOT, 'docs/how-to/offline-serving.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(.+?)` \| `(.+?)` \|/gm)].map(([, from, to]) => [from, to]);
  const anyTag = (each: Iterable<string>) => new Set([...each].map((image) => image.replace(/:[^:/]+$/, ':<tag>')));
  expect(new Set(rows.map(([, to]) => to))).toEqual(anyTag(images));
  // The example has no images of features that are off by default, such as backups.
  expect([...anyTag(Object.values(Images))]).toEqual(expect.arrayContaining(rows.map(([from]) => from)));
  for (const [from, to] of rows) expect(to).toBe(MIRROR + from.slice(from.indexOf('/') + 1));
});

test('pods and their settings contain no address outside the cluster', () => {
  const hosts = new Set<string>();
  for (const object of example.objects) {
    const settings = object.kind === 'ConfigMap' ? withoutPrograms(object.data) : object.spec;
    walkStrings(settings, (text) => {
      for (const [, host] of text.matchAll(/\w+:\/\/([\w.-]+)/g)) hosts.add(host);
    });
  }
  const outside = [...hosts].filter(
    (host) => host.includes('.') && !/^[\w-]+\.mlflow(\.svc(\.cluster\.local)?)?$|^127\./.test(host),
  );
  expect(outside).toEqual([]);
  // Proves that the loop above saw host names.
  expect(hosts).toContain('mlflow-server.mlflow.svc');
});

test('the pods of the model have egress only to the registry and DNS', () => {
  const policy = example.objects.find(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'churn-prediction-model-serving',
  )!;
  const anywhere = policy.spec.egress.filter((rule: any) => !rule.to);
  expect(anywhere.flatMap(({ ports }: any) => ports.map(({ port, protocol }: any) => `${port}/${protocol}`))).toEqual([
    '53/UDP',
    '5353/UDP',
  ]);
});

function withoutPrograms(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).filter(([file]) => !/\.(js|py|sh)$/.test(file)));
}
