import { ask, raw, statuses } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

const WORKSPACES = [{ name: 'team-a', users: ['ann', 'a.nn'] }, { name: 'team-b', users: ['bob'] }, { name: 'open' }];
const RUNS = '/api/2.0/mlflow/runs/get';
const LIST = '/api/3.0/mlflow/workspaces';

let upstream: Upstream;
let proxy: Proxy;
/** Default and open workspaces are closed to people too. */
let closed: Proxy;

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream, { workspaces: WORKSPACES });
  closed = await Proxy.start(upstream, { workspaces: [...WORKSPACES, { name: 'default', users: ['mlflow'] }] });
});
beforeEach(() => upstream.take());
afterAll(async () => {
  await proxy?.stop();
  await closed?.stop();
  await upstream?.stop();
});

const LOGINS = {
  ann: basic('ann', 'ann-secret'),
  Ann: basic('Ann', 'ann-secret'),
  anybody: basic('mlflow', 'human-secret'),
  'trainer of team-a': basic('trainer-of-a', 'trainer-secret'),
  'admin of team-a': basic('admin-of-a', 'admin-secret'),
  'trainer everywhere': basic('the-trainer', 'trainer-secret'),
  'admin everywhere': basic('deployer', 'deployer-secret'),
} as const;
type Login = keyof typeof LOGINS;

async function request(
  login: Login,
  workspace: string | undefined,
  method = 'GET',
  path = RUNS,
  port = proxy.httpPort,
) {
  const headers = { authorization: LOGINS[login], ...(workspace !== undefined && { 'x-mlflow-workspace': workspace }) };
  return ask({ port, method, path, headers });
}

test.each<[Login, string | undefined, number]>([
  ['ann', 'team-a', 200],
  ['ann', ' team-a ', 200],
  ['ann', 'team-b', 403],
  ['ann', 'open', 200],
  ['ann', undefined, 200],
  ['ann', '', 200],
  ['Ann', 'team-a', 403],
  ['anybody', 'team-a', 403],
  ['trainer of team-a', 'team-a', 200],
  ['trainer of team-a', 'team-b', 401],
  ['trainer of team-a', 'open', 401],
  ['trainer of team-a', 'default', 401],
  ['trainer of team-a', undefined, 401],
  ['admin of team-a', 'team-a', 200],
  ['admin of team-a', 'team-b', 401],
  ['trainer everywhere', 'team-a', 200],
  ['trainer everywhere', 'team-b', 200],
  ['admin everywhere', 'team-b', 200],
  ['admin everywhere', 'nobodys', 403],
  ['admin everywhere', 'team-a, team-b', 403],
  ['admin everywhere', 'TEAM-A', 403],
  ['admin everywhere', 'team_a', 403],
  ['admin everywhere', '*', 403],
  ['admin everywhere', '-', 403],
  ['admin everywhere', '../team-a', 403],
])('%s asks in the workspace %j: %i', async (login, workspace, status) => {
  expect((await request(login, workspace)).status).toBe(status);
  const wanted = workspace?.trim() || 'default';
  const seen = upstream.take().map(({ headers }) => headers['x-mlflow-workspace']);
  expect(seen).toEqual(status === 200 ? [wanted] : []);
});

test('says why a request is refused', async () => {
  const message = async (login: Login, workspace: string) =>
    JSON.parse((await request(login, workspace)).body).message as string;
  expect(await message('ann', 'team-b')).toBe('This user is not a member of the workspace.');
  expect(await message('admin everywhere', 'nobodys')).toContain('has no such workspace');
  expect(await message('trainer of team-a', 'team-b')).toContain('see MLFLOW_WORKSPACE');
});

test('no login changes workspaces, and that of a workspace does not list them', async () => {
  for (const api of ['/api', '/ajax-api']) {
    for (const login of ['anybody', 'ann', 'admin everywhere', 'admin of team-a'] as const) {
      for (const [method, path] of [
        ['POST', LIST],
        ['PATCH', `${LIST}/team-a`],
        ['DELETE', `${LIST}/team-a`],
        ['DELETE', `${LIST}/team-a/`],
      ]) {
        const { status } = await request(login, 'team-a', method, path.replace('/api', api));
        expect([401, 403]).toContain(status);
      }
    }
    for (const path of [LIST, `${LIST}/team-b`, `${LIST}/`]) {
      expect((await request('admin of team-a', 'team-a', 'GET', path.replace('/api', api))).status).toBe(401);
    }
  }
  expect(upstream.take()).toEqual([]);
});

test('a role restricts the login of a workspace too', async () => {
  const path = '/api/2.0/mlflow/experiments/delete';
  expect((await request('trainer of team-a', 'team-a', 'POST', path)).status).toBe(403);
  expect((await request('trainer of team-a', 'team-a', 'POST', '/graphql')).status).toBe(403);
  expect(upstream.take()).toEqual([]);
});

test('a header twice, or spelled otherwise, names no other workspace', async () => {
  const send = async (...headers: string[]) => {
    const lines = [
      'GET /api/2.0/mlflow/runs/get HTTP/1.1',
      'Host: x',
      `Authorization: ${LOGINS.ann}`,
      'Connection: close',
    ];
    return statuses(await raw(proxy.httpPort, [...lines, ...headers, '', ''].join('\r\n')))[0];
  };
  // nginx 1.23 and newer joins the two, and refuses the result. An older one reads the first, and sends MLflow that one only.
  const twice = await send('X-MLFLOW-WORKSPACE: team-a', 'X-MLFLOW-WORKSPACE: team-b');
  const sent = upstream.take().map(({ headers }) => headers['x-mlflow-workspace']);
  expect(twice === 403 ? sent : [twice, ...sent]).toEqual(twice === 403 ? [] : [200, 'team-a']);
  expect(await send('X_MLFLOW_WORKSPACE: team-b')).toBe(200);
  expect(await send('X-MLFLOW-WORKSPACE: team-a', 'X_MLFLOW_WORKSPACE: team-b')).toBe(200);
  expect(await send('X-MLFLOW-WORKSPACE: team-a\tteam-b')).toBe(403);
  expect(upstream.take().map(({ headers }) => [headers['x-mlflow-workspace'], headers.x_mlflow_workspace])).toEqual([
    ['default', undefined],
    ['team-a', undefined],
  ]);
});

test('a person without the default workspace opens the page, which then asks for the workspaces', async () => {
  for (const path of [
    '/',
    '/static-files/x.js',
    LIST,
    '/ajax-api/3.0/mlflow/workspaces',
    '/ajax-api/3.0/mlflow/server-info',
  ]) {
    expect((await request('ann', undefined, 'GET', path, closed.httpPort)).status).toBe(200);
  }
  for (const path of [RUNS, '/graphql', '/version', '/get-artifact']) {
    expect((await request('ann', undefined, 'GET', path, closed.httpPort)).status).toBe(403);
    expect((await request('anybody', undefined, 'GET', path, closed.httpPort)).status).toBe(200);
  }
});

test('uploads and traces are refused in the workspace of others', async () => {
  for (const [method, path] of [
    ['PUT', '/api/2.0/mlflow-artifacts/artifacts/workspaces/team-b/1/run/file'],
    ['GET', '/ajax-api/2.0/mlflow-artifacts/artifacts/workspaces/team-b/1/run/file'],
    ['POST', '/v1/traces'],
    ['POST', '/gateway/x/mlflow/invocations'],
  ]) {
    expect((await request('ann', 'team-b', method, path)).status).toBe(403);
    expect((await request('trainer of team-a', 'team-b', method, path)).status).toBe(401);
  }
  expect(upstream.take()).toEqual([]);
});
