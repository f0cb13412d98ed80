// Three teams with a workspace, a namespace and a serving each: none sees or reaches what another has.
import { App, Chart, Duration, Size } from 'cdk8s';
import {
  Authentication,
  Credentials,
  MlflowPlatform,
  RegisteredModel,
  RestrictedNamespace,
  ServiceUserRole,
} from '../../lib';
import { basic, htpasswd, Login } from '../lib/client';
import { ClientPod } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';
import { run, until } from '../lib/process';
import { program } from '../lib/program';

const namespace = new Namespace('mlflow-e2e-tenants');
const AUDIENCE = `mlflow-server.${namespace.name}.svc`;
const QUESTION = JSON.stringify({ inputs: [[10], [-3.5]] });

interface Team {
  readonly name: string;
  readonly slope: number;
  readonly namespace: Namespace;
  /** A person of the team, who decides what is served. */
  readonly person: Login;
}

const TEAMS: Team[] = ['fraud', 'pricing', 'credit'].map((name, index) => ({
  name,
  slope: index + 2,
  namespace: new Namespace(`mlflow-e2e-tenants-${name}`),
  person: { username: `of-${name}`, password: `the password of ${name}` },
}));
/** What each team trained. */
const trained: Record<string, { run: string; file: string; predictions: number[] }> = {};
const pods: Record<string, ClientPod> = {};
/** The team that each team tries to look at. */
const otherOf = ({ name }: Team) => TEAMS[(TEAMS.findIndex((each) => each.name === name) + 1) % TEAMS.length];

const platform = new Platform(namespace, 'mlflow', (chart) => {
  const mlflow = new MlflowPlatform(chart, 'mlflow', {
    authentication: Authentication.basic({ users: Credentials.fromSecret('people') }),
    postgres: { resources: little, storage: Size.gibibytes(1) },
    minio: { resources: little, storage: Size.gibibytes(2) },
    server: {
      ...{ resources: little, proxyResources: little, replicas: 1 },
      workspaces: TEAMS.map(({ name, person }) => ({ name, users: [person.username] })),
    },
  });
  for (const { name, namespace: own } of TEAMS) {
    const models = new Chart(chart.node.root as App, own.name, { namespace: own.name });
    new RestrictedNamespace(models, 'namespace');
    mlflow.server.addServiceAccount({
      ...{ namespace: own.name, name: 'trainer', workspace: name },
      role: ServiceUserRole.TRAINER,
    });
    mlflow.addModelServing(`churn-${name}`, {
      chart: models,
      model: RegisteredModel.byAlias('churn', 'champion', { workspace: name }),
      clients: [{ namespaceLabels: { 'kubernetes.io/metadata.name': own.name } }],
      ...{ resources: little, replicas: 1, startTimeout: Duration.seconds(300) },
    });
  }
});

function runTeam<T>({ name }: Team, ...args: string[]): T {
  const { status, stdout, stderr } = pods[name].python(program('team.py'), args);
  if (status !== 0) throw new Error(`${name} ${args[0]}: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout.trim().split('\n').pop()!);
}

/** Status of a request of a person for a workspace. */
async function ask(person: Login, workspace: string, path: string, body: object): Promise<number> {
  const forward = await namespace.forward('service/mlflow-server', 5000);
  try {
    const headers = { ...basic(person), 'content-type': 'application/json', 'x-mlflow-workspace': workspace };
    const answer = await fetch(`http://127.0.0.1:${forward.port}${path}`, {
      ...{ method: 'POST', headers, body: JSON.stringify(body) },
    });
    return answer.status;
  } finally {
    forward.stop();
  }
}

/** What the serving of a team answers to a pod, or `unreachable`. */
function predict(from: ClientPod, team: Team): string {
  const url = `http://churn-${team.name}-serving.${team.namespace.name}.svc:8080/invocations`;
  const post = `import sys, requests
try: print(requests.post(sys.argv[1], data=sys.argv[2], headers={'content-type': 'application/json'}, timeout=8).text)
except requests.exceptions.RequestException: print('unreachable')`;
  return from.python(post, [url, QUESTION]).stdout.trim();
}

beforeAll(async () => {
  for (const { namespace: each } of [...TEAMS, { namespace }]) each.remove();
  namespace.kubectl('create', 'namespace', namespace.name);
  const auth = TEAMS.map(({ person }) => htpasswd(person)).join('');
  namespace.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'people' }, stringData: { auth } });
  platform.synth();
  // Objects of four namespaces: no --namespace.
  expect(run('kubectl', ['apply', '--filename', platform.manifest])).toMatchObject({ status: 0 });
  await platform.untilReady(1, 400);
  for (const { name, namespace: own } of TEAMS) {
    own.kubectl('create', 'serviceaccount', 'trainer');
    pods[name] = ClientPod.start(own, 'trainer', {
      env: { MLFLOW_TRACKING_URI: `http://${AUDIENCE}:5000`, MLFLOW_WORKSPACE: name },
      account: { name: 'trainer', audience: AUDIENCE },
    });
  }
});

afterAll(() => {
  if (process.env.E2E_KEEP) return;
  for (const { namespace: each } of [...TEAMS, { namespace }]) each.remove();
});

test('each team trains a model of the same name in its workspace, with the token of its ServiceAccount', () => {
  for (const team of TEAMS) {
    trained[team.name] = runTeam(team, 'train', String(team.slope));
    const [up, down] = trained[team.name].predictions;
    expect([up, down].map(Math.round)).toEqual([10 * team.slope, Math.round(-3.5 * team.slope)]);
    expect(trained[team.name].file).toContain(`workspaces/${team.name}/`);
  }
});

test('each team sees what it has itself, and nothing of another', () => {
  for (const team of TEAMS) {
    const other = otherOf(team);
    const { run: id, file } = trained[other.name];
    expect(runTeam(team, 'look', other.name, id, file)).toEqual({
      experiments: expect.arrayContaining([`of ${team.name}`]),
      models: [['churn', {}]],
      notes: 'ours',
      'their run': 'RESOURCE_DOES_NOT_EXIST',
      'their run, deleted': 'PERMISSION_DENIED',
      'their file': false,
      "their run's file": false,
      [other.name]: [403, 403, 403, 403],
      default: [403, 403, 403, 403],
      unknown: [403, 403, 403, 403],
    });
  }
});

test('a person sets aliases of the own team only', async () => {
  const alias = { name: 'churn', alias: 'champion', version: '1' };
  for (const team of TEAMS) {
    const set = (workspace: string) => ask(team.person, workspace, '/api/2.0/mlflow/registered-models/alias', alias);
    expect([team.name, await set(otherOf(team).name)]).toEqual([team.name, 403]);
    expect([team.name, await set('default')]).toEqual([team.name, 404]);
    expect([team.name, await set(team.name)]).toEqual([team.name, 200]);
  }
});

test("each team's serving answers with the model of its workspace", async () => {
  for (const team of TEAMS) {
    await until(`${team.name} is served`, 300, () => {
      const answer = predict(pods[team.name], team);
      return answer.startsWith('{') && JSON.stringify(JSON.parse(answer).predictions) === predictionsOf(team);
    });
  }
});
const predictionsOf = ({ name }: Team) => JSON.stringify(trained[name].predictions);

test("a pod does not reach another team's serving", () => {
  for (const team of TEAMS) {
    expect([team.name, predict(pods[team.name], otherOf(team))]).toEqual([team.name, 'unreachable']);
  }
});
