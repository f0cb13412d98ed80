import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** GET of one path. */
export interface Endpoint {
  readonly path: string;
  readonly port: number;
  answer(): Promise<{ readonly status: number; readonly type: string; readonly text: string }>;
}

export async function listen({ path, port, answer }: Endpoint): Promise<{ server: Server; port: number }> {
  const listener: RequestListener = (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== path) {
      response.writeHead(404).end();
      return;
    }
    answer().then(
      ({ status, type, text }) => response.writeHead(status, { 'content-type': type }).end(text),
      () => response.writeHead(500).end(),
    );
  };
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, listener);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
  return { server, port: (server.address() as AddressInfo).port };
}
