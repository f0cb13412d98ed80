import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';
import { ROLES } from '../../../lib/nginx/role-routes';

type Route = readonly [method: string, path: string];

let upstream: Upstream;
let proxy: Proxy;
let routes: Route[];

beforeAll(async () => {
  // From MLflow itself, so that the routes of a new version are included.
  const python = execFileSync('bash', ['e2e/venv'], { encoding: 'utf8' }).trim();
  const output = execFileSync(python, [join(__dirname, 'routes.py')], { encoding: 'utf8', stdio: 'pipe' });
  // Without /health: it needs no login, and nginx sends at most one request a second for it to MLflow.
  routes = (JSON.parse(output) as Route[]).filter(([, path]) => path !== '/health');
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream, { signedUrls: true });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

const login = (role: string) => basic(`the-${role}`, `${role}-secret`);
const request = async ([method, path]: Route, authorization: string) =>
  ask({ port: proxy.httpPort, method, path, headers: { authorization } });
/** A URL of the route. */
const address = (path: string) =>
  path.replace(/<path:\w+>|\{\w+:path\}/g, '0/run/file').replace(/<\w+>|\{\w+\}/g, 'm-0a1b');

const API = '/api/2.0/mlflow';
const DECISIONS = 'route-decisions.txt';

/** A line of the decisions. */
interface Decision {
  readonly route: string;
  readonly roles: string[];
  /** The MLflow that has added the route, if the installed one may be older. */
  readonly since?: string;
}

const decisions: Decision[] = readFileSync(join(__dirname, DECISIONS), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [, method, path, roles, since] = /^(\w+) +(.+): ((?:none|[a-z ]+?))(?: # (\S+))?$/.exec(line)!;
    return { route: `${method} ${path}`, roles: roles === 'none' ? [] : roles.split(' '), since };
  });
/** As the decisions write it: Flask writes `<path:name>`, FastAPI `{name:path}`. */
const written = ([method, path]: Route) =>
  `${method} ${path.replace(/<path:(\w+)>/g, '{$1:path}').replace(/<(\w+)>/g, '{$1}')}`;
/** Flask adds HEAD and OPTIONS to each route. No role has them. */
const decided = ([method]: Route) => method !== 'HEAD' && method !== 'OPTIONS';

/** Requests every route, a few at a time. Returns the status of each. */
async function askForAll(asked: Route[], authorization: string): Promise<number[]> {
  const statuses: number[] = [];
  for (let start = 0; start < asked.length; start += 40) {
    const answers = asked.slice(start, start + 40).map(async (route) => request(route, authorization));
    statuses.push(...(await Promise.all(answers)).map(({ status }) => status));
  }
  return statuses;
}

test(`what each role may do with each route of MLflow is decided in ${DECISIONS}`, () => {
  const installed = new Set(routes.filter(decided).map(written));
  const known = new Set(decisions.map(({ route }) => route));
  expect(installed.size).toBeGreaterThan(400);
  const undecided = [...installed].filter((route) => !known.has(route));
  const gone = decisions.filter(({ route, since }) => !installed.has(route) && !since && route !== 'GET /health');
  expect({ undecided, gone }).toEqual({ undecided: [], gone: [] });
});

test.each(ROLES)('the login of a %s reaches the routes that are decided for it, and no other', async (role) => {
  const asked = routes.map(([method, path]): Route => [method, address(path)]);
  // Those of a newer MLflow too.
  const newer = decisions.filter(({ since }) => since).map(({ route }) => route.split(' ') as [string, string]);
  await askForAll([...asked, ...newer.map(([method, path]): Route => [method, address(path)])], login(role));
  const reached = upstream.take().map(({ method, path }) => `${method} ${path}`);
  const may = decisions.filter(({ roles }) => roles.includes(role)).map(({ route }) => address(route));
  expect([...new Set(reached)].sort()).toEqual([...new Set(may)].sort());
  expect(may.length).toBeGreaterThan(5);
});

test('a service user without a role reaches every route, like people', async () => {
  const open = routes.filter(([, path]) => !/assistant|mlflow\/users\/current/.test(path));
  const asked = open.map(([method, path]) => [method, address(path)] as const);
  for (const user of [basic('mlflow', 'human-secret'), basic('deployer', 'deployer-secret')]) {
    expect(new Set(await askForAll(asked, user))).toEqual(new Set([200]));
    expect(upstream.take()).toHaveLength(asked.length);
  }
});

test("a forbidden request of a role is refused in MLflow's form, and MLflow does not get it", async () => {
  const answer = await request(['POST', `${API}/registered-models/alias`], login('serving'));
  expect([answer.status, answer.headers['content-type']]).toEqual([403, 'application/json']);
  const message = expect.stringContaining('The login of a serving may not do this');
  expect(JSON.parse(answer.body)).toEqual({ error_code: 'PERMISSION_DENIED', message });
  expect(upstream.take()).toEqual([]);
});

test('the role of a login is not revealed without its password', async () => {
  for (const path of [`${API}/runs/get`, `${API}/experiments/delete`]) {
    expect((await request(['POST', path], basic('the-serving', 'wrong'))).status).toBe(401);
  }
});

test.each([
  ['another spelling of a forbidden address', 'GET', `${API}/model-versions/get/../../experiments/search`],
  ['encoded dots', 'GET', `${API}/model-versions/get%2f..%2f..%2fexperiments/search`],
  ['an allowed address and more', 'GET', `${API}/model-versions/get/more`],
  ['an allowed address before a line break', 'GET', `${API}/model-versions/get%0a`],
  ['an allowed address in capitals', 'GET', `${API}/MODEL-VERSIONS/get`],
  ['doubled slashes', 'GET', `/${API}/model-versions/get`],
  ['an artifact whose name MLflow decodes again', 'GET', '/api/2.0/mlflow-artifacts/artifacts/0/%252e%252e/file'],
  ['an upload', 'PUT', '/api/2.0/mlflow-artifacts/artifacts/0/run/file'],
  ['the deletion of an artifact', 'DELETE', '/api/2.0/mlflow-artifacts/artifacts/0/run/file'],
  ['a method that nobody has', 'GETS', `${API}/model-versions/get`],
  ["the API of MLflow's pages", 'GET', '/ajax-api/2.0/mlflow/model-versions/get'],
])('nginx refuses the login of a serving %s', async (_, method, path) => {
  const { status } = await request([method, path], login('serving'));
  expect([400, 403, 404, 405]).toContain(status);
  expect(upstream.take()).toEqual([]);
});
