import { connect } from 'node:net';
import { HOST } from '../oidc/browser';
import { newAddress } from '../oidc/harness';

/** Any address that asks for a login. */
export const API = '/api/2.0/mlflow/experiments/search';

export interface RawRequest {
  readonly target?: string;
  readonly method?: string;
  /** May hold a name twice, and names that no client library sends. */
  readonly headers?: [name: string, value: string][];
  readonly body?: string;
  /** Whether the length of the body is told. @default true */
  readonly length?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly location?: string;
  readonly text: string;
  /** More than one if nginx took the body for a request. */
  readonly answers: number;
}

/** Sends exactly these bytes, from a new address, as wrong logins of one address have to wait. */
export async function sendRaw(port: number, request: RawRequest): Promise<RawAnswer> {
  const { target = API, method = 'GET', headers = [], body = '', length = true } = request;
  const lines = [['Host', HOST], ['X-Forwarded-Proto', 'https'], ...headers, ['Connection', 'close']];
  if (body && length) lines.push(['Content-Length', String(Buffer.byteLength(body))]);
  const bytes = `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
  const text = await new Promise<string>((resolve, reject) => {
    let all = '';
    const socket = connect({ port, host: '127.0.0.1', localAddress: newAddress() }, () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (chunk: string) => (all += chunk));
    socket.setTimeout(60_000, () => socket.destroy(new Error('the connection stays open')));
    socket.on('error', (error) => (all ? resolve(all) : reject(error))).on('close', () => resolve(all));
  });
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  return { status: statuses[0], answers: statuses.length, location: /^Location: (.*)\r$/im.exec(text)?.[1], text };
}
