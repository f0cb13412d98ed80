import { type Agent as HttpAgent, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Failure } from './failure';

export interface Call {
  /** @default https: */
  readonly protocol?: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
  /** @default the authorities that Node trusts */
  readonly ca?: string;
  /** Keeps connections; its protocol has to be the call's. @default a connection of its own */
  readonly agent?: HttpAgent | HttpsAgent;
  /** The header's value, such as `Bearer …`. */
  readonly authorization?: string;
  readonly userAgent: string;
  /** Further headers. */
  readonly headers?: Record<string, string>;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** @default application/json */
  readonly contentType?: string;
  readonly timeoutMs: number;
  /** In bytes. @default 8 MiB: an object of an API server is at most 1 MiB or so */
  readonly longestAnswer?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined when the answer was no JSON. */
  readonly body: unknown;
}

/** The answer is longer than the caller can take. */
export class LongAnswer extends Failure {}

const usualLongestAnswer = 8 * 1024 * 1024;

/** One request, over in `timeoutMs` whatever the other side does. */
export async function send(call: Call): Promise<Answer> {
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body), 'utf8');
  const request = call.protocol === 'http:' ? httpRequest : httpsRequest;
  const longestAnswer = call.longestAnswer ?? usualLongestAnswer;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      method: call.method,
      // Node wants a bare IPv6 address here and puts the brackets into the Host header itself.
      host: call.host.replace(/^\[(.*)\]$/, '$1'),
      port: call.port,
      path: call.path,
      ca: call.ca,
      agent: call.agent ?? false,
      headers: {
        accept: 'application/json',
        'user-agent': call.userAgent,
        ...call.headers,
        ...(call.authorization && { authorization: call.authorization }),
        ...(body && { 'content-type': call.contentType ?? 'application/json', 'content-length': body.length }),
      },
    });
    const fail = (message: string, Kind = Failure) => {
      clearTimeout(timer);
      reject(new Kind('transient', message));
      outgoing.destroy();
    };
    // The socket's own timeout starts anew with every byte, so a trickling server could hold it open for ever.
    const timer = setTimeout(() => fail(`no full answer within ${call.timeoutMs / 1000} s`), call.timeoutMs);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // A kept connection that the other side has just closed says nothing about the other side.
      if (error.code === 'ECONNRESET' && outgoing.reusedSocket && call.method === 'GET') {
        clearTimeout(timer);
        send({ ...call, agent: undefined }).then(resolve, reject);
      } else {
        fail(`no connection: ${error.code ?? error.message}`);
      }
    });
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > longestAnswer) fail(`the answer is longer than ${longestAnswer} bytes`, LongAnswer);
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
