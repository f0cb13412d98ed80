import { Size, Testing } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { BackupTarget, Exposure, MlflowPlatform, RegisteredModel, ServiceUserRole, TokenIssuer } from '../../lib';
import { PodProps, podTemplate } from '../../lib/component/pod-template';
import { environment, mountConnections, scratch, secretVolume } from '../../lib/kubernetes/pod';
import { containerSecurity } from '../../lib/kubernetes/security';
import { SmallestComponent } from '../support/smallest-component';
import { Rendered, synth } from '../support/synth';

const base: PodProps = { user: 10001, placement: {}, containers: [], volumes: [] };
const component = new SmallestComponent(Testing.chart(), 'smallest');

describe('every pod', () => {
  test('has the pod\'s fields of the Pod Security Standard "restricted"', () => {
    expect(podTemplate(component, base).spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  test('has the containers\' fields of "restricted", with a read-only root', () => {
    expect(containerSecurity(999)).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 999,
      runAsGroup: 999,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  test('has no token of the API server, unless its program calls it', () => {
    expect(podTemplate(component, base).spec.automountServiceAccountToken).toBe(false);
    expect(podTemplate(component, { ...base, apiAccess: true }).spec.automountServiceAccountToken).toBe(true);
  });

  test('has no environment variables of other Services', () => {
    expect(podTemplate(component, base).spec.enableServiceLinks).toBe(false);
  });

  test('reports the last lines of the log as the termination message', () => {
    const container = { name: 'x', image: 'x:1' };
    const { spec } = podTemplate(component, { ...base, containers: [container], initContainers: [container] });
    for (const each of [...spec.containers, ...spec.initContainers!]) {
      expect(each.terminationMessagePolicy).toBe('FallbackToLogsOnError');
    }
  });
});

describe('a cluster that assigns users', () => {
  const size = { request: Size.mebibytes(32), limit: Size.mebibytes(64) };
  const resources = { cpu: { request: Cpu.millis(10), limit: Cpu.millis(100) }, memory: size };
  const own = { name: 'own', image: 'collector:1', resources };
  const objects = synth((chart) => {
    const platform = new MlflowPlatform(chart, 'mlflow', {
      pods: { clusterAssignsUsers: true },
      postgres: { metrics: true },
      backup: { schedule: '@daily', target: BackupTarget.claim({ claimName: 'backups' }) },
      garbageCollection: { schedule: '@daily' },
      server: { sidecars: [own], initContainers: [{ ...own, name: 'own-first' }] },
    });
    platform.server.addServiceAccount({ namespace: 'ml', name: 'trainer', role: ServiceUserRole.TRAINER });
    platform.server.addTokenLogin({
      name: 'ci',
      issuer: TokenIssuer.gitHubActions(),
      claims: { repository: 'example/churn' },
      role: ServiceUserRole.TRAINER,
    });
    platform.addModelServing('churn', {
      model: RegisteredModel.byAlias('churn', 'champion'),
      exposure: Exposure.ingress({ host: 'churn.example.com' }),
    });
  });
  const pods = objects
    .map(({ spec }) => spec?.jobTemplate?.spec.template ?? spec?.template)
    .filter((template) => template !== undefined);

  test('gets no user and no group of any pod and any container', () => {
    expect(pods.length).toBeGreaterThan(10);
    expect(JSON.stringify(pods)).not.toMatch(/"(runAsUser|runAsGroup|fsGroup)"/);
  });

  test('gets pods that are not root, as before', () => {
    for (const { spec } of pods) {
      expect(spec.securityContext.runAsNonRoot).toBe(true);
      for (const { securityContext } of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
        });
      }
    }
  });

  test('adds the user of the drill’s PostgreSQL to /etc/passwd itself', () => {
    expect(JSON.stringify(objects)).not.toContain('/etc/passwd');
    expect(JSON.stringify(objects)).not.toContain('"passwd"');
  });
});

test('only the Job that creates Secrets has a token', () => {
  const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow'));
  const withToken = objects
    .filter(({ spec }) => spec?.template?.spec.automountServiceAccountToken !== false && spec?.template)
    .map(({ metadata }) => metadata.name.replace(/-[0-9a-f]{8}$/, ''));
  expect(withToken).toEqual(['mlflow-credentials']);
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
  expect(accounts.map((account: Rendered) => account.automountServiceAccountToken)).toEqual(accounts.map(() => false));
});

describe('spread', () => {
  const matchLabels = component.podSelector;

  test('pods prefer different nodes', () => {
    const [term] = podTemplate(component, { ...base, spread: 'nodes' }).spec.affinity!.podAntiAffinity!
      .preferredDuringSchedulingIgnoredDuringExecution!;
    expect(term.podAffinityTerm).toEqual({
      labelSelector: { matchLabels },
      topologyKey: 'kubernetes.io/hostname',
    });
  });

  test('pods are spread evenly over zones and nodes, if possible', () => {
    const constraints = podTemplate(component, { ...base, spread: 'zones' }).spec.topologySpreadConstraints!;
    expect(constraints.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    for (const constraint of constraints) {
      expect(constraint).toMatchObject({ whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels } });
    }
  });

  test("the user's affinity replaces the default completely", () => {
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
    expect(podTemplate(component, { ...base, spread: 'zones', placement: { affinity } }).spec.affinity).toEqual(
      affinity,
    );
  });

  test('a single pod has none', () => {
    expect(podTemplate(component, base).spec.affinity).toBeUndefined();
    expect(podTemplate(component, base).spec.topologySpreadConstraints).toBeUndefined();
  });
});

test('the environment of a pod is rendered as variables', () => {
  expect(environment({ A: '1', B: '2' })).toEqual([
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ]);
});

test('scratch space has a limit', () => {
  expect(scratch('tmp', Size.mebibytes(64))).toEqual({
    name: 'tmp',
    emptyDir: { sizeLimit: '64Mi', medium: undefined },
  });
  expect(scratch('shm', Size.mebibytes(64), 'Memory').emptyDir).toEqual({ sizeLimit: '64Mi', medium: 'Memory' });
});

test('a volume of Secrets has one source for each Secret, and files named like the variables', () => {
  const variable = (name: string, secretName: string, key: string) => ({ variable: name, secretName, key });
  const volume = secretVolume('secrets', [variable('A', 'x', 'a'), variable('B', 'y', 'b'), variable('C', 'x', 'c')]);
  expect(volume.projected).toEqual({
    defaultMode: 0o440,
    sources: [
      {
        secret: {
          name: 'x',
          items: [
            { key: 'a', path: 'A' },
            { key: 'c', path: 'C' },
          ],
        },
      },
      { secret: { name: 'y', items: [{ key: 'b', path: 'B' }] } },
    ],
  });
});

describe('connections of a pod', () => {
  test('are empty if there is none', () => {
    expect(mountConnections([])).toEqual({ volumes: [], mounts: [], environment: {} });
  });

  test('have their Secrets in one read-only folder', () => {
    const connection = (name: string) => ({
      environment: { [name]: '1' },
      secretVariables: [{ variable: name, secretName: name.toLowerCase(), key: 'k' }],
      egress: [],
    });
    const mounted = mountConnections([connection('A'), connection('B')], connection('C').secretVariables);
    expect(mounted.environment).toEqual({ A: '1', B: '1' });
    expect(mounted.mounts).toEqual([{ name: 'secrets', mountPath: '/run/secrets/mlflow', readOnly: true }]);
    expect(mounted.volumes).toHaveLength(1);
    expect(mounted.volumes[0].projected!.sources).toHaveLength(3);
  });

  test('have one volume for each Secret with files, mounted at the given paths', () => {
    const files = (secretName: string) => ({ secretName, keys: ['ca.crt'], directory: `/etc/${secretName}` });
    const { volumes, mounts } = mountConnections([
      { environment: {}, secretFiles: [files('a'), files('b')], egress: [] },
    ]);
    expect(volumes.map(({ name, secret }) => [name, secret!.secretName])).toEqual([
      ['files-0', 'a'],
      ['files-1', 'b'],
    ]);
    expect(mounts).toEqual([
      { name: 'files-0', mountPath: '/etc/a', readOnly: true },
      { name: 'files-1', mountPath: '/etc/b', readOnly: true },
    ]);
  });

  test('have writable volumes', () => {
    const claims = [{ claimName: 'artifacts', directory: '/mlartifacts' }];
    const { volumes, mounts } = mountConnections([{ environment: {}, claims, egress: [] }]);
    expect(volumes).toEqual([{ name: 'claim-0', persistentVolumeClaim: { claimName: 'artifacts' } }]);
    expect(mounts).toEqual([{ name: 'claim-0', mountPath: '/mlartifacts' }]);
  });
});
