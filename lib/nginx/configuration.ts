import { LoggedLogin, logging } from './access-log';

/** What every nginx.conf of the library has. The rest is its site. */
export interface ConfigurationOptions {
  /** The upstream, as the comments name it. */
  readonly behind: 'MLflow' | 'the model';
  /** A fixed number: nodes have more cores than the pod may use. */
  readonly workers: number;
  /** Connections of a worker, those to the upstream included. */
  readonly connections: number;
  /** How long running requests may take to end after SIGQUIT. */
  readonly drainSeconds: number;
  /** The longest silence of the upstream while it works on a request. */
  readonly timeoutSeconds: number;
  /** A connection used within this time survives SIGQUIT for one more answer. @default - none: needs nginx 1.27.4 */
  readonly keepaliveMinSeconds?: number;
  /** The only folder that nginx writes to. */
  readonly temporaryDirectory: string;
  readonly login: LoggedLogin;
  /** Of the http block: the whole upstream. */
  readonly upstream: string;
  /** Of the http block: `client_max_body_size`, with a comment that gives the reason. */
  readonly bodySize: string;
  /** Of the http block: a second access log, for counts. @default - none */
  readonly requestLines?: string;
  /** Of the http block, after the access log. */
  readonly caches?: string;
  /** Of the http block: the output of `errorPages`. */
  readonly errors: string;
  /** The servers, and the maps and zones that are theirs. */
  readonly site: string;
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** Throws if a value could change the meaning of the configuration. Callers do not have to check it before. */
export function demand(good: boolean, wish: string, value: unknown): void {
  if (!good) throw new Error(`${wish}, got ${JSON.stringify(value)}`);
}

export function demandPath(value: string): void {
  demand(/^(\/[\w.-]+)+$/.test(value), 'expected a plain absolute path', value);
}

export function demandRealm(realm: string): void {
  demand(/^[^'"\\$\p{Cc}]+$/u.test(realm) && realm !== 'off', 'expected a realm without quotes, \\ and $', realm);
}

export function demandPorts(...ports: number[]): void {
  for (const port of ports) demand(Number.isInteger(port) && port > 0 && port < 65536, 'expected a port', port);
}

export const each = <T>(indent: number, all: readonly T[], line: (item: T) => string) =>
  all.map(line).join(`\n${' '.repeat(indent)}`);

/** The whole nginx.conf of a sidecar. */
export function configuration(o: ConfigurationOptions): string {
  for (const seconds of [o.drainSeconds, o.timeoutSeconds, o.keepaliveMinSeconds ?? 1]) {
    demand(Number.isInteger(seconds) && seconds > 0, 'expected a whole, positive number of seconds', seconds);
  }
  demandPath(o.temporaryDirectory);
  return `worker_processes ${o.workers};
worker_rlimit_nofile ${4 * o.connections};
worker_shutdown_timeout ${o.drainSeconds}s;
pid ${o.temporaryDirectory}/nginx.pid;
error_log stderr warn;
events { worker_connections ${o.connections}; }

http {
  # Below crit nginx writes the user field of a refused login, which may be a mistyped password, and query strings.
  # The access log shows failed requests to ${o.behind} as 502 or 504.
  error_log stderr crit;
  server_tokens off;
  ${each(2, TEMPORARY, (name) => `${name}_temp_path ${o.temporaryDirectory}/${name};`)}

${logging(o.login)}
${o.requestLines ?? ''}${o.caches ?? ''}
  # Slow clients time out. Idle connections stay open for longer than load balancers keep them.
  client_header_timeout 15s;
  client_body_timeout 120s;
  send_timeout 120s;
  keepalive_timeout 620s;${o.keepaliveMinSeconds ? `\n  keepalive_min_timeout ${o.keepaliveMinSeconds}s;` : ''}
  client_header_buffer_size 2k;
  large_client_header_buffers 4 ${o.login.kind === 'oidc' ? 32 : 16}k;
  # MLflow does not merge slashes, and both must see the same path.
  merge_slashes off;

${o.upstream}
  # Requests and answers stream through small buffers, and nothing is written to disk.
${o.bodySize} client_body_buffer_size 64k;
  proxy_request_buffering off; proxy_buffering off;
  proxy_buffer_size 64k; proxy_buffers 4 64k;
  proxy_max_temp_file_size 0;
  proxy_http_version 1.1;
  proxy_connect_timeout 5s;
  proxy_read_timeout ${o.timeoutSeconds}s; proxy_send_timeout ${o.timeoutSeconds}s;
  # One upstream server: nginx does not retry. Clients retry requests that are safe to repeat.
  proxy_next_upstream off;
  proxy_redirect off;
  proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;

${o.errors}
${o.site}}
`;
}

/** An error of nginx itself, in the form of MLflow's REST API: the value of the map's variable, and the answer. */
export type NginxError = readonly [key: number | string, errorCode: string, message: string];

/** The answers of nginx to a request that it cannot take, in front of every program. */
const REQUEST_ERRORS: readonly NginxError[] = [
  [400, 'BAD_REQUEST', 'The proxy does not understand this request.'],
  [405, 'BAD_REQUEST', 'This method is not allowed.'],
  [408, 'DEADLINE_EXCEEDED', 'The request took too long to arrive.'],
  [414, 'BAD_REQUEST', 'The address is too long.'],
  [501, 'NOT_IMPLEMENTED', 'The proxy does not offer this.'],
  [505, 'BAD_REQUEST', 'The proxy does not support this HTTP version.'],
];

/** By status: the common errors and those of one site. */
export function withRequestErrors(own: readonly NginxError[]): NginxError[] {
  return [...REQUEST_ERRORS, ...own].sort(([a], [b]) => Number(a) - Number(b));
}

/**
 * The errors' pages and bodies, for the http block.
 *
 * @param errors by the value of `variable`
 * @param elsewhere statuses that have a page of their own, with its `error_page`
 */
export function errorPages(errors: readonly NginxError[], variable: string, elsewhere: Record<number, string>): string {
  const statuses = errors.map(([key]) => key).filter((key) => typeof key === 'number' && !(key in elsewhere));
  const own = Object.values(elsewhere).map((page) => `${page}\n  `);
  return `  # Errors of the proxy, in the form that MLflow's client reads. Answers of MLflow pass unchanged.
  error_page ${statuses.join(' ')} /.error;
  ${own.join('')}error_page 494 =400 /.error;
  map ${variable} $error_body {
    ${each(4, errors, ([key, code, text]) => `${key} '{"error_code":"${code}","message":"${text}"}';`)}
  }
`;
}

/** For each server. An address rather than a named location, which fails if a request is too broken to have an address. */
export const ERROR_LOCATION = `location = /.error {
      internal;
      # nginx checks the size of the body again, and would answer 413 to a large upload with a wrong password.
      client_max_body_size 0;
      types { } default_type application/json;
      # The status of the error stays.
      return 200 '$error_body\\n';
    }`;

/**
 * A server's port, on both address families if `ipv6` is true: nginx does not start if the node has no IPv6, and cannot
 * detect it. A serving has a start script, to resolve the tracking server; it also detects IPv6 and writes these lines
 * (runtime/nginx/serving_proxy.sh). The tracking server's nginx starts without a shell, so it needs a prop.
 */
export const listen = (port: number, ipv6 = false, tls = false) => {
  const ssl = tls ? ' ssl' : '';
  return `listen ${port}${ssl};${ipv6 ? `\n    listen [::]:${port}${ssl};` : ''}`;
};
