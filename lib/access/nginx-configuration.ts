import { ARTIFACT_ERRORS, artifactLocations } from './nginx-artifacts';
import { ASK_MLFLOW, HEALTH_LOCATION, healthCache } from './nginx-health';
import { LARGE_BODY, largeBodies } from './nginx-large-bodies';
import { logging } from './nginx-logging';
import { absentLocations, httpsRedirect } from './nginx-pages';
import { FORBIDDEN, roleRules } from './nginx-roles';

/** nginx asks for the password: an htpasswd file for the humans, and one for each program of the cluster. */
export interface NginxBasicLogin {
  readonly kind: 'basic';
  readonly realm: string;
  readonly usersFile: string;
  /** Folder with an htpasswd file for each program, named `<role>.<user>`: see nginx-roles.ts. */
  readonly programsFolder: string;
}

/** Who asks for the password: nginx, MLflow's own app behind it, or nobody. */
export type NginxLogin = NginxBasicLogin | { readonly kind: 'mlflow' } | { readonly kind: 'none' };

export interface NginxOptions {
  readonly login: NginxLogin;
  /** Whether a second port serves /metrics and nothing else. */
  readonly metrics: boolean;
  /** How long running requests may take to end after SIGQUIT. */
  readonly drainSeconds: number;
  /** The longest silence of MLflow while it works on a request. @default 3600 */
  readonly timeoutSeconds?: number;
  /** MLflow may give its clients signed URLs of the store; see nginx-artifacts.ts. @default false */
  readonly signedUrls?: boolean;
  /** The largest artifact that MLflow has space for, in MiB. @default - no limit */
  readonly maxArtifactMebibytes?: number;
  /** A connection used within this time survives SIGQUIT for one more answer. @default - none: wants nginx 1.27.4 */
  readonly keepaliveMinSeconds?: number;
  /** Host whose plain http an Ingress or a Gateway passes on although it has TLS: it is redirected. @default - none */
  readonly httpsHost?: string;
  /** 8080, 9090, and 5000, where MLflow listens on the pod's loopback. */
  readonly httpPort?: number;
  readonly metricsPort?: number;
  readonly upstreamPort?: number;
  /** Also listen on IPv6; nginx does not start where the node has none. @default false */
  readonly ipv6?: boolean;
  /** The only folder that nginx writes to. @default '/tmp' */
  readonly temporaryDirectory?: string;
}

type Settings = ReturnType<typeof complete>;
const complete = (options: NginxOptions) => ({
  ...options,
  timeoutSeconds: options.timeoutSeconds ?? 3600,
  httpPort: options.httpPort ?? 8080,
  metricsPort: options.metricsPort ?? 9090,
  upstreamPort: options.upstreamPort ?? 5000,
  temporaryDirectory: options.temporaryDirectory ?? '/tmp',
});

/** Errors of nginx itself, in the words of MLflow's REST API. */
const ERRORS: readonly (readonly [status: number, errorCode: string, message: string])[] = [
  [400, 'BAD_REQUEST', 'The proxy does not understand this request.'],
  [401, 'UNAUTHENTICATED', 'User name and password are required.'],
  [403, 'PERMISSION_DENIED', FORBIDDEN],
  [404, 'ENDPOINT_NOT_FOUND', 'There is nothing here.'],
  [405, 'BAD_REQUEST', 'This method is not allowed.'],
  [408, 'DEADLINE_EXCEEDED', 'The request took too long to arrive.'],
  [
    413,
    'INVALID_PARAMETER_VALUE',
    `The body is too large: 16 MiB, ${LARGE_BODY} for OTLP and the gateway, and for artifacts the space that the server has for one.`,
  ],
  [414, 'BAD_REQUEST', 'The address is too long.'],
  [500, 'INTERNAL_ERROR', 'The proxy failed.'],
  [501, 'NOT_IMPLEMENTED', 'The proxy does not offer this.'],
  [502, 'TEMPORARILY_UNAVAILABLE', 'MLflow does not answer. Try again shortly.'],
  [504, 'TEMPORARILY_UNAVAILABLE', 'MLflow took too long to answer.'],
  [505, 'BAD_REQUEST', 'The proxy does not support this HTTP version.'],
];

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const UNTRUSTED = ['Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-User'];

/** Throws for what would break out of the configuration: this file trusts nobody to have looked before. */
function validate(o: Settings): void {
  const demand = (good: boolean, wish: string, value: unknown) => {
    if (!good) throw new Error(`${wish}, got ${JSON.stringify(value)}`);
  };
  const path = (value: string) => demand(/^(\/[\w.-]+)+$/.test(value), 'expected a plain absolute path', value);
  for (const seconds of [o.drainSeconds, o.timeoutSeconds, o.keepaliveMinSeconds ?? 1]) {
    demand(Number.isInteger(seconds) && seconds > 0, 'expected a whole, positive number of seconds', seconds);
  }
  const ports = [o.httpPort, o.metricsPort, o.upstreamPort];
  for (const port of ports) demand(Number.isInteger(port) && port > 0 && port < 65536, 'expected a port', port);
  demand(new Set(ports).size === ports.length, 'expected three different ports', ports);
  path(o.temporaryDirectory);
  demand(/^[a-z0-9.-]+$/.test(o.httpsHost ?? 'none'), 'expected a host name', o.httpsHost);
  if (o.login.kind !== 'basic') return;
  const { realm, usersFile, programsFolder } = o.login;
  demand(/^[^'"\\$\p{Cc}]+$/u.test(realm) && realm !== 'off', 'expected a realm without quotes, \\ and $', realm);
  [usersFile, programsFolder].forEach(path);
}

const each = <T>(indent: number, all: readonly T[], line: (item: T) => string) =>
  all.map(line).join(`\n${' '.repeat(indent)}`);

/** The whole nginx.conf of the proxy in MLflow's pod. */
export function nginxConfiguration(options: NginxOptions): string {
  const o = complete(options);
  validate(o);
  // A fixed number: nodes have more cores than the pod may use.
  return `worker_processes 2;
worker_rlimit_nofile 16384;
worker_shutdown_timeout ${o.drainSeconds}s;
pid ${o.temporaryDirectory}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }

http {
  # Below crit nginx writes the user field of a refused login, which may be a mistyped password, and query strings.
  # What fails towards MLflow shows in the access log as 502 or 504.
  error_log stderr crit;
  server_tokens off;
  ${each(2, TEMPORARY, (name) => `${name}_temp_path ${o.temporaryDirectory}/${name};`)}

${logging(o.login)}
${healthCache(o.temporaryDirectory)}

  # Slow clients may not hold a connection for ever; idle ones stay longer than any load balancer keeps them.
  client_header_timeout 15s;
  client_body_timeout 120s;
  send_timeout 120s;
  keepalive_timeout 620s;${o.keepaliveMinSeconds ? `\n  keepalive_min_timeout ${o.keepaliveMinSeconds}s;` : ''}
  client_header_buffer_size 2k;
  large_client_header_buffers 4 16k;
  # MLflow merges no slashes: both must see the same path.
  merge_slashes off;

  upstream mlflow {
    server 127.0.0.1:${o.upstreamPort}; keepalive 32;
    # Shorter than MLflow's own 120 s, so that MLflow never closes a connection just as a request goes out on it.
    keepalive_timeout 60s;
  }

  # Both directions stream through small buffers: nothing on disk.
  # MLflow reads all but artifacts into its memory, some of it before it asks who comes.
  client_max_body_size 16m; client_body_buffer_size 64k;
  proxy_request_buffering off; proxy_buffering off;
  proxy_buffer_size 64k; proxy_buffers 4 64k;
  proxy_max_temp_file_size 0;
  proxy_http_version 1.1;
  proxy_connect_timeout 5s;
  proxy_read_timeout ${o.timeoutSeconds}s; proxy_send_timeout ${o.timeoutSeconds}s;
  # There is one MLflow: a second try could only repeat what the first one did. Clients retry what they know is safe.
  proxy_next_upstream off;
  proxy_redirect off;
  proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;

  # Errors of the proxy itself, as MLflow's client reads them; what MLflow answers passes as it is.
  error_page ${ERRORS.map(([status]) => status).join(' ')} /.error;
  error_page 494 =400 /.error;
  map $status$refusal $error_body {
    ${each(4, [...ERRORS, ...ARTIFACT_ERRORS], ([status, code, text]) => `${status} '{"error_code":"${code}","message":"${text}"}';`)}
  }

${httpServer(o)}${o.metrics ? metricsServer(o) : ''}}
`;
}

// An address rather than a named location, which fails where a request is too broken to have an address.
const ERROR_LOCATION = `location = /.error {
      internal;
      types { } default_type application/json;
      # The status stays what the error was.
      return 200 '$error_body\\n';
    }`;

const listen = (port: number, ipv6 = false) => `listen ${port};${ipv6 ? `\n    listen [::]:${port};` : ''}`;

function httpServer(options: Settings): string {
  const { login, httpPort, ipv6 } = options;
  const cleared = login.kind === 'mlflow' ? UNTRUSTED : [...UNTRUSTED, 'Authorization'];
  const basic = login.kind === 'basic' && login;
  const https = httpsRedirect(options.httpsHost);
  const roles = roleRules(login);
  return `  map $http_x_forwarded_proto $forwarded_proto { http http; https https; default $scheme; }
${https.map}${roles.maps}  server {
    ${listen(httpPort, ipv6)}
${https.rule}    ${basic ? `auth_basic '${basic.realm}';\n    auth_basic_user_file $users_file;\n    ` : ''}${ERROR_LOCATION}
${roles.rules}
    proxy_set_header Host $http_host;
    proxy_set_header Connection ''; proxy_set_header Upgrade '';
    proxy_set_header X-Request-ID $request_id;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $forwarded_proto;
    proxy_set_header Proxy-Authorization '';
    # Nobody in front of this proxy is known to set or clean these.
    ${each(4, cleared, (name) => `proxy_set_header ${name} '';`)}

${HEALTH_LOCATION}    location ~* '^/+metrics\\b' { return 404; }
    location ^~ /static-files/ {
      set $behind_login 1;
      gzip on; gzip_proxied any; gzip_min_length 10k;
      gzip_types text/css text/javascript application/javascript;
      proxy_pass http://mlflow/static-files/;
    }
${absentLocations(login)}${artifactLocations(options)}${largeBodies()}    location / {
      set $behind_login 1;
      # With the slash MLflow gets the path that nginx has judged, never another spelling of it.
      proxy_pass http://mlflow/;
    }
  }
`;
}

function metricsServer({ login, metricsPort, ipv6 }: Settings): string {
  // open_metrics.py answers without one; where an MLflow is too different for it, an administrator's password does.
  const password = login.kind === 'mlflow' ? '\n      proxy_set_header Authorization $http_authorization;' : '';
  return `  server {
    ${listen(metricsPort, ipv6)}
    ${ERROR_LOCATION}
    location = /metrics {
      ${ASK_MLFLOW}${password}
      proxy_pass http://mlflow/metrics;
    }
    location / { return 404; }
  }
`;
}
