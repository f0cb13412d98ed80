import { ask, raw } from './client';
import { basic, Proxy } from './proxy';
import { Upstream } from './upstream';

let upstream: Upstream;
let proxy: Proxy;

beforeAll(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream);
});
afterAll(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

test('the log has one JSON object for each request, with the accepted user and without secrets', async () => {
  const port = proxy.httpPort;
  const human = { authorization: basic('mlflow', 'human-secret') };
  const cookie = 'session=cookie-secret';
  const agent = 'python-requests "2"\\ é\t{}';
  let count = 0;
  // One request at a time: the lines of two workers have no fixed order.
  const logged = async (request: Promise<unknown>) => {
    await request;
    await proxy.log(++count);
  };
  await logged(ask({ port, path: '/a%20b?token=query-secret', headers: { ...human, cookie, 'user-agent': agent } }));
  await logged(ask({ port, method: 'PUT', path: '/b', body: 'body-secret', headers: human }));
  await logged(ask({ port, path: '/c', headers: { authorization: basic('deployer', 'deployer-secret') } }));
  const refused = [basic('typed-secret', 'x'), basic('mlflow', 'wrong-secret'), basic('missing', 'file-secret')];
  for (const authorization of refused) {
    await logged(ask({ port, method: 'POST', path: '/d?token=query-secret', headers: { authorization } }));
  }
  // nginx answers these requests without checking the password.
  const unasked = { authorization: basic('typed-secret', 'x') };
  await ask({ port, path: '/health', headers: unasked });
  await ask({ port: proxy.metricsPort, path: '/metrics', headers: unasked });
  await logged(ask({ port, path: '/metrics', headers: unasked }));
  await logged(ask({ port: proxy.metricsPort, path: '/other', headers: unasked }));
  await logged(
    raw(port, `GET http://x/e?token=query-secret HTTP/1.0\r\nAuthorization: ${human.authorization}\r\n\r\n`),
  );
  await logged(raw(port, 'GET /f?token=query-secret\r\n'));
  await logged(raw(port, 'broken query-secret\r\n\r\n'));
  await logged(raw(port, `GET /${'g'.repeat(40_000)}?token=query-secret HTTP/1.1\r\n\r\n`));
  await logged(ask({ port, path: `/${'h'.repeat(9_000)}`, headers: { ...human, 'user-agent': 'u'.repeat(9_000) } }));

  const lines = await proxy.log(13);
  expect(lines.map(({ method, uri, status, user }) => [method, `${uri}`.slice(0, 9), status, user])).toEqual([
    ['GET', '/a%20b', 200, 'mlflow'],
    ['PUT', '/b', 200, 'mlflow'],
    ['GET', '/c', 200, 'deployer'],
    ['POST', '/d', 401, ''],
    ['POST', '/d', 401, ''],
    ['POST', '/d', 401, ''],
    ['GET', '/metrics', 404, ''],
    ['GET', '/other', 404, ''],
    ['GET', '/e', 200, 'mlflow'],
    ['GET', '/f', 401, ''],
    ['', '', 400, ''],
    ['GET', '', 414, ''],
    ['GET', '/hhhhhhhh', 200, 'mlflow'],
  ]);
  expect(lines[0]).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    client: '127.0.0.1',
    user: 'mlflow',
    method: 'GET',
    uri: '/a%20b',
    status: 200,
    bytes_in: expect.any(Number),
    bytes_out: expect.any(Number),
    duration: expect.any(Number),
    upstream_duration: expect.any(Number),
    request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    user_agent: expect.stringContaining('python-requests "2"\\ '),
  });
  expect(lines[3].upstream_duration).toBeNull();
  for (const name of ['stdout', 'stderr'] as const) {
    const text = proxy.output(name);
    expect(text).not.toMatch(/secret/);
    expect(text).not.toContain(basic('mlflow', 'human-secret').slice(6));
    for (const line of text.split('\n')) expect(line.length).toBeLessThan(4096);
  }
});

test('MLflow and the client get the request id of the log', async () => {
  upstream.take();
  const before = proxy.output('stdout').split('\n').length - 1;
  const answer = await ask({ port: proxy.httpPort, headers: { authorization: basic('mlflow', 'human-secret') } });
  const id = (await proxy.log(before + 1))[before].request_id;
  expect(upstream.take()[0].headers['x-request-id']).toBe(id);
  expect(answer.headers['x-request-id']).toBe(id);
});

test('a failing /health is logged without the user, because its password is not checked', async () => {
  const gone = await Upstream.start();
  await gone.stop();
  const other = await Proxy.start(gone);
  try {
    const headers = { authorization: basic('typed-secret', 'x') };
    expect((await ask({ port: other.httpPort, path: '/health', headers })).status).toBe(502);
    expect(await other.log(1)).toEqual([expect.objectContaining({ uri: '/health', status: 502, user: '' })]);
  } finally {
    await other.stop();
  }
});
