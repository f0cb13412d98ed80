import { ArtifactStore, MlflowPlatform, TrackingServerOptions, ExistingClaimProps } from '../../lib';
import { client } from '../support/components';
import { errorOf, find, findByPrefix, synth } from '../support/synth';

const allProps: Required<ExistingClaimProps> = { claimName: 'artifacts', readWriteMany: true };

const platform = (props: ExistingClaimProps, server?: TrackingServerOptions) =>
  synth((chart) => new MlflowPlatform(chart, 'mlflow', { artifacts: ArtifactStore.fromClaim(props), server }));

test('a connection to an existing claim', () => {
  expect(ArtifactStore.fromClaim(allProps).connectFrom(client(0))).toEqual({
    environment: {},
    claims: [{ claimName: 'artifacts', directory: '/mlartifacts' }],
    egress: [],
  });
});

test('the server and its migration mount the claim at the path of the URI', () => {
  const objects = platform(allProps);
  expect(ArtifactStore.fromClaim(allProps).uri).toBe('file:///mlartifacts');
  const workloads = [
    find(objects, 'Deployment', 'mlflow-server'),
    findByPrefix(objects, 'Job', 'mlflow-server-migration-'),
  ];
  for (const { spec } of workloads) {
    expect(spec.template.spec.volumes).toContainEqual({
      name: 'claim-0',
      persistentVolumeClaim: { claimName: 'artifacts' },
    });
    expect(JSON.stringify(spec.template.spec)).toContain('{"mountPath":"/mlartifacts","name":"claim-0"}');
  }
});

test('a platform with a claim creates no MinIO', () => {
  expect(platform(allProps).filter(({ metadata }) => metadata.name.startsWith('mlflow-minio'))).toEqual([]);
});

test('clients outside the platform cannot use a claim', () => {
  expect(ArtifactStore.fromClaim(allProps).reachableByClients).toBe(false);
});

describe('a volume that only one node can mount', () => {
  test('is the default, and allows one server', () => {
    expect(ArtifactStore.fromClaim({ claimName: 'artifacts' }).sharedByReplicas).toBe(false);
    expect(platform({ claimName: 'artifacts' }, { replicas: 1 })).not.toEqual([]);
  });

  test('refuses several servers', () => {
    expect(errorOf(() => platform({ claimName: 'artifacts' }))).toContain(
      'chart/mlflow/server: there can be 10 servers, and the artifact store supports a single replica; expected replicas: 1',
    );
  });

  // Otherwise a new pod on another node would wait for the volume, and the old pod for the new one.
  test('is released by the old server before the new one starts', () => {
    const objects = platform({ claimName: 'artifacts' }, { replicas: 1 });
    expect(find(objects, 'Deployment', 'mlflow-server').spec.strategy).toEqual({ type: 'Recreate' });
  });
});

test('a volume that several nodes can mount allows several servers and a rolling update', () => {
  const { spec } = find(platform(allProps), 'Deployment', 'mlflow-server');
  expect(spec.strategy.type).toBe('RollingUpdate');
});

test.each(['', 'My_Claim'])('refuses the claim name %p', (claimName) => {
  expect(errorOf(() => platform({ claimName, readWriteMany: true }))).toContain(
    `chart/mlflow/server: claimName is '${claimName}'; expected`,
  );
});
