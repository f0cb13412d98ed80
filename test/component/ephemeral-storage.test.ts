import { Chart, Size } from 'cdk8s';
import { MlflowPlatform, MlflowPlatformProps, RegisteredModel, ServingRuntime } from '../../lib';
import { Rendered, errorOf, find, findByPrefix, ofKind, synth } from '../support/synth';

const MI = 1024 ** 2;
const GI = 1024 ** 3;
const bytes = (text: string) => Number.parseInt(text, 10) * (text.endsWith('Gi') ? GI : MI);

const platform = (props: MlflowPlatformProps = {}, serving = {}) =>
  synth((chart: Chart) => {
    const mlflow = new MlflowPlatform(chart, 'mlflow', props);
    mlflow.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion'), ...serving });
  });

/** The sum that a pod may use: the most that one init container needs, or what its sidecars and containers need together. */
function podStorage({ spec }: Rendered, side: 'requests' | 'limits'): number {
  const of = (container: Rendered) => bytes(container.resources[side]['ephemeral-storage']);
  const isSidecar = ({ restartPolicy }: Rendered) => restartPolicy === 'Always';
  const inits = (spec.initContainers ?? []).filter((container: Rendered) => !isSidecar(container));
  const atOnce = [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers];
  return Math.max(
    ...inits.map(of),
    atOnce.map(of).reduce((sum: number, each: number) => sum + each, 0),
  );
}

/** The limit that the program of a pod enforces itself, by its own setting. */
function admitted(objects: Rendered[]): [string, Rendered, number][] {
  const template = (kind: string, name: string) => findByPrefix(objects, kind, name).spec.template;
  const variable = (pod: Rendered, container: string, name: string) =>
    [...pod.spec.initContainers, ...pod.spec.containers]
      .find((each: Rendered) => each.name === container)
      .env.find((each: Rendered) => each.name === name).value;
  const nginx = find(objects, 'ConfigMap', 'mlflow-server-proxy').data['nginx.conf'];
  const server = find(objects, 'Deployment', 'mlflow-server').spec.template;
  const serving = template('Deployment', 'churn-serving');
  const migration = template('Job', 'mlflow-server-migration-');
  return [
    [
      'an artifact',
      server,
      Number(/mlflow-artifacts\/artifacts\/ \{[^]*?client_max_body_size (\d+)m/.exec(nginx)![1]) * MI,
    ],
    ['a model', serving, Number(variable(serving, 'download-model', 'MODEL_SPACE_BYTES'))],
    ['a dump', migration, Number(variable(migration, 'dump', 'DUMP_KIBIBYTES')) * 1024],
  ];
}

const storage = (limit: Size) => ({ ephemeralStorage: { limit } });

describe.each<[string, MlflowPlatformProps, object]>([
  ['by default', {}, {}],
  [
    'with larger spaces',
    { server: { spool: Size.gibibytes(50), dumpSpace: Size.gibibytes(60) } },
    { modelSpace: Size.gibibytes(30) },
  ],
  [
    'with limits of the user below the spaces',
    { server: { resources: storage(Size.gibibytes(3)), jobResources: storage(Size.gibibytes(2)) } },
    { resources: storage(Size.gibibytes(4)) },
  ],
  ['with all of it reserved', { pods: { reserveEphemeralStorage: true } }, {}],
])('%s', (_, props, serving) => {
  test.each(admitted(platform(props, serving)))(
    'the limit of a pod is at least what it accepts: %s',
    (_what, pod, size) => {
      expect(size).toBeGreaterThan(100 * MI);
      expect(size).toBeLessThan(podStorage(pod, 'limits'));
    },
  );
});

describe('reserveEphemeralStorage', () => {
  const objects = platform({ pods: { reserveEphemeralStorage: true } });
  const pods = objects
    .filter(({ spec }) => spec?.template)
    .map(({ metadata, spec }): [string, Rendered] => [metadata.name, spec.template]);

  test.each(pods)(
    'makes every container request its limit, less than the 10Gi of a pod on GKE Autopilot: %s',
    (_, pod) => {
      for (const { resources } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
        expect(resources.requests['ephemeral-storage']).toBe(resources.limits['ephemeral-storage']);
      }
      expect(podStorage(pod, 'requests')).toBeLessThanOrEqual(10 * GI);
    },
  );

  test('still accepts at least 7 GiB of an artifact, a model and a dump', () => {
    for (const [, pod, size] of admitted(objects)) {
      expect(size).toBeGreaterThan(7 * GI);
      expect(size).toBeLessThan(podStorage(pod, 'requests'));
    }
  });

  test('keeps sizes that the user gave', () => {
    const given = platform({ pods: { reserveEphemeralStorage: true }, server: { spool: Size.gibibytes(2) } });
    const { volumes } = find(given, 'Deployment', 'mlflow-server').spec.template.spec;
    expect(volumes.find(({ name }: Rendered) => name === 'tmp').emptyDir.sizeLimit).toBe('2Gi');
  });
});

// Some clusters lower the limits to the requests: the platform still works there with small files.
test('by default each pod requests space for its log and a small model, artifact or dump', () => {
  const objects = platform({}, { runtime: ServingRuntime.offline() });
  for (const { metadata, spec } of objects.filter((object) => object.spec?.template)) {
    expect([metadata.name, podStorage(spec.template, 'requests') >= 128 * MI]).toEqual([metadata.name, true]);
    expect([metadata.name, podStorage(spec.template, 'requests') <= 1.5 * GI]).toEqual([metadata.name, true]);
  }
  for (const [what, pod] of admitted(objects)) expect([what, podStorage(pod, 'requests') >= GI]).toEqual([what, true]);
});

describe('jobResources', () => {
  const memory = { memory: { request: Size.mebibytes(300), limit: Size.mebibytes(900) } };

  test('apply to every Job of a platform and to no other pod', () => {
    for (const { kind, metadata, spec } of platform({ pods: { jobResources: memory } })) {
      if (!spec?.template) continue;
      const found = spec.template.spec.containers.map(({ resources }: Rendered) => resources.limits.memory);
      expect([metadata.name, found.includes('900Mi')]).toEqual([metadata.name, kind === 'Job']);
    }
  });

  test('of the server apply only to its migration, and omitted values keep their defaults', () => {
    const jobs = ofKind(platform({ server: { jobResources: memory } }), 'Job');
    const found = jobs.filter((job) => JSON.stringify(job).includes('900Mi'));
    expect(found.map(({ metadata }) => metadata.name)).toEqual([expect.stringMatching(/^mlflow-server-migration-/)]);
    const [{ resources }] = found[0].spec.template.spec.containers;
    expect(resources.limits).toEqual({ cpu: '1', memory: '900Mi', 'ephemeral-storage': '20992Mi' });
  });

  test('are refused if a request exceeds its limit', () => {
    const wrong = { memory: { request: Size.gibibytes(2), limit: Size.gibibytes(1) } };
    expect(errorOf(() => platform({ pods: { jobResources: wrong } }))).toContain('jobResources.memory requests');
  });
});
