// Two platforms in one namespace, and a third in another namespace, do not affect each other.
import { Size, Duration } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { loginOf } from '../lib/client';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { logRun, readRun } from '../lib/runs';
import { changed, untilSettled } from '../lib/settled';

const shared = new Namespace('mlflow-e2e-clean');
const other = new Namespace('mlflow-e2e-clean-b');

function platform(namespace: Namespace, id: string, options: { shared?: boolean; graceful?: number } = {}): Platform {
  return new Platform(
    namespace,
    id,
    (chart) =>
      void new MlflowPlatform(chart, id, {
        postgres: { resources: little, storage: Size.gibibytes(1) },
        minio: { resources: little, storage: Size.gibibytes(1) },
        server: {
          resources: little,
          proxyResources: little,
          replicas: 1,
          drainTimeout: Duration.seconds(options.graceful ?? 10),
        },
      }),
    options,
  );
}

/** The name of the second begins like the names of the first's objects. The third has the same name as the first. */
const first = platform(shared, 'mlflow');
const second = platform(shared, 'mlflow-server', { shared: true });
const third = platform(other, 'mlflow');
const all = [first, second, third];
const name = ({ namespace, name: id }: Platform) => `${namespace.name}/${id}`;
const pairs = all.flatMap((one) => all.filter((another) => another !== one).map((another) => [one, another]));
const admin = ({ namespace, name: id }: Platform) => loginOf(namespace, `${id}-basic-auth`);
const items = (namespace: Namespace, ...args: string[]) => namespace.json<{ items: any[] }>('get', ...args).items;
const secrets = ({ namespace, name: id }: Platform) => {
  const plan = namespace.json('get', 'configmap', `${id}-credentials`).data['credentials.json'];
  return JSON.parse(plan).secrets.map((secret: { name: string }) => secret.name) as string[];
};
const runs = new Map<Platform, string>();

beforeAll(async () => {
  for (const { namespace } of all) namespace.remove();
  for (const each of all) each.synth().apply();
  for (const each of all) await untilSettled(each, 1, 500);
  for (const each of all) runs.set(each, await logRun(each, admin(each), name(each)));
});

afterAll(() => {
  if (!process.env.E2E_KEEP) for (const { namespace } of all) namespace.remove();
});

test.each(pairs)('a platform shows its own runs and not those of another platform (%#)', async (one, another) => {
  await readRun(one, admin(one), name(one), runs.get(one)!);
  await expect(readRun(one, admin(one), name(another), runs.get(another)!)).rejects.toThrow('RESOURCE_DOES_NOT_EXIST');
});

test.each(pairs)('a platform refuses the login of another platform (%#)', async (one, another) => {
  await expect(readRun(one, admin(another), name(one), runs.get(one)!)).rejects.toThrow('UNAUTHENTICATED');
});

test('two platforms of one namespace share no Secret, and neither mounts a Secret of the other', () => {
  const own = [first, second].map(secrets);
  expect(own[0].filter((secret) => own[1].includes(secret))).toEqual([]);
  [first, second].forEach((each, index) => {
    const pods = items(shared, 'pods', '--selector', `app.kubernetes.io/instance=${each.name}`);
    const volumes = pods.flatMap(({ spec }) => spec.volumes as any[]);
    const mounted = volumes.flatMap(({ secret, projected }) => [
      secret?.secretName,
      ...(projected?.sources ?? []).map((source: any) => source.secret?.name),
    ]);
    const names = new Set(mounted.filter((mount) => mount !== undefined));
    expect(names.size).toBeGreaterThan(3);
    expect([...names].filter((secret) => !own[index].includes(secret))).toEqual([]);
  });
});

test('no value of a generated Secret is generated twice', () => {
  const values = all.flatMap((each) =>
    secrets(each).flatMap((secret) => Object.values(each.namespace.json('get', 'secret', secret).data as object)),
  );
  // Shorter values are names of users, which may be equal.
  const words = values.filter((value) => Buffer.from(value, 'base64').length >= 16);
  expect(words.length).toBeGreaterThan(15);
  expect(new Set(words).size).toBe(words.length);
});

test('every selector matches only pods of its own platform', () => {
  const selecting = ['services', 'networkpolicies', 'deployments', 'statefulsets', 'poddisruptionbudgets'];
  const found = items(shared, selecting.join(','), '--selector', 'app.kubernetes.io/part-of=mlflow').map((object) => {
    const { spec, metadata } = object;
    const labels: Record<string, string> = spec.podSelector?.matchLabels ?? spec.selector.matchLabels ?? spec.selector;
    const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    const pods = items(shared, 'pods', '--selector', selector.join(','));
    const owners = new Set(pods.map((pod) => pod.metadata.labels['app.kubernetes.io/instance']));
    return { of: `${object.kind} ${metadata.name}`, own: metadata.labels['app.kubernetes.io/instance'], owners };
  });
  expect(found.length).toBeGreaterThan(20);
  expect(found.filter(({ own, owners }) => [...owners].some((owner) => owner !== own))).toEqual([]);
});

test('an apply that changes one platform leaves the others unchanged', async () => {
  const others = [second, third];
  const state = (each: Platform) => ({ ...each.versions(), pods: each.pods().map(({ metadata }) => metadata.uid) });
  const before = others.map(state);
  platform(shared, 'mlflow', { graceful: 20 }).synth().apply();
  await untilSettled(first, 1, 180);
  expect(others.flatMap((each, index) => changed(before[index], state(each)))).toEqual([]);
});

test('a platform is deleted by its instance label, and the others keep serving', async () => {
  const own = `app.kubernetes.io/part-of=mlflow,app.kubernetes.io/instance=${first.name}`;
  shared.kubectl('delete', 'deployment,statefulset,job,hpa,ingress', '--selector', own);
  for (const each of [second, third]) await readRun(each, admin(each), name(each), runs.get(each)!);
});
