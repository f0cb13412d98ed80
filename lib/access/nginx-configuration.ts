/** A program of the cluster that logs in as a user of its own. */
export interface NginxProgram {
  readonly username: string;
  /** htpasswd file that holds this user; only its own password lies in it. */
  readonly usersFile: string;
}

/** Who asks for the password: nginx, MLflow's own app behind it, or nobody. */
export type NginxLogin =
  | {
      readonly kind: 'basic';
      readonly realm: string;
      /** htpasswd file of the humans. */
      readonly usersFile: string;
      readonly programs: readonly NginxProgram[];
    }
  | { readonly kind: 'mlflow' }
  | { readonly kind: 'none' };

export interface NginxOptions {
  readonly login: NginxLogin;
  /** Whether a second port serves /metrics and nothing else. */
  readonly metrics: boolean;
  /** @default 8080 */
  readonly httpPort?: number;
  /** @default 9090 */
  readonly metricsPort?: number;
  /** Where MLflow listens on the pod's loopback. @default 5000 */
  readonly upstreamPort?: number;
  /** The longest silence of MLflow while it works on a request. @default 3600 */
  readonly timeoutSeconds?: number;
  /** How long running requests may take to end after SIGQUIT. */
  readonly drainSeconds: number;
  /**
   * A connection used within this time outlives SIGQUIT long enough to be answered once more.
   * nginx knows the directive from 1.27.4 on. @default - no such directive
   */
  readonly keepaliveMinSeconds?: number;
  /** Also listen on IPv6; nginx does not start where the node has none. @default false */
  readonly ipv6?: boolean;
  /** Nodes have more cores than the pod may use: a number, never `auto`. @default 2 */
  readonly workerProcesses?: number;
  /** The only folder that nginx writes to. @default '/tmp' */
  readonly temporaryDirectory?: string;
}

/** Errors of nginx itself, in the words of MLflow's REST API; what MLflow answers passes as it is. */
const ERRORS: readonly (readonly [status: number, errorCode: string, message: string])[] = [
  [400, 'BAD_REQUEST', 'The proxy does not understand this request.'],
  [401, 'UNAUTHENTICATED', 'User name and password are required.'],
  [403, 'PERMISSION_DENIED', 'The proxy finds no users file for this login.'],
  [404, 'ENDPOINT_NOT_FOUND', 'There is nothing here.'],
  [405, 'BAD_REQUEST', 'This method is not allowed.'],
  [408, 'DEADLINE_EXCEEDED', 'The request took too long to arrive.'],
  [414, 'BAD_REQUEST', 'The address is too long.'],
  [500, 'INTERNAL_ERROR', 'The proxy failed.'],
  [501, 'NOT_IMPLEMENTED', 'The proxy does not support this transfer encoding.'],
  [502, 'TEMPORARILY_UNAVAILABLE', 'MLflow does not answer. Try again shortly.'],
  [504, 'TEMPORARILY_UNAVAILABLE', 'MLflow took too long to answer.'],
  [505, 'BAD_REQUEST', 'The proxy does not support this HTTP version.'],
];

/** Headers that say how a proxy was called: nobody in front of this one is known to set or clean them. */
const UNTRUSTED = ['Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-User'];

/** What nginx's own words cannot be broken out of by: no quote, backslash, variable or control character. */
const REALM = /^[^'"\\$\p{Cc}]+$/u;
const PATH = /^(\/[A-Za-z0-9._-]+)+$/;
const USERNAME = /^[A-Za-z0-9._-]+$/;

function demand(condition: boolean, what: string, value: unknown): void {
  if (!condition) throw new Error(`${what}, got ${JSON.stringify(value)}`);
}

function validate(o: Required<NginxOptions>): void {
  const numbers = { ...o, keepaliveMinSeconds: o.keepaliveMinSeconds || 1 };
  for (const name of ['timeoutSeconds', 'drainSeconds', 'keepaliveMinSeconds', 'workerProcesses'] as const) {
    demand(Number.isInteger(numbers[name]) && numbers[name] > 0, `${name} must be a positive integer`, numbers[name]);
  }
  const ports = [o.httpPort, o.metricsPort, o.upstreamPort];
  for (const port of ports) demand(Number.isInteger(port) && port > 0 && port < 65536, 'a port must be 1–65535', port);
  demand(new Set(ports).size === ports.length, 'httpPort, metricsPort and upstreamPort must differ', ports);
  demand(PATH.test(o.temporaryDirectory), 'temporaryDirectory must be a plain absolute path', o.temporaryDirectory);
  if (o.login.kind !== 'basic') return;
  const { realm, usersFile, programs } = o.login;
  demand(REALM.test(realm) && realm !== 'off', 'realm must be text without quotes, backslashes and $', realm);
  demand(PATH.test(usersFile), 'usersFile must be a plain absolute path', usersFile);
  for (const program of programs) {
    demand(USERNAME.test(program.username), 'a user name consists of letters, digits, . _ and -', program.username);
    demand(PATH.test(program.usersFile), 'usersFile must be a plain absolute path', program.usersFile);
  }
  const names = programs.map((program) => program.username);
  demand(new Set(names).size === names.length, 'user names of programs must be unique', names);
}

/** The whole nginx.conf of the proxy in MLflow's pod. */
export function nginxConfiguration(options: NginxOptions): string {
  const o = {
    httpPort: 8080,
    metricsPort: 9090,
    upstreamPort: 5000,
    timeoutSeconds: 3600,
    keepaliveMinSeconds: 0,
    ipv6: false,
    workerProcesses: 2,
    temporaryDirectory: '/tmp',
    ...options,
  };
  validate(o);
  const listen = (port: number) => [`listen ${port};`, ...(o.ipv6 ? [`listen [::]:${port};`] : [])].join('\n    ');
  return `worker_processes ${o.workerProcesses};
worker_rlimit_nofile 16384;
worker_shutdown_timeout ${o.drainSeconds}s;
pid ${o.temporaryDirectory}/nginx.pid;
error_log stderr warn;

events {
  worker_connections 4096;
}

http {
  # Below crit nginx writes the user field of a refused login, which may be a mistyped password, and query strings.
  # What fails towards MLflow shows in the access log as 502 or 504.
  error_log stderr crit;
  server_tokens off;
  add_header X-Request-ID $request_id always;

  client_body_temp_path ${o.temporaryDirectory}/client_body;
  proxy_temp_path ${o.temporaryDirectory}/proxy;
  fastcgi_temp_path ${o.temporaryDirectory}/fastcgi;
  uwsgi_temp_path ${o.temporaryDirectory}/uwsgi;
  scgi_temp_path ${o.temporaryDirectory}/scgi;

${logging(o.login)}

  # Slow clients may not hold a connection for ever; idle ones stay longer than any load balancer keeps them.
  client_header_timeout 15s;
  client_body_timeout 120s;
  send_timeout 120s;
  keepalive_timeout 620s;${o.keepaliveMinSeconds ? `\n  keepalive_min_timeout ${o.keepaliveMinSeconds}s;` : ''}
  reset_timedout_connection on;
  client_header_buffer_size 2k;
  large_client_header_buffers 4 16k;
  # MLflow merges no slashes: both must see the same path.
  merge_slashes off;
  ignore_invalid_headers on;
  underscores_in_headers off;

  upstream mlflow {
    server 127.0.0.1:${o.upstreamPort};
    keepalive 32;
    # Shorter than MLflow's own 120 s, so that MLflow never closes a connection just as a request goes out on it.
    keepalive_timeout 60s;
  }

  # Both directions stream through small buffers: no size limit, nothing on disk.
  client_max_body_size 0;
  client_body_buffer_size 64k;
  proxy_request_buffering off;
  proxy_buffering off;
  proxy_buffer_size 64k;
  proxy_buffers 4 64k;
  proxy_busy_buffers_size 128k;
  proxy_max_temp_file_size 0;
  proxy_http_version 1.1;
  proxy_connect_timeout 5s;
  proxy_read_timeout ${o.timeoutSeconds}s;
  proxy_send_timeout ${o.timeoutSeconds}s;
  # There is one MLflow: a second try could only repeat what the first one did. Clients retry what they know is safe.
  proxy_next_upstream off;
  proxy_redirect off;
  proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;

  map $http_x_forwarded_proto $forwarded_proto {
    default $scheme;
    http http;
    https https;
  }
${usersFileMap(o.login)}
  # Errors of the proxy itself, as MLflow's client reads them. What MLflow answers passes as it is. The explicit status
  # also keeps nginx from inviting the body of a refused request by "100 Continue".
  ${ERRORS.map(([status]) => `error_page ${status} =${status} /.error;`).join('\n  ')}
  error_page 494 =400 /.error;
  map $status $error_code {
    default INTERNAL_ERROR;
${ERRORS.map(([status, code]) => `    ${status} ${code};`).join('\n')}
  }
  map $status $error_message {
    default 'The proxy failed.';
${ERRORS.map(([status, , message]) => `    ${status} '${message}';`).join('\n')}
  }

${httpServer(o.login, listen(o.httpPort))}
${o.metrics ? metricsServer(o.login, listen(o.metricsPort)) : ''}}
`;
}

function logging(login: NginxLogin): string {
  // Behind the login a request has an upstream only once its password was right. With another login nginx cannot know.
  const user =
    login.kind === 'basic'
      ? `map $behind_login:$upstream_addr $logged_user {\n    default '';\n    '~^1:.' $remote_user;\n  }`
      : `map '' $logged_user {\n    default '';\n  }`;
  return `  # One JSON object a line. Without query strings: they hold search terms and, at times, tokens. Cut to a length that
  # one write to a pipe can hold, so that lines of two workers never mix.
  map $request_uri $logged_path {
    default '';
    '~^(?<path_start>[^?]{0,1024})' $path_start;
  }
  # Not $request_method: nginx answers its own errors by a GET inside.
  map $request $logged_method {
    default '';
    '~^(?<method_word>[A-Z]{1,16}) ' $method_word;
  }
  map $http_user_agent $logged_agent {
    default '';
    '~^(?<agent_start>.{0,256})' $agent_start;
  }
  map $proxy_add_x_forwarded_for $logged_client {
    default '';
    '~(?<client_end>.{0,256})$' $client_end;
  }
  map $status $logged_status {
    default 0;
    '~^[1-9]' $status;
  }
  map $upstream_response_time $logged_upstream {
    default null;
    '~^[0-9.]+$' $upstream_response_time;
  }
  ${user}
  log_format json escape=json '{"time":"$time_iso8601","client":"$logged_client","user":"$logged_user",'
    '"method":"$logged_method","uri":"$logged_path","status":$logged_status,"bytes_in":$request_length,'
    '"bytes_out":$bytes_sent,"duration":$request_time,"upstream_duration":$logged_upstream,'
    '"request_id":"$request_id","user_agent":"$logged_agent"}';
  access_log /dev/stdout json;`;
}

/** Programs have a file each. Patterns, because plain words of a map match in any case. */
function usersFileMap(login: NginxLogin): string {
  if (login.kind !== 'basic') return '';
  const files = login.programs.map((p) => `\n    '~^${p.username.replace(/\./g, '\\.')}\\z' ${p.usersFile};`);
  return `
  map $remote_user $users_file {
    default ${login.usersFile};${files.join('')}
  }
`;
}

/** An own URI rather than a named location: those fail where a request was too broken to have a URI. */
const ERROR_LOCATION = `location = /.error {
      internal;
      types { }
      default_type application/json;
      # The status stays what the error was.
      return 200 '{"error_code":"$error_code","message":"$error_message"}\\n';
    }`;

/** For fixed questions to MLflow: neither the caller's address, headers nor body get there. */
const ASK_MLFLOW = `if ($request_method !~ ^(GET|HEAD)$) {
        return 405;
      }
      set $args '';
      access_log off;
      proxy_pass_request_headers off;
      proxy_pass_request_body off;
      proxy_read_timeout 30s;
      proxy_set_header Host localhost;
      proxy_set_header Connection '';
      proxy_set_header Content-Length '';`;

function httpServer(login: NginxLogin, listen: string): string {
  const basic = login.kind === 'basic' ? [`auth_basic '${login.realm}';`, 'auth_basic_user_file $users_file;'] : [];
  const password = login.kind === 'mlflow' ? [] : [`proxy_set_header Authorization '';`];
  const behind = login.kind === 'basic' ? 'set $behind_login 1;\n      ' : '';
  return `  server {
    ${[listen, ...basic].join('\n    ')}

    ${ERROR_LOCATION}

    ${[
      'proxy_set_header Host $http_host;',
      `proxy_set_header Connection '';`,
      `proxy_set_header Upgrade '';`,
      ...password,
      `proxy_set_header Proxy-Authorization '';`,
      'proxy_set_header X-Request-ID $request_id;',
      'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
      'proxy_set_header X-Forwarded-Proto $forwarded_proto;',
      ...UNTRUSTED.map((name) => `proxy_set_header ${name} '';`),
    ].join('\n    ')}

    # The one address without login. Its upstream address is fixed: a path that only leads here after nginx has
    # resolved its dots must not reach MLflow as it came.
    location = /health {
      ${login.kind === 'basic' ? 'auth_basic off;\n      ' : ''}${ASK_MLFLOW}
      proxy_pass http://mlflow/health;
    }

    location ~* '^/+metrics\\b' {
      return 404;
    }

    location ^~ /static-files/ {
      ${behind}      gzip on;
      gzip_comp_level 4;
      gzip_min_length 10k;
      gzip_proxied any;
      gzip_types text/css text/javascript application/javascript;
      proxy_pass http://mlflow/static-files/;
    }

    location / {
      ${behind}# With the slash MLflow gets the path that nginx has judged, never another spelling of it.
      proxy_pass http://mlflow/;
    }
  }
`;
}

function metricsServer(login: NginxLogin, listen: string): string {
  // MLflow's own login guards /metrics as well, so Prometheus must bring an administrator's password.
  const password = login.kind === 'mlflow' ? '\n      proxy_set_header Authorization $http_authorization;' : '';
  return `  server {
    ${listen}

    ${ERROR_LOCATION}

    location = /metrics {
      ${ASK_MLFLOW}${password}
      proxy_pass http://mlflow/metrics;
    }

    location / {
      return 404;
    }
  }
`;
}
