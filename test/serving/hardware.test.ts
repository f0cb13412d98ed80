import { Size } from 'cdk8s';
import { platformWithServings, podOf, servingError, servingObjects, valueOf } from './servings';
import { ModelServingOptions } from '../../lib';

const containersOf = (props: Partial<ModelServingOptions>) => {
  const { spec } = podOf(servingObjects(props));
  return { spec, server: spec.containers[0], download: spec.initContainers[0] };
};

describe('the GPUs of a serving', () => {
  test('are a limit of the container that loads the model, and of no other', () => {
    const { server, download } = containersOf({ gpus: 2 });
    expect(server.resources.limits).toMatchObject({ cpu: '2', memory: '4Gi', 'nvidia.com/gpu': '2' });
    // Kubernetes requests what is in the limit.
    expect(server.resources.requests).not.toHaveProperty('nvidia.com/gpu');
    expect(download.resources.limits).not.toHaveProperty('nvidia.com/gpu');
  });

  test('have the name of another vendor’s resource', () => {
    const { limits } = containersOf({ gpus: 1, gpuResource: 'amd.com/gpu' }).server.resources;
    expect(limits).toMatchObject({ 'amd.com/gpu': '1' });
    expect(limits).not.toHaveProperty('nvidia.com/gpu');
  });

  test('need a RuntimeClass on some clusters, which reaches the pods of that serving only', () => {
    const { mlflow, serving } = platformWithServings({ churn: { gpus: 1, runtimeClassName: 'nvidia' } });
    expect(podOf(serving).spec.runtimeClassName).toBe('nvidia');
    expect(JSON.stringify(mlflow)).not.toContain('runtimeClassName');
  });
});

describe('the shared memory of a serving', () => {
  test('is a volume in memory at /dev/shm', () => {
    const { spec, server } = containersOf({ sharedMemory: Size.gibibytes(1) });
    expect(spec.volumes).toContainEqual({
      name: 'shared-memory',
      emptyDir: { medium: 'Memory', sizeLimit: '1Gi' },
    });
    expect(server.volumeMounts).toContainEqual({ name: 'shared-memory', mountPath: '/dev/shm' });
  });

  test('is not available to the bodies of requests', () => {
    const bytes = (props: Partial<ModelServingOptions>) =>
      Number(valueOf(containersOf(props).server, 'MAX_REQUESTS_BYTES'));
    expect(bytes({})).toBe((4 * 1024 ** 3) / 16);
    expect(bytes({ sharedMemory: Size.gibibytes(2) })).toBe((2 * 1024 ** 3) / 16);
  });
});

test('without them nothing of the pod changes', () => {
  expect(JSON.stringify(podOf(servingObjects()))).not.toMatch(/gpu|shm|shared-memory|runtimeClass/);
});

test.each<[Partial<ModelServingOptions>, string]>([
  [{ gpus: 0 }, 'gpus is 0; expected a whole number of at least 1'],
  [{ gpus: 0.5 }, 'gpus is 0.5; expected a whole number of at least 1'],
  [{ gpus: 17 }, 'gpus is 17; expected a whole number from 1 to 16'],
  [{ gpuResource: 'amd.com/gpu' }, "gpuResource is 'amd.com/gpu' without gpus; expected gpus: 1, or no gpuResource"],
  [{ gpus: 1, gpuResource: 'gpu' }, "gpuResource is 'gpu'; expected the name of a device plugin's resource"],
  [{ gpus: 1, gpuResource: 'kubernetes.io/gpu' }, "gpuResource is 'kubernetes.io/gpu'"],
  [{ sharedMemory: Size.gibibytes(0) }, 'sharedMemory is 0Gi; expected more than zero'],
  [
    { sharedMemory: Size.gibibytes(4) },
    'sharedMemory is 4Gi, and resources.memory.limit is 4Gi; expected less than the limit',
  ],
  [{ runtimeClassName: 'gVisor' }, "runtimeClassName is 'gVisor'"],
])('refuses %j', (props, message) => {
  const said = servingError(props);
  expect(said).toContain('chart/churn: ');
  expect(said).toContain(message);
});
