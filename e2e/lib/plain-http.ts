import { get } from 'node:http';

export interface PlainAnswer {
  readonly status?: number;
  readonly location?: string;
  /** What it asks a login for. */
  readonly asks?: string;
}

/** What somebody gets who comes by plain http to a host that no DNS knows. */
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
