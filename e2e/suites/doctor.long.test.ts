// `npx cdk8s-mlflow doctor` on a healthy platform, and on the same one broken in one way after another. docs/how-to/doctor.md.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duration, Size } from 'cdk8s';
import { BackupTarget, Exposure, MlflowPlatform, RegisteredModel, Tls } from '../../lib';
import { certificateOf, tlsSecret } from '../lib/certificate';
import { Doctor, Examination, Saved } from '../lib/doctor';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { run, until } from '../lib/process';

const HOST = 'mlflow.example.com';
/** Of the Ingress. No controller runs: the test writes its status. */
const CLASS = 'doctor-e2e';
const namespace = new Namespace('mlflow-e2e-doctor');
const saved = new Saved(namespace);
let doctor: Doctor;

const build = (serving: boolean) =>
  new Platform(
    namespace,
    'mlflow',
    (chart) => {
      const mlflow = new MlflowPlatform(chart, 'mlflow', {
        postgres: { resources: little, storage: Size.gibibytes(1) },
        minio: { resources: little, storage: Size.gibibytes(1) },
        server: { resources: little, proxyResources: little, replicas: 1, drainTimeout: Duration.seconds(10) },
        exposure: Exposure.ingress({ host: HOST, className: CLASS, tls: Tls.fromSecret('tls') }),
        backup: { schedule: '0 2 1 1 *', target: BackupTarget.claim({ claimName: 'backups' }) },
      });
      if (!serving) return;
      mlflow.addModelServing('line', { model: RegisteredModel.byAlias('line', 'champion'), resources: little });
    },
    { file: `doctor-${serving}` },
  ).synth();

const platform = build(false);
const ingressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: CLASS },
  spec: { controller: 'example.com/doctor-e2e' },
};
const claim = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more },
});

const healthy = (found: Examination) => found.findings.length === 0;
const summary = ({ findings }: Examination) => findings.map(({ check, object, says }) => `${check} ${object}: ${says}`);

async function untilHealthy(seconds: number): Promise<void> {
  let last: Examination | undefined;
  await until('the doctor finds nothing', seconds, () => healthy((last = doctor.examine()))).catch(() => undefined);
  expect(summary(last!)).toEqual([]);
}

jest.setTimeout(900_000);

beforeAll(async () => {
  doctor = new Doctor(namespace);
  namespace.remove();
  run('kubectl', ['apply', '--filename', '-'], { input: JSON.stringify(ingressClass) });
  platform.apply();
  namespace.apply(claim('backups'));
  namespace.apply(tlsSecret('tls', certificateOf([HOST], 90)));
  const status = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.10' }] } } };
  namespace.kubectl(
    'patch',
    'ingress/mlflow-ingress',
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify(status),
  );
  await platform.untilReady(1, 400);
});

afterAll(() => {
  if (process.env.E2E_KEEP) return;
  run('kubectl', ['delete', 'ingressclass', CLASS, '--ignore-not-found']);
  namespace.remove();
});

test('a healthy platform gives no finding, and exit code 0', async () => {
  await untilHealthy(240);
  const { status, notExamined } = doctor.examine();
  expect({ status, notExamined }).toEqual({ status: 0, notExamined: [] });
});

test('a healthy platform gives no finding with a login and a run', () => {
  const { findings, notExamined } = doctor.examine('--write');
  expect({ findings, notExamined }).toEqual({ findings: [], notExamined: [] });
});

test('with the rights of the role "view", it finds nothing and says what it could not examine', () => {
  const account = `--serviceaccount=${namespace.name}:viewer`;
  namespace.kubectl('create', 'serviceaccount', 'viewer');
  namespace.kubectl('create', 'rolebinding', 'viewer', '--clusterrole=view', account);
  const config = namespace.json('config', 'view', '--raw', '--minify', '--flatten');
  config.users[0].user = { token: namespace.kubectl('create', 'token', 'viewer').trim() };
  const file = join(mkdtempSync(join(tmpdir(), 'viewer-')), 'config');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const { findings, notExamined } = doctor.examine('--kubeconfig', file);
  namespace.kubectl('delete', 'serviceaccount/viewer', 'rolebinding/viewer');
  expect(findings).toEqual([]);
  expect(notExamined[0]).toMatch(/^You may not read .*secrets/);
});

const SERVER = 'deployment/mlflow-server';

/** Changes a container of the server. With one replica, the old pod keeps serving. */
function container(name: string, change: object): void {
  const { containers } = namespace.json('get', SERVER).spec.template.spec;
  // MLflow is a sidecar: an init container that keeps running.
  const list = containers.some((each: any) => each.name === name) ? 'containers' : 'initContainers';
  pod({ [list]: [{ name, ...change }] });
}

function pod(change: object): void {
  patch(SERVER, { spec: { template: { spec: change } } });
}

function patch(name: string, change: object, type = 'strategic'): void {
  saved.save(name);
  namespace.kubectl('patch', name, `--type=${type}`, '-p', JSON.stringify(change));
}

function remove(...names: string[]): void {
  saved.save(...names);
  for (const name of names) namespace.kubectl('delete', name, '--cascade=orphan');
}

function create(object: any): () => void {
  const name = `${object.kind}/${object.metadata.name}`;
  namespace.create(object);
  return () => void namespace.try(['delete', name, '--ignore-not-found', '--cascade=foreground']);
}

const restartServer = () => namespace.kubectl('rollout', 'restart', SERVER);
const labels = (component: string) => ({
  'app.kubernetes.io/name': 'mlflow',
  'app.kubernetes.io/instance': 'mlflow',
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/part-of': 'mlflow',
});

/** A Job in place of a component's own, which runs a shell command. */
function job(component: string, name: string, command: string, more: object = {}): () => void {
  const [own] = namespace.json('get', 'jobs', '--selector', 'app.kubernetes.io/component=migration').items;
  const { containers, securityContext } = own.spec.template.spec;
  const spec = {
    restartPolicy: 'Never',
    securityContext,
    containers: [{ ...containers[0], command: ['sh', '-c', command], volumeMounts: [], env: [] }],
  };
  return create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels: labels(component) },
    spec: { template: { metadata: { labels: labels(component) }, spec }, ...more },
  });
}

const FAILS = 'echo the disk is gone >&2; exit 1 # DIE';

/** Each breaks the platform. It may return what mends it; the objects that it saved are put back too. */
const breaks: [title: string, check: string, says: RegExp, make: () => void | (() => void)][] = [
  [
    'an image with a tag that does not exist',
    'image-pull',
    /deployment\/mlflow-server: the image docker\.io\/library\/node:absent of the container nginx .* cannot be pulled: /,
    () => container('nginx', { image: 'docker.io/library/node:absent' }),
  ],
  [
    'an image with an invalid name',
    'image-pull',
    /the image docker\.io\/UPPER of the container mlflow .* cannot be pulled: /,
    () => container('mlflow', { image: 'docker.io/UPPER' }),
  ],
  [
    'a request for more CPU than a node has',
    'unschedulable',
    /deployment\/mlflow-server: no node takes the pod .*Insufficient cpu/,
    () => container('mlflow', { resources: { requests: { cpu: '640' }, limits: { cpu: '640' } } }),
  ],
  [
    'a node selector that no node has',
    'unschedulable',
    /no node takes the pod .*node affinity\/selector/,
    () => pod({ nodeSelector: { disk: 'absent' } }),
  ],
  [
    'a program that ends',
    'crash',
    /the container mlflow .* ends with exit code 1 and is started again\. Its last line: the disk is gone\./,
    () => container('mlflow', { command: ['sh', '-c', FAILS], args: null }),
  ],
  [
    'a program that uses too much memory',
    'out-of-memory',
    /the container mlflow .* was killed because it used more memory than its limit of 64Mi/,
    () =>
      container('mlflow', {
        command: ['python', '-c', 'b = []\nwhile True: b.append(bytearray(10**7)) # EAT'],
        args: null,
        resources: { requests: { memory: '64Mi' }, limits: { memory: '64Mi' } },
      }),
  ],
  [
    'a server scaled to 0',
    'scaled-to-zero',
    /deployment\/mlflow-server is scaled to 0 replicas/,
    () => patch(SERVER, { spec: { replicas: 0 } }),
  ],
  [
    'a database scaled to 0',
    'scaled-to-zero',
    /statefulset\/mlflow-postgres is scaled to 0 replicas/,
    () => patch('statefulset/mlflow-postgres', { spec: { replicas: 0 } }),
  ],
  [
    'a paused Deployment',
    'paused',
    /deployment\/mlflow-server is paused/,
    () => patch(SERVER, { spec: { paused: true } }),
  ],
  [
    'a deleted store',
    'workload-missing',
    /The StatefulSet of the minio does not exist/,
    () => {
      saved.save('statefulset/mlflow-minio');
      namespace.kubectl('delete', 'statefulset/mlflow-minio');
    },
  ],
  [
    'a deleted Secret',
    'secret-missing',
    /The Secret mlflow-s3-secret does not exist\. deployment\/mlflow-server.* cannot start a pod without it/,
    () => remove('secret/mlflow-s3-secret'),
  ],
  [
    'a Secret without a key',
    'secret-key-missing',
    /The Secret mlflow-basic-auth has no key 'auth'/,
    () => patch('secret/mlflow-basic-auth', { data: { auth: null } }, 'merge'),
  ],
  [
    'a Secret with an empty value',
    'secret-shape',
    /The Secret mlflow-s3-secret has a value of the wrong form: AWS_SECRET_ACCESS_KEY is empty/,
    () => patch('secret/mlflow-s3-secret', { data: { AWS_SECRET_ACCESS_KEY: '' } }, 'merge'),
  ],
  [
    'a Secret with a password in place of an htpasswd file',
    'secret-shape',
    /The Secret mlflow-basic-auth has a value of the wrong form: auth has no line 'user:hash'/,
    () => patch('secret/mlflow-basic-auth', { stringData: { auth: 'secret' } }, 'merge'),
  ],
  [
    'a deleted ConfigMap',
    'config-map-missing',
    /The ConfigMap mlflow-server-proxy does not exist/,
    () => remove('configmap/mlflow-server-proxy'),
  ],
  [
    'a deleted ServiceAccount',
    'service-account-missing',
    /The ServiceAccount mlflow-server does not exist\. deployment\/mlflow-server cannot start a pod without it/,
    () => {
      remove('serviceaccount/mlflow-server');
      restartServer();
    },
  ],
  [
    'a quota that admits no pod',
    'pod-refused',
    /deployment\/mlflow-server: Kubernetes refuses its pods: .*exceeded quota: none/,
    () => {
      const mend = create({
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'none' },
        spec: { hard: { pods: '0' } },
      });
      restartServer();
      return mend;
    },
  ],
  [
    'a LimitRange below a limit',
    'pod-refused',
    /Kubernetes refuses its pods: .*maximum memory usage per Container is 10Mi/,
    () => {
      const limits = [{ type: 'Container', max: { memory: '10Mi' } }];
      const mend = create({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'small' }, spec: { limits } });
      restartServer();
      return mend;
    },
  ],
  [
    'a pod that is not "restricted"',
    'pod-refused',
    /deployment\/mlflow-server: Kubernetes refuses its pods: .*violates PodSecurity "restricted/,
    () => pod({ hostNetwork: true }),
  ],
  [
    'a claim that does not exist',
    'claim-missing',
    /The PersistentVolumeClaim absent does not exist/,
    () => pod({ volumes: [{ name: 'extra', persistentVolumeClaim: { claimName: 'absent' } }] }),
  ],
  [
    'a claim of a StorageClass that does not exist',
    'claim-pending',
    /The PersistentVolumeClaim extra has no volume: the StorageClass 'absent' does not exist/,
    () => {
      const mend = create(claim('extra', { storageClassName: 'absent' }));
      pod({ volumes: [{ name: 'extra', persistentVolumeClaim: { claimName: 'extra' } }] });
      return mend;
    },
  ],
  [
    'a default-deny policy without the policy of the database',
    'policy',
    /do not allow .* to connect to statefulset\/mlflow-postgres on port 5432 \(ingress; default-deny\)/,
    () => {
      remove('networkpolicy/mlflow-postgres');
      const spec = { podSelector: {}, policyTypes: ['Ingress'] };
      return create({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'default-deny' },
        spec,
      });
    },
  ],
  [
    'a policy with another port',
    'policy',
    /do not allow deployment\/mlflow-server to connect to .* on port 5432 \(egress; mlflow-server\)/,
    () => {
      const { egress } = namespace.json('get', 'networkpolicy/mlflow-server').spec;
      const changed = egress.map((rule: any) => JSON.parse(JSON.stringify(rule).replace('"port":5432', '"port":5433')));
      patch('networkpolicy/mlflow-server', { spec: { egress: changed } }, 'merge');
    },
  ],
  [
    'a Service with another selector',
    'service-selector',
    /The selector of service\/mlflow-server selects no pod/,
    () => patch('service/mlflow-server', { spec: { selector: { 'app.kubernetes.io/component': 'other' } } }),
  ],
  [
    'a migration that fails',
    'job-failed',
    /job\/mlflow-server-migration-00000000, which upgrades the database schema, has failed: .* Its last line: the disk is gone/,
    () => job('migration', 'mlflow-server-migration-00000000', FAILS, { backoffLimit: 0 }),
  ],
  [
    'a set-up that is tried again',
    'job-retries',
    /job\/mlflow-minio-set-up-00000000, which creates MLflow's key and bucket, fails and is tried again: /,
    () => job('minio-set-up', 'mlflow-minio-set-up-00000000', FAILS, { backoffLimit: 20 }),
  ],
  [
    'a suspended Job',
    'job-suspended',
    /job\/mlflow-credentials-00000000, which creates the Secrets, is suspended/,
    () => job('credentials', 'mlflow-credentials-00000000', 'true', { suspend: true }),
  ],
  [
    'a server that waits for a schema that no migration brings',
    'schema',
    /deployment\/mlflow-server waits for the database schema .*The Job mlflow-server-migration-\w+ is complete/,
    () => {
      const command =
        "echo 'The database mlflow is at schema 1, this MLflow wants 2: waiting for the migration.'; sleep 3600 # WAITFOREVER";
      container('wait-for-schema', { command: ['sh', '-c', command], args: null });
    },
  ],
  [
    'an IngressClass that does not exist',
    'ingress-class',
    /ingress\/mlflow-ingress names the IngressClass 'absent', which does not exist/,
    () => patch('ingress/mlflow-ingress', { spec: { ingressClassName: 'absent' } }),
  ],
  [
    'a deleted TLS Secret',
    'tls-secret',
    /The Secret tls with the certificate of mlflow\.example\.com does not exist/,
    () => remove('secret/tls'),
  ],
  [
    'a certificate for another host',
    'certificate-host',
    /The certificate in the Secret tls does not hold for mlflow\.example\.com/,
    () => {
      saved.save('secret/tls');
      namespace.apply(tlsSecret('tls', certificateOf(['other.example.com'], 90)));
    },
  ],
  [
    'a certificate that ends soon',
    'certificate-expiry',
    /The certificate in the Secret tls expires on /,
    () => {
      saved.save('secret/tls');
      namespace.apply(tlsSecret('tls', certificateOf([HOST], 3)));
    },
  ],
  [
    'a PodDisruptionBudget of a single replica',
    'disruption-budget',
    /poddisruptionbudget\/mlflow-server allows no eviction: it wants 1 of 1 pods/,
    () => {
      const { 'app.kubernetes.io/part-of': _part, ...matchLabels } = labels('server');
      const spec = { minAvailable: 1, selector: { matchLabels } };
      const metadata = { name: 'mlflow-server', labels: labels('server') };
      return create({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec });
    },
  ],
  [
    'a suspended backup',
    'cron-job-suspended',
    /The backup \(cronjob\/mlflow-backup\) is suspended/,
    () => patch('cronjob/mlflow-backup', { spec: { suspend: true } }),
  ],
  [
    'a backup that fails',
    'backup-failed',
    /The backup \(cronjob\/mlflow-backup\) failed the last time: job\/backup-now\. Its last line: the disk is gone/,
    () => job('backup', 'backup-now', FAILS, { backoffLimit: 0 }),
  ],
  [
    'an image of an older version',
    'version-behind',
    /cronjob\/mlflow-restore runs ghcr\.io\/mlflow\/mlflow:v3\.1\.0-full; this version of cdk8s-mlflow runs /,
    () => {
      const { containers = [], initContainers = [] } = namespace.json('get', 'cronjob/mlflow-restore').spec.jobTemplate
        .spec.template.spec;
      const old = (each: any) => ({ ...each, image: each.image.replace(/(mlflow\/mlflow):.*/, '$1:v3.1.0-full') });
      const spec = { containers: containers.map(old), initContainers: initContainers.map(old) };
      patch('cronjob/mlflow-restore', { spec: { jobTemplate: { spec: { template: { spec } } } } }, 'merge');
    },
  ],
];

test.each(breaks)('finds %s, and nothing else', async (_, check, says, make) => {
  const mend = make();
  try {
    let last: Examination | undefined;
    const isFound = () => {
      last = doctor.examine();
      return last.findings.some((finding) => finding.check === check && says.test(finding.says));
    };
    await until(check, 120, isFound).catch(() => undefined);
    expect(summary(last!)).toEqual([expect.stringMatching(says)]);
    expect(last!.findings[0].check).toBe(check);
    expect(last!.status).toBe(1);
  } finally {
    mend?.();
    saved.restore();
  }
  await untilHealthy(240);
});

test('finds a serving without a version, and a deployer without its permission', async () => {
  build(true).apply();
  let last: Examination | undefined;
  const only = (check: string) => () => {
    last = doctor.examine();
    return last.findings.length === 1 && last.findings[0].check === check;
  };
  await until('no version', 240, only('no-version')).catch(() => undefined);
  expect(summary(last!)).toEqual([
    expect.stringMatching(/line-serving has no version yet: .* alias 'champion' of the model line/),
  ]);
  namespace.kubectl('delete', 'rolebinding/line-serving-deployer');
  await until('no permission', 60, only('deployer-permission')).catch(() => undefined);
  expect(summary(last!)).toEqual([expect.stringMatching(/The RoleBinding line-serving-deployer does not exist/)]);
});
