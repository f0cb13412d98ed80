import { createServer, IncomingMessage, Server, ServerResponse } from 'node:http';
import { AddressInfo, Socket } from 'node:net';

export interface Seen {
  readonly method: string;
  /** As nginx sent it. */
  readonly url: string;
  /** The path by which MLflow routes it: decoded once, without the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  body: string;
  bytes: number;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void | Promise<void>;

/** A stand-in for MLflow on the pod's loopback: answers every request and records it. */
export class Upstream {
  static async start(): Promise<Upstream> {
    const upstream = new Upstream();
    await new Promise<void>((done) => upstream.server.listen(0, '127.0.0.1', done));
    upstream.port = (upstream.server.address() as AddressInfo).port;
    return upstream;
  }

  public port = 0;
  /** The number of connections since the start. */
  public connections = 0;
  public readonly seen: Seen[] = [];
  public readonly sockets = new Set<Socket>();
  /** Replaces the default answer for paths that begin with the key. */
  public readonly answers = new Map<string, Answer>();
  private readonly server: Server;

  private constructor() {
    const settings = { requireHostHeader: false, keepAliveTimeout: 120_000, maxHeaderSize: 65_536 };
    this.server = createServer(settings, (request, response) => {
      void this.handle(request, response);
    });
    this.server.on('connection', (socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    // A proxy must never send these requests. They are recorded.
    for (const event of ['upgrade', 'connect'] as const) {
      this.server.on(event, (request: IncomingMessage, socket: Socket) => {
        this.remember(request);
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      });
    }
  }

  /** Returns the requests since the last call. */
  public take(): Seen[] {
    return this.seen.splice(0);
  }

  public async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private remember(request: IncomingMessage): Seen {
    const { method = '', url = '', headers } = request;
    const seen = { method, url, path: decodeURIComponent(url.split('?')[0]), headers, body: '', bytes: 0 };
    this.seen.push(seen);
    return seen;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = this.remember(request);
    const answer = [...this.answers].find(([start]) => seen.url.startsWith(start));
    if (answer) return answer[1](request, response, seen);
    for await (const chunk of request) {
      seen.bytes += chunk.length;
      if (seen.bytes < 65536) seen.body += chunk;
    }
    response.end(`mlflow saw ${seen.method} ${seen.path}`);
  }
}
