import { ago, deployment, labels, object, snapshot } from './platform';
import { examine } from '../../../cli/doctor/checks';
import { isOlder } from '../../../cli/doctor/checks/versions';
import { Snapshot } from '../../../cli/doctor/snapshot';

const checks = (given: Snapshot) => examine(given).map(({ check, severity }) => `${severity} ${check}`);
const waiting = (reason: string, message = '') => ({
  phase: 'Pending',
  conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: ago(600) }],
  containerStatuses: [{ name: 'main', state: { waiting: { reason, message } } }],
});
const secret = (name: string) => ({
  volumes: [{ name: 's', secret: { secretName: name, items: [{ key: 'password' }] } }],
});

test('a platform whose pods are Ready gives no finding', () => {
  expect(checks(snapshot(deployment('mlflow-server', 'server')))).toEqual([]);
});

test('a pod that does not become Ready is a consequence of the error of the database', () => {
  const database = object('StatefulSet', 'mlflow-postgres', 'postgres', {
    spec: { replicas: 0, template: { metadata: { labels: labels('postgres') }, spec: { containers: [] } } },
  });
  const [cause, ...others] = examine(
    snapshot([...deployment('mlflow-server', 'server', {}, waiting('CrashLoopBackOff')), database]),
  );
  expect(others).toEqual([]);
  expect(cause).toMatchObject({ check: 'scaled-to-zero', object: 'statefulset/mlflow-postgres' });
  expect(cause.consequences).toEqual([expect.stringMatching(/mlflow-server.* is not Ready since 10 minutes/)]);
});

test('a warning explains no pod that is not Ready', () => {
  const paused = deployment('mlflow-server', 'server', {}, waiting('ContainerCreating'));
  paused[0].spec.paused = true;
  expect(checks(snapshot(paused))).toEqual(['error not-ready', 'warning paused']);
});

test('a pod that starts since a minute is not reported', () => {
  const status = waiting('ContainerCreating');
  status.conditions[0].lastTransitionTime = ago(60);
  expect(checks(snapshot(deployment('mlflow-server', 'server', {}, status)))).toEqual([]);
});

test.each([
  ['does not exist', [], ['error secret-missing']],
  ['lacks a key', [{ keys: {} }], ['error secret-key-missing']],
  [
    'has an empty value',
    [{ keys: { password: { blank: true, htpasswd: false, fernet: false } } }],
    ['error secret-shape'],
  ],
  ['is whole', [{ keys: { password: { blank: false, htpasswd: false, fernet: false } } }], []],
])('a Secret that %s', (_, secrets: any[], found) => {
  const facts = secrets.map((each) => ({ name: 'own', namespace: 'mlflow', type: 'Opaque', ...each }));
  expect(checks(snapshot(deployment('mlflow-server', 'server', secret('own')), { secrets: facts }))).toEqual(found);
});

test('without the right to read Secrets, none is reported as missing', () => {
  expect(checks(snapshot(deployment('mlflow-server', 'server', secret('own')), {}, ['Secret']))).toEqual([]);
});

test('a Secret that the credentials Job will create is not reported, and its failure is', () => {
  const plan = { secrets: [{ name: 'own', keys: { password: { generate: 'password' } } }] };
  const map = object('ConfigMap', 'mlflow-credentials', 'credentials', {
    data: { 'credentials.json': JSON.stringify(plan) },
  });
  const template = { metadata: { labels: labels('credentials') }, spec: { containers: [] } };
  const job = (status: object) =>
    object('Job', 'mlflow-credentials-00000000', 'credentials', { spec: { template }, status });
  const rest = [...deployment('mlflow-server', 'server', secret('own'), waiting('ContainerCreating')), map];
  const young = job({ active: 1 });
  young.metadata.creationTimestamp = ago(30);
  expect(checks(snapshot([...rest, young]))).toEqual(['error not-ready']);
  const failed = job({ conditions: [{ type: 'Failed', status: 'True', message: 'backoff limit' }] });
  expect(checks(snapshot([...rest, failed]))).toEqual(['error job-failed']);
});

describe('a server that waits for the schema', () => {
  const older = 'The tracking database mlflow is at schema 1, this MLflow wants 2: waiting for the migration.';
  const found = (line: string | undefined, seconds: number) => {
    const running = { startedAt: ago(seconds) };
    const status = {
      phase: 'Pending',
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: ago(seconds) }],
      initContainerStatuses: [{ name: 'wait-for-schema', state: { running } }],
    };
    const logs = { 'mlflow/mlflow-server-1/wait-for-schema': line };
    const objects = deployment('mlflow-server', 'server', {}, status as any);
    return checks(snapshot(objects, { logs: line ? (logs as Record<string, string>) : {} }));
  };

  test('is reported as soon as it says so, or after a minute without a line', () => {
    expect([found(older, 5), found(undefined, 90)]).toEqual([['error schema'], ['error schema']]);
  });

  test('is not reported while it starts, or once it has found the schema', () => {
    expect([found(undefined, 5), found('The schema is the one that this MLflow wants.', 90)]).toEqual([[], []]);
  });
});

describe('an autoscaler', () => {
  const hpa = (age: number) => {
    const conditions = [{ type: 'ScalingActive', status: 'False', message: 'unable to get resource metric cpu' }];
    const found = object('HorizontalPodAutoscaler', 'mlflow-server-hpa', 'server', { status: { conditions } });
    found.metadata.creationTimestamp = ago(age);
    return found;
  };

  test('without metrics is a warning with the name of metrics-server', () => {
    const [finding] = examine(snapshot([...deployment('mlflow-server', 'server'), hpa(600)]));
    expect(finding).toMatchObject({
      check: 'autoscaler',
      severity: 'warning',
      todo: expect.stringMatching('metrics-server'),
    });
  });

  test('gets two minutes for its first metrics', () => {
    expect(checks(snapshot([...deployment('mlflow-server', 'server'), hpa(60)]))).toEqual([]);
  });
});

describe('the deployer', () => {
  const lease = (seconds: number) =>
    object('Lease', 'mlflow-deployer', '', { spec: { holderIdentity: 'a', renewTime: ago(seconds) } });

  test.each([
    [5, []],
    [300, ['error deployer-leader']],
  ])('whose Lease was renewed %d s ago', (seconds, found) => {
    expect(checks(snapshot([...deployment('mlflow-deployer', 'deployer'), lease(seconds)]))).toEqual(found);
  });
});

describe('a serving', () => {
  const target = { namespace: 'mlflow', deployment: 'line-serving', model: 'line', alias: 'champion' };
  const targets = object('ConfigMap', 'targets', 'deployer', {
    data: { 'targets.json': JSON.stringify({ targets: [target] }) },
  });
  const serving = (version: string, state?: object) => {
    const containers = [
      { name: 'main', image: 'own:1', env: version ? [{ name: 'MODEL_VERSION', value: version }] : [] },
    ];
    const [found, pod] = deployment('line-serving', 'serving', { containers });
    found.metadata.annotations = state && { 'cdk8s-mlflow/deployer': JSON.stringify(state) };
    return [found, pod, targets];
  };
  const probe = (alias?: string): Snapshot['probes'][number] => ({
    ...{ namespace: 'mlflow', server: 'mlflow-server', anonymous: { status: 401 } },
    aliases: { 'line@champion': alias },
  });

  test.each<[string, any[], Snapshot['probes'], string[]]>([
    ['without a version', serving(''), [], ['error no-version']],
    ['with the version of its alias', serving('3'), [probe('3')], []],
    ['behind its alias', serving('3'), [probe('4')], ['warning serving-behind']],
    ['whose alias was deleted', serving('3'), [probe()], ['warning alias-missing']],
    [
      'that was rolled back',
      serving('3', {
        version: '3',
        phase: 'serving',
        since: ago(60),
        failed: { version: '4', reason: 'it is broken' },
      }),
      [],
      ['error rolled-back'],
    ],
  ])('%s', (_, objects, probes, found) => {
    expect(checks(snapshot(objects, { probes }))).toEqual(found);
  });
});

describe('a request without a login', () => {
  const users = { volumes: [{ name: 'users', secret: { secretName: 'u', items: [{ key: 'auth' }], optional: true } }] };
  const probe = (status: number) => ({
    namespace: 'mlflow',
    server: 'mlflow-server',
    anonymous: { status },
    aliases: {},
  });

  test.each([
    ['is refused', users, 401, []],
    ['is answered', users, 200, ['error no-login']],
    ['is answered as with Authentication.none()', {}, 200, []],
    ['fails', users, 502, ['error server-error']],
  ])('%s', (_, spec, status, found) => {
    expect(checks(snapshot(deployment('mlflow-server', 'server', spec), { probes: [probe(status)] }))).toEqual(found);
  });
});

describe('a certificate', () => {
  const spec = { ingressClassName: 'own', tls: [{ hosts: ['a.example.com'], secretName: 'tls' }], rules: [] };
  const ingress = object('Ingress', 'mlflow-ingress', 'server', { spec, status: { loadBalancer: { ingress: [{}] } } });
  const facts = (certificate: object) => [
    { name: 'tls', namespace: 'mlflow', type: 'kubernetes.io/tls', keys: { 'tls.key': { blank: false } }, certificate },
  ];
  const good = { readable: true, notAfter: '2027-01-01T00:00:00.000Z', covers: ['a.example.com'] };

  test.each([
    ['is good', good, []],
    ['has expired', { ...good, notAfter: '2026-05-01T00:00:00.000Z' }, ['error certificate-expiry']],
    ['expires in a week', { ...good, notAfter: '2026-06-08T00:00:00.000Z' }, ['warning certificate-expiry']],
    ['is for another host', { ...good, covers: [] }, ['error certificate-host']],
    ['is no certificate', { readable: false, covers: [] }, ['error tls-secret']],
  ])('%s', (_, certificate, found) => {
    const given = snapshot([ingress, { kind: 'IngressClass', metadata: { name: 'own' } }], {
      secrets: facts(certificate) as any,
    });
    expect(checks(given)).toEqual(found);
  });
});

test.each([
  [[], ['error route-not-accepted']],
  [
    [
      {
        parentRef: { name: 'public' },
        conditions: [{ type: 'Accepted', status: 'False', reason: 'NotAllowedByListeners' }],
      },
    ],
    ['error route-not-accepted'],
  ],
  [[{ parentRef: { name: 'public' }, conditions: [{ type: 'Accepted', status: 'True' }] }], []],
])('an HTTPRoute with the answers %j', (parents, found) => {
  const route = object('HTTPRoute', 'mlflow', 'server', {
    spec: { parentRefs: [{ name: 'public' }] },
    status: { parents },
  });
  expect(checks(snapshot([route]))).toEqual(found);
});

test.each([
  ['a fresh backup', ago(3600), []],
  ['a backup of three days ago', ago(3 * 86_400), ['warning backup-stale']],
  ['no backup yet, on its first day', undefined, []],
])('%s', (_, lastSuccessfulTime, found) => {
  const template = { spec: { containers: [] } };
  const spec = { suspend: false, jobTemplate: { spec: { template } } };
  const cronJob = object('CronJob', 'mlflow-backup', 'backup', { spec, status: { lastSuccessfulTime } });
  expect(checks(snapshot([cronJob]))).toEqual(found);
});

test.each([
  ['docker.io/library/postgres:16.4', 'docker.io/library/postgres:17.11', true],
  ['mirror.example.com/library/postgres:17.9', 'docker.io/library/postgres:17.11', true],
  ['docker.io/library/postgres:17.11', 'docker.io/library/postgres:17.11', false],
  ['docker.io/library/postgres:18.1', 'docker.io/library/postgres:17.11', false],
  ['docker.io/own/postgres:16', 'docker.io/library/postgres:17.11', false],
  ['docker.io/library/postgres@sha256:0', 'docker.io/library/postgres:17.11', false],
])('whether %s is older than %s', (image, pin, older) => {
  expect(isOlder(image, pin)).toBe(older);
});
