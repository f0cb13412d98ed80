// The commands of docs/how-to/audit.md, on the log of a real nginx.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './client';
import { basic, Proxy, until } from './proxy';
import { Upstream } from './upstream';
import { ROOT } from '../../support/run';

const page = readFileSync(join(ROOT, 'docs/how-to/audit.md'), 'utf8');
/** Options and filter of the command below a heading. */
function command(heading: string): string[] {
  const [, options, filter] = /\n {2}jq (-\w+) '([^']+)'/.exec(page.slice(page.indexOf(`## ${heading}\n`)))!;
  return [options, filter];
}

const REST = '/api/2.0/mlflow';
const human = { authorization: basic('mlflow', 'human-secret') };
const requests: [method: string, path: string, headers: Record<string, string>][] = [
  ['POST', `${REST}/runs/delete`, human],
  ['DELETE', `${REST}/registered-models/delete`, human],
  ['DELETE', '/api/2.0/mlflow-artifacts/artifacts/1/abc/model.pkl', human],
  ['POST', `${REST}/experiments/delete`, { authorization: basic('mlflow', 'wrong') }],
  ['POST', `${REST}/registered-models/alias`, human],
  ['GET', `${REST}/registered-models/get?name=secret`, human],
  ['GET', `${REST}/registered-models/get-latest-versions`, human],
  ['POST', `${REST}/runs/search`, { authorization: basic('the-serving', 'serving-secret') }],
  ['GET', '/api/3.0/mlflow/traces/tr-0123456789', human],
  ['GET', '/api/3.0/mlflow/traces/tr-9876543210', human],
  ['GET', '/', {}],
];
let upstream: Upstream;
let proxy: Proxy;
let log: string;

const answers = (heading: string) =>
  execFileSync('jq', command(heading), { input: log, encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream);
  for (const [method, path, headers] of requests) await ask({ port: proxy.httpPort, method, path, headers });
  log = await until('a line for each request', () => {
    const written = proxy.output('stdout');
    return written.trim().split('\n').length === requests.length && written;
  });
});
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

test('finds who deleted something, and no refused attempt', () => {
  expect(answers('Who deleted this').map(([, user, method, uri]) => [user, method, uri])).toEqual([
    ['mlflow', 'POST', `${REST}/runs/delete`],
    ['mlflow', 'DELETE', `${REST}/registered-models/delete`],
    ['mlflow', 'DELETE', '/api/2.0/mlflow-artifacts/artifacts/1/abc/model.pkl'],
  ]);
});

test('finds who changed the registry', () => {
  expect(answers('Who changed what is served').map(([, ...rest]) => rest)).toEqual([
    ['mlflow', 'DELETE', `${REST}/registered-models/delete`],
    ['mlflow', 'POST', `${REST}/registered-models/alias`],
  ]);
});

test('sums the time of MLflow by route, with ids left out', () => {
  const found = answers('Who is slow');
  expect(found).toContainEqual(
    expect.objectContaining({ route: 'GET /api/3.0/mlflow/traces/*', requests: 2, user: 'mlflow' }),
  );
  // What nginx refuses takes no time of MLflow's.
  expect(found.map(({ route }) => route)).not.toContain(`POST ${REST}/experiments/delete`);
});

test('counts who is refused', () => {
  expect(answers('Who is refused').map(({ status, user, requests: count, uri }) => [status, user, count, uri])).toEqual(
    expect.arrayContaining([
      [401, '', 2, '/'],
      [403, expect.any(String), 1, `${REST}/runs/search`],
    ]),
  );
});

test('has no password, token or query', () => {
  expect(log).not.toMatch(/secret|Basic/);
});

/** The lines of MLflow's server process, among others of its log. */
const changes = () => {
  const program = `
import asyncio, json, sys
sys.path.insert(0, 'runtime/mlflow')
from audit_log import AuditLog

async def receive():
    return {'type': 'http.request', 'body': body}

async def send(message):
    pass

async def app(scope, receive, send):
    await receive()
    await send({'type': 'http.response.start', 'status': status, 'headers': []})

for user, method, path, fields, status in json.load(sys.stdin):
    body = json.dumps(fields).encode()
    scope = {'type': 'http', 'method': method, 'path': path, 'headers': [(b'x-audit-user', user.encode())]}
    asyncio.run(AuditLog(app)(scope, receive, send))
    print('INFO: a line of MLflow', 7, '{}', '[1]', 'null', '3', sep='\\n')
`;
  const made = [
    ['ann', 'POST', `${REST}/registered-models/alias`, { name: 'churn', alias: 'champion', version: '3' }, 200],
    ['bob', 'POST', `${REST}/registered-models/alias`, { name: 'churn', alias: 'champion', version: '4' }, 403],
    ['bob', 'POST', `${REST}/runs/delete`, { run_id: 'abc' }, 200],
    ['ann', 'DELETE', `${REST}/registered-models/delete`, { name: 'churn' }, 404],
    ['ann', 'DELETE', `${REST}/registered-models/delete-tag`, { name: 'churn', key: 'owner' }, 200],
  ];
  return execFileSync('python3', ['-c', program], { cwd: ROOT, input: JSON.stringify(made), encoding: 'utf8' });
};

test('finds in the audit log who moved an alias, who deleted what, and what one user did', () => {
  log = changes();
  const found = (heading: string) => answers(heading).map(([, ...rest]) => rest);
  expect(found('Which alias was moved, and who did it')).toEqual([
    ['ann', 'set alias', 'churn', 'champion', '3', 'done'],
    ['bob', 'set alias', 'churn', 'champion', '4', 'refused'],
  ]);
  expect(found('Which objects were deleted, and who did it')).toEqual([['bob', 'run', { run_id: 'abc' }]]);
  expect(found('What one user did').map(([action, kind]) => [action, kind])).toEqual([
    ['set alias', 'registered model'],
    ['delete', 'registered model'],
    ['delete tag', 'registered model'],
  ]);
});
