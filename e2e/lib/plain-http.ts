import { get } from 'node:http';

export interface PlainAnswer {
  readonly status?: number;
  readonly location?: string;
  /** The header WWW-Authenticate. */
  readonly asks?: string;
}

/** Sends a request by plain http to a host name that is in no DNS, on a local port. */
export function plainHttp(port: number, host: string, path: string): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const request = get({ port, path, headers: { host } }, (answer) => {
      answer.resume();
      const { location, 'www-authenticate': asks } = answer.headers;
      resolve({ status: answer.statusCode, location, asks });
    });
    request.once('error', reject);
  });
}
