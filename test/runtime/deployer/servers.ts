import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Certificate } from '../credentials/certificate';

export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body?: any;
}

export type Answer = (response: ServerResponse, seen: Seen) => void | Promise<void>;

/** A server with answers from the test, on HTTPS if it has a certificate. */
export class TestServer {
  public readonly seen: Seen[] = [];
  public port = 0;
  public connections = 0;
  private readonly server: Server;

  constructor(
    public answer: Answer,
    certificate?: Certificate,
  ) {
    const listener: RequestListener = async (request, response) => {
      const sent = await text(request).catch(() => '');
      const { method = '', url: path = '', headers } = request;
      const seen = { method, path, headers, ...(sent && { body: JSON.parse(sent) }) };
      this.seen.push(seen);
      await this.answer(response, seen);
    };
    this.server = certificate ? createSecureServer({ ...certificate }, listener) : createServer(listener);
    this.server.on(certificate ? 'secureConnection' : 'connection', () => this.connections++);
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const json =
  (status: number, body: unknown): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

export const troubles: Record<string, Answer> = {
  'no answer': () => undefined,
  'a dropped connection': (response) => void response.destroy(),
  'an answer cut off': (response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('{"registered_models":');
    setTimeout(() => response.destroy(), 10);
  },
  'a trickling answer': (response) => {
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  },
  'a page of a proxy': (response) => void response.writeHead(200).end('<html>sorry</html>'),
  'half a JSON': (response) => void response.writeHead(200).end('{"registered_models":[{"name"'),
  'a redirect': (response) => void response.writeHead(302, { location: 'http://elsewhere/' }).end(),
  '401': json(401, { error_code: 'UNAUTHENTICATED', message: 'no' }),
  '500': json(500, { error_code: 'INTERNAL_ERROR', message: 'database is away' }),
  '503': (response) => void response.writeHead(503).end('unavailable'),
  '404 of a proxy': (response) => void response.writeHead(404).end('not here'),
  'JSON null': json(200, null),
  'a JSON list': json(200, []),
};
