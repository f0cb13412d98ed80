// What managed clusters do to pods: GKE Autopilot lowers the limits to the requests, and adds requests where none are.
import { Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { BackupTarget, MlflowPlatform, MlflowPlatformProps, RegisteredModel } from '../../lib';
import { Rendered, synth } from '../support/synth';

const UNITS: Record<string, number> = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };
const bytes = (quantity: string) => Number.parseFloat(quantity) * (UNITS[quantity.slice(-2)] ?? 1);

/** An even pod: what it requests is what it may use. */
const even = (gibibytes: number) => ({
  cpu: { request: Cpu.units(1), limit: Cpu.units(1) },
  memory: { request: Size.gibibytes(gibibytes), limit: Size.gibibytes(gibibytes) },
});

function pods(props: MlflowPlatformProps): [string, Rendered][] {
  const objects = synth((chart: Chart) => {
    const mlflow = new MlflowPlatform(chart, 'mlflow', {
      backup: {
        schedule: '0 2 * * *',
        target: BackupTarget.claim({ claimName: 'backups' }),
        // The drill has both at once: with the defaults it would request 17Gi.
        dumpSpace: Size.gibibytes(3),
        drill: { databaseSpace: Size.gibibytes(5) },
      },
      garbageCollection: { schedule: '0 4 * * 6' },
      ...props,
    });
    mlflow.addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion'), resources: even(4) });
  });
  return objects.flatMap(({ kind, metadata, spec }): [string, Rendered][] => {
    const template = spec?.jobTemplate?.spec.template ?? spec?.template;
    return template ? [[`${kind} ${metadata.name.replace(/-[0-9a-f]{10}$/, '')}`, template.spec]] : [];
  });
}

/** The admission: each container may use only what it requests. */
function lowered(pod: Rendered): Rendered {
  const lower = (container: Rendered) => ({
    ...container,
    resources: { requests: container.resources.requests, limits: container.resources.requests },
  });
  return { ...pod, containers: pod.containers.map(lower), initContainers: (pod.initContainers ?? []).map(lower) };
}

/** What the containers that run at once may use, and the most that one init container needs. */
function allowed({ containers, initContainers }: Rendered, resource: string): number {
  const of = ({ resources }: Rendered) => bytes(resources.limits[resource]);
  const sidecars = initContainers.filter((each: Rendered) => each.restartPolicy === 'Always');
  const others = initContainers.filter((each: Rendered) => each.restartPolicy !== 'Always');
  const together = [...containers, ...sidecars].map(of).reduce((sum, each) => sum + each, 0);
  return Math.max(together, ...others.map(of));
}

const disk = ({ volumes }: Rendered) =>
  volumes
    .filter(({ emptyDir }: Rendered) => emptyDir && emptyDir.medium === undefined)
    .reduce((sum: number, { emptyDir }: Rendered) => sum + bytes(emptyDir.sizeLimit), 0);

describe('a cluster that lowers limits to requests', () => {
  const autopilot = pods({ pods: { reserveEphemeralStorage: true }, server: { resources: even(4) } });

  test.each(autopilot)('leaves %s the disk for its volumes, within 10Gi', (_name, pod) => {
    const storage = allowed(lowered(pod), 'ephemeral-storage');
    expect(disk(pod)).toBeLessThanOrEqual(storage);
    expect(storage).toBeLessThanOrEqual(10 * 1024 ** 3);
  });

  test('would evict pods without reserveEphemeralStorage', () => {
    const short = pods({}).filter(([, pod]) => disk(pod) > allowed(lowered(pod), 'ephemeral-storage'));
    expect(short.map(([name]) => name)).toContain('Deployment mlflow-server');
  });

  test.each(autopilot)('finds a request for each limit of %s', (_name, pod) => {
    for (const { resources } of [...pod.containers, ...(pod.initContainers ?? [])]) {
      expect(Object.keys(resources.requests).sort()).toEqual(Object.keys(resources.limits).sort());
    }
  });

  test('leaves a server and a serving their memory, if requests and limits are even', () => {
    for (const [name, pod] of autopilot.filter(([each]) => /mlflow-server$|churn-serving$/.test(each))) {
      const main = [...pod.containers, ...pod.initContainers].find((each) => /^(mlflow|model-server)$/.test(each.name));
      expect([name, main.resources.requests.memory]).toEqual([name, main.resources.limits.memory]);
    }
  });
});
