// Pods that train log in with the token of their ServiceAccount, without a password.
import { Size } from 'cdk8s';
import { Images, MlflowPlatform, ServiceUserRole } from '../../lib';
import { basic, loginOf } from '../lib/client';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { until } from '../lib/process';

const namespace = new Namespace('mlflow-e2e-accounts');
const training = new Namespace('mlflow-e2e-accounts-training');
const AUDIENCE = `mlflow-server.${namespace.name}.svc`;
const TRAINER = `system:serviceaccount:${training.name}:trainer`;

const admitted = [{ namespace: training.name, name: 'trainer', role: ServiceUserRole.TRAINER }];
const platform = new Platform(namespace, 'mlflow', (chart) => {
  const { server } = new MlflowPlatform(chart, 'mlflow', {
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: { resources: little, proxyResources: little, replicas: 2 },
  });
  admitted.forEach((account) => server.addServiceAccount(account));
});

const TRAIN = `
import mlflow, numpy
from sklearn.linear_model import LinearRegression
mlflow.set_experiment("by a pod")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 1)
    x = numpy.array([[0.0], [1.0]])
    mlflow.sklearn.log_model(LinearRegression().fit(x, x.ravel()), name="model", registered_model_name="by-a-pod",
        serialization_format="cloudpickle")
print(mlflow.get_run(run.info.run_id).data.tags["mlflow.user"])
`;
/** Prints the code of the error, or nothing. */
const FORBIDDEN = `
import mlflow
client = mlflow.MlflowClient()
try: client.set_registered_model_alias("by-a-pod", "champion", "1")
except mlflow.MlflowException as error: print(error.error_code)
`;
const SEARCH = `
import mlflow
try: print(len(mlflow.search_experiments()))
except mlflow.MlflowException as error: print(error.error_code)
`;

/** The pod of docs/how-to/service-account-tokens.md: the client finds the token at the usual path. */
function jobPod(account: string, audience: string, program: string): object {
  const token = { path: 'token', expirationSeconds: 600, ...(audience && { audience }) };
  return {
    serviceAccountName: account,
    automountServiceAccountToken: false,
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, runAsUser: 4321, fsGroup: 4321, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'train',
        image: Images.MLFLOW,
        command: ['python', '-c', program],
        env: Object.entries({
          HOME: '/tmp',
          PYTHONWARNINGS: 'ignore',
          MLFLOW_TRACKING_URI: `http://${AUDIENCE}:5000`,
          MLFLOW_TRACKING_AUTH: 'kubernetes',
        }).map(([name, value]) => ({ name, value })),
        resources: { requests: { cpu: '10m', memory: '64Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          { name: 'mlflow-token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
        ],
      },
    ],
    volumes: [{ name: 'mlflow-token', projected: { sources: [{ serviceAccountToken: token }] } }],
  };
}

let jobs = 0;
/** The output of a Job in the namespace of the trainings. */
async function run(account: string, program: string, audience = AUDIENCE): Promise<string> {
  const name = `job-${++jobs}`;
  training.create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { backoffLimit: 0, template: { spec: jobPod(account, audience, program) } },
  });
  const logs = () => training.try(['logs', `job/${name}`]).stdout;
  await until(`${name} ends`, 300, () => {
    const { status: found } = training.json<{ status: { succeeded?: number; failed?: number } }>('get', 'job', name);
    if (found.failed) throw new Error(`${name} failed: ${logs()}`);
    return found.succeeded === 1;
  });
  return logs().trim().split('\n').pop()!;
}

const token = (account: string, audience?: string) =>
  training.kubectl('create', 'token', account, ...(audience ? ['--audience', audience] : [])).trim();

/** The status of a request at a server. */
async function status(headers: Record<string, string>, path = '/api/2.0/mlflow/experiments/search'): Promise<number> {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const body = '{"max_results":1}';
    const all = { 'content-type': 'application/json', ...headers };
    return (await fetch(`http://127.0.0.1:${forward.port}${path}`, { method: 'POST', headers: all, body })).status;
  } finally {
    forward.stop();
  }
}
const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

beforeAll(async () => {
  training.remove();
  training.kubectl('create', 'namespace', training.name);
  for (const account of ['trainer', 'stranger', 'late']) training.kubectl('create', 'serviceaccount', account);
  await platform.install(2, 400);
});

afterAll(() => {
  if (process.env.E2E_KEEP) return;
  training.remove();
  namespace.remove();
});

test('a Job trains and registers a model with its token, and the run belongs to its ServiceAccount', async () => {
  expect(await run('trainer', TRAIN)).toBe(TRAINER);
});

test('a trainer does not decide what is served', async () => {
  expect(await run('trainer', FORBIDDEN)).toBe('PERMISSION_DENIED');
});

test('another ServiceAccount is refused', async () => {
  expect(await run('stranger', SEARCH)).toBe('PERMISSION_DENIED');
});

test('the default token of a pod, which is for the API server, is refused', async () => {
  expect(await run('trainer', SEARCH, '')).toBe('UNAUTHENTICATED');
  expect(await status(bearer(token('trainer')))).toBe(401);
  expect(await status(bearer(token('trainer', 'mlflow')))).toBe(401);
  expect(await status(bearer(token('trainer', AUDIENCE)))).toBe(200);
});

test('people and programs still log in with passwords', async () => {
  expect(await status(basic(loginOf(namespace, 'mlflow-basic-auth')))).toBe(200);
  expect(await status({})).toBe(401);
});

test('a further account takes effect without a restart', async () => {
  const before = platform.servers().map(({ metadata }) => metadata.name);
  expect(await status(bearer(token('late', AUDIENCE)))).toBe(403);
  admitted.push({ namespace: training.name, name: 'late', role: ServiceUserRole.READER });
  platform.synth().apply();
  await until('the account is admitted', 180, async () => (await status(bearer(token('late', AUDIENCE)))) === 200);
  expect(await status(bearer(token('late', AUDIENCE)), '/api/2.0/mlflow/runs/create')).toBe(403);
  expect(platform.servers().map(({ metadata }) => metadata.name)).toEqual(before);
});

test('only one container of a server has a token for the API server', async () => {
  const [{ metadata }] = platform.servers();
  const spec = namespace.json<{ spec: any }>('get', 'pod', metadata.name).spec;
  const has = [...spec.initContainers, ...spec.containers].filter(({ volumeMounts }: any) =>
    volumeMounts.some(({ name }: any) => name === 'api-server'),
  );
  expect(has.map(({ name }) => name)).toEqual(['account-keys']);
  const path = '/var/run/secrets/kubernetes.io';
  expect(namespace.try(['exec', metadata.name, '-c', 'mlflow', '--', 'ls', path]).status).not.toBe(0);
});

test('the log has the name of the account, and no token', async () => {
  const given = token('trainer', AUDIENCE);
  expect(await status(bearer(given))).toBe(200);
  const logs = () => namespace.kubectl('logs', '--selector=app=mlflow-server', '--all-containers', '--tail=-1');
  await until('the line of the request', 30, () => logs().includes(`"user":"${TRAINER}"`));
  expect(logs()).not.toContain(given.split('.')[2]);
});
