import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { ask } from './client';
import { basic, delay, knowsKeepaliveMin, Proxy, until } from './proxy';
import { Upstream } from './upstream';

const headers = { authorization: basic('mlflow', 'human-secret') };
let upstream: Upstream;
let proxy: Proxy;

beforeEach(async () => {
  upstream = await Upstream.start();
  proxy = await Proxy.start(upstream);
});
afterEach(async () => {
  await proxy?.stop();
  await upstream?.stop();
});

/** Waits until both workers accept no new connections. */
async function closed(): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(proxy.httpPort, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
    });
    if (!open) return;
    await delay(10);
  }
}

test('after SIGQUIT nginx completes a running answer and a running upload, and exits with 0', async () => {
  let finish = () => {};
  upstream.answers.set('/slow', (_, response) => {
    response.write('begun ');
    finish = () => response.end('done');
  });
  const answer = ask({ port: proxy.httpPort, path: '/slow', headers });
  const upload = request({ port: proxy.httpPort, host: '127.0.0.1', path: '/put', method: 'PUT', headers });
  const uploaded = new Promise<number | undefined>((resolve, reject) =>
    upload.on('response', (incoming) => resolve(incoming.resume().statusCode)).on('error', reject),
  );
  upload.write('first half, ');
  await until('both have arrived', () => upstream.seen.length === 2 && upstream.seen.some(({ bytes }) => bytes > 0));

  proxy.signal('SIGQUIT');
  await closed();
  finish();
  upload.end('second half');

  expect(await answer).toMatchObject({ status: 200, body: 'begun done' });
  expect(await uploaded).toBe(200);
  expect(upstream.seen.find(({ path }) => path === '/put')!.body).toBe('first half, second half');
  expect(await proxy.exit).toBe(0);
});

test('after SIGQUIT nginx aborts requests at the drain timeout, and exits with 0', async () => {
  const hurried = await Proxy.start(upstream, { drainSeconds: 1 });
  upstream.answers.set('/endless', (_, response) => void response.write('begun'));
  const answer = ask({ port: hurried.httpPort, path: '/endless', headers });
  const cut = expect(answer).rejects.toThrow();
  await until('it runs', () => upstream.seen.length === 1);
  hurried.signal('SIGQUIT');
  await cut;
  expect(await hurried.exit).toBe(0);
  await hurried.stop();
});

/** nginx before 1.27.4 closes idle connections at once, even if a client is just sending a request. */
const idle = knowsKeepaliveMin()
  ? 'SIGQUIT: keep-alive clients lose no request'
  : 'SIGQUIT: an older nginx closes idle connections, and clients that connect anew are refused';

test(idle, async () => {
  const clients = Array.from({ length: 20 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const each = async () => Promise.all(clients.map(async (agent) => ask({ port: proxy.httpPort, headers, agent })));
  expect((await each()).map(({ headers: { connection } }) => connection)).toEqual(Array(20).fill('keep-alive'));
  proxy.signal('SIGQUIT');
  await closed();
  if (!knowsKeepaliveMin()) {
    const outcomes = await Promise.allSettled(
      clients.map(async (agent) => ask({ port: proxy.httpPort, headers, agent })),
    );
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(await proxy.exit).toBe(0);
    return;
  }
  // No new connection is possible: these requests use the old ones, and the answers close them.
  for (const {
    status,
    headers: { connection },
  } of await each()) {
    expect([status, connection]).toEqual([200, 'close']);
  }
  expect(await proxy.exit).toBe(0);
});
