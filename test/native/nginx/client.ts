import { Agent, IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Question {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
  /** The client's own address, of 127.0.0.0/8. */
  readonly localAddress?: string;
}

/** Sends one valid request. */
export async function ask({ port, path = '/', body, agent, ...rest }: Question): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: agent ?? false, ...rest }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, body: text }));
    });
    outgoing.on('error', reject).end(body);
  });
}

/** Sends bytes unchanged, and returns everything that nginx sends until it closes the connection. */
export async function raw(port: number, bytes: string, seconds = 20): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.setEncoding('latin1').setTimeout(seconds * 1000, () => {
      socket.destroy(new Error(`the connection stays open after ${JSON.stringify(answer.slice(0, 200))}`));
    });
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

export const statuses = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.\d (\d{3})[ \r]/g)].map((match) => Number(match[1]));
