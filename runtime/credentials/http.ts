import { type IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { Failure } from './failure';

export interface Call {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly token: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined when the answer was no JSON. */
  readonly body: unknown;
}

/** A Secret is at most 1 MiB; nothing an API server says here comes near this. */
const longestAnswer = 8 * 1024 * 1024;

/** One request on a connection of its own, over in `timeoutMs` whatever the other side does. */
export async function send(call: Call): Promise<Answer> {
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body), 'utf8');
  return new Promise((resolve, reject) => {
    const outgoing = request({
      method: call.method,
      // Node wants a bare IPv6 address here and puts the brackets into the Host header itself.
      host: call.host.replace(/^\[(.*)\]$/, '$1'),
      port: call.port,
      path: call.path,
      ca: call.ca,
      agent: false,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${call.token}`,
        'user-agent': 'cdk8s-mlflow-credentials',
        ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
      },
    });
    const fail = (message: string) => {
      clearTimeout(timer);
      reject(new Failure('transient', message));
      outgoing.destroy();
    };
    // The socket's own timeout starts anew with every byte, so a trickling server could hold it open for ever.
    const timer = setTimeout(() => fail(`no full answer within ${call.timeoutMs / 1000} s`), call.timeoutMs);
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(`no connection: ${error.code ?? error.message}`));
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > longestAnswer) fail(`the answer is longer than ${longestAnswer} bytes`);
        else chunks.push(chunk);
      });
      incoming.on('error', (error: NodeJS.ErrnoException) => fail(`answer cut off: ${error.code ?? error.message}`));
      incoming.on('end', () => {
        clearTimeout(timer);
        const { statusCode = 0, headers } = incoming;
        resolve({ status: statusCode, headers, body: parse(Buffer.concat(chunks).toString('utf8')) });
      });
    });
    outgoing.end(body);
  });
}

/** JSON.parse quotes its input in its errors, which may be a Secret's: they go no further. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
