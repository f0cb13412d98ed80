import { readdirSync, readlinkSync } from 'node:fs';
import { IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { basic, delay, Proxy, until } from './proxy';
import { Upstream } from './upstream';

const MEGABYTE = 1024 * 1024;
const TOTAL = 200 * MEGABYTE;
const chunk = Buffer.alloc(MEGABYTE, 'x');
const headers = { authorization: basic('mlflow', 'human-secret') };
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

/** The files of the temporary folder, and deleted ones that a worker still has open. */
function spooled(): string[] {
  const folder = join(proxy.folder, 'temporary');
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name !== 'nginx.pid').map((entry) => entry.name);
  const open = proxy.workers().flatMap((pid) => {
    const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
    return descriptors.filter((file) => file.startsWith(folder));
  });
  return [...names, ...open];
}

/** Checks the files and the memory of the workers during a large request. */
async function watched<T>(work: (look: () => void) => Promise<T>): Promise<T> {
  const before = proxy.residentKilobytes();
  const look = () => {
    expect(spooled()).toEqual([]);
    expect(proxy.residentKilobytes() - before).toBeLessThan(16 * 1024);
  };
  const result = await work(look);
  look();
  return result;
}

const send = (method: string, path: string) => {
  const outgoing = request({ port: proxy.httpPort, host: '127.0.0.1', method, path, headers, agent: false });
  const incoming = new Promise<IncomingMessage>((resolve, reject) =>
    outgoing.on('response', resolve).on('error', reject),
  );
  return { outgoing, incoming };
};

test.each(['with a length', 'in chunks'])('nginx streams an upload of 200 MB %s to MLflow', async (how) => {
  upstream.take();
  await watched(async (look) => {
    const { outgoing, incoming } = send('PUT', '/api/2.0/mlflow-artifacts/artifacts/1/upload');
    if (how === 'with a length') outgoing.setHeader('content-length', TOTAL);
    outgoing.write(chunk);
    // MLflow reads the beginning before the client has sent the rest.
    await until('the first megabyte arrives', () => upstream.seen[0]?.bytes === MEGABYTE);
    for (let sent = MEGABYTE; sent < TOTAL; sent += MEGABYTE) {
      if (!outgoing.write(chunk)) await new Promise((drained) => outgoing.once('drain', drained));
      if (sent % (20 * MEGABYTE) === 0) look();
    }
    outgoing.end();
    expect((await incoming).resume().statusCode).toBe(200);
  });
  expect(upstream.take()).toMatchObject([{ bytes: TOTAL }]);
});

test('nginx does not buffer an upload that MLflow does not read', async () => {
  let go = () => {};
  // An artifact, whose size has no limit: the buffers of the system may take more than the 16 MiB of other requests.
  const path = '/api/2.0/mlflow-artifacts/artifacts/1/slow-upload';
  upstream.answers.set(path, async (incoming, response) => {
    await new Promise<void>((resolve) => (go = resolve));
    incoming.resume().on('end', () => response.end());
  });
  await watched(async (look) => {
    const { outgoing, incoming } = send('PUT', path);
    let sent = 0;
    let stalled = false;
    while (!stalled && sent < TOTAL) {
      sent += MEGABYTE;
      const drained = new Promise<boolean>((resolve) => outgoing.write(chunk, () => resolve(false)));
      stalled = await Promise.race([drained, delay(1000).then(() => true)]);
    }
    expect(sent).toBeLessThan(TOTAL / 2);
    look();
    go();
    outgoing.end();
    expect((await incoming).resume().statusCode).toBe(200);
  });
});

test('nginx streams a download of 200 MB, and waits while the client does not read', async () => {
  let written = 0;
  upstream.answers.set('/download', async (_, response) => {
    for (; written < TOTAL; written += MEGABYTE) {
      if (!response.write(chunk)) await new Promise((drained) => response.once('drain', drained));
    }
    response.end();
  });
  await watched(async (look) => {
    const { outgoing, incoming } = send('GET', '/download');
    outgoing.end();
    const response = await incoming;
    let before = -1;
    while (before < written) {
      before = written;
      await delay(500);
    }
    expect(written).toBeLessThan(TOTAL / 2);
    look();
    let received = 0;
    for await (const part of response) {
      received += part.length;
      if (received % (20 * MEGABYTE) < part.length) look();
    }
    expect(received).toBe(TOTAL);
  });
});

test('nginx forwards a chunked answer in chunks', async () => {
  let next = (_: string) => {};
  upstream.answers.set('/events', (_, response) => {
    next = (text) => response.write(text);
    response.flushHeaders();
  });
  const { outgoing, incoming } = send('GET', '/events');
  outgoing.end();
  const response = await incoming;
  for (const text of ['one', 'two', 'three']) {
    const piece = new Promise((resolve) => response.once('data', resolve));
    next(text);
    expect(String(await piece)).toBe(text);
  }
  response.destroy();
});

test('nginx compresses scripts of the UI, and no artifacts', async () => {
  const script = 'const answer = 42;\n'.repeat(100_000);
  for (const path of ['/static-files/main.js', '/get-artifact']) {
    upstream.answers.set(path, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    });
  }
  const get = async (path: string) => {
    const { outgoing, incoming } = send('GET', path);
    outgoing.setHeader('accept-encoding', 'gzip, br');
    outgoing.end();
    const response = await incoming;
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part);
    return { encoding: response.headers['content-encoding'], body: Buffer.concat(parts) };
  };
  const compressed = await get('/static-files/main.js');
  expect(compressed.encoding).toBe('gzip');
  expect(compressed.body.length).toBeLessThan(script.length / 10);
  expect(gunzipSync(compressed.body).toString() === script).toBe(true);
  const plain = await get('/get-artifact');
  expect([plain.encoding, plain.body.toString() === script]).toEqual([undefined, true]);
});
