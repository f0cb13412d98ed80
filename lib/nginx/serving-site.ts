import { ERROR_LOCATION, configuration, demand, demandPorts, errorPages, withRequestErrors } from './configuration';
import { PodTls, PublicAddress } from './nginx-options';
import { podTls } from './pod-tls';
import { addressRules, demandAddress } from './public-address';
import { demandWorkspaces } from './workspaces';

/** Settings of the nginx of a serving. */
export interface ServingSiteOptions extends PublicAddress {
  /** How long running requests may take to end after SIGQUIT. */
  readonly drainSeconds: number;
  /** How long the model may take for one request. */
  readonly requestTimeoutSeconds: number;
  /** The largest body. */
  readonly maxRequestBytes: number;
  /** Where the model listens on the pod's loopback. */
  readonly modelPort: number;
  /** The tracking server, which knows the logins. */
  readonly trackingUrl: string;
  /** Whether the start script makes a file of the platform's authority and the public ones. */
  readonly ownAuthority?: boolean;
  /** The port has TLS. @default - plain HTTP */
  readonly tls?: PodTls;
  /** The workspace of the model: only the logins of this workspace may send requests. @default - the default one */
  readonly workspace?: string;
}

/** The only folder that nginx writes to, with what its start script wrote: serving_proxy.sh. */
const TEMPORARY = '/tmp';

/**
 * The configuration of a serving's nginx, which accepts the users of the tracking server by asking its login. No user is
 * copied, and a changed password takes effect at once.
 */
export function servingConfiguration(options: ServingSiteOptions): string {
  const { maxRequestBytes, modelPort } = options;
  demandPorts(modelPort);
  demandAddress(options);
  if (options.workspace !== undefined) demandWorkspaces([{ name: options.workspace }]);
  demand(Number.isInteger(maxRequestBytes) && maxRequestBytes > 0, 'expected a whole number of bytes', maxRequestBytes);
  return configuration({
    behind: 'the model',
    // A model answers fewer requests at once than MLflow, and each serving has its own nginx.
    workers: 1,
    connections: 1024,
    drainSeconds: options.drainSeconds,
    // The scoring server answers 504 before this time.
    timeoutSeconds: options.requestTimeoutSeconds + 10,
    temporaryDirectory: TEMPORARY,
    // The users are those of the tracking server, and the log has their names.
    login: { kind: 'basic' },
    upstream: `  upstream model { server 127.0.0.1:${modelPort}; keepalive 16; keepalive_timeout 60s; }
`,
    bodySize: `  client_max_body_size ${maxRequestBytes};`,
    errors: errors(options),
    site: server(options),
  });
}

function errors({ maxRequestBytes }: ServingSiteOptions): string {
  const own = withRequestErrors([
    [401, 'UNAUTHENTICATED', 'Log in with a user name and a password of the tracking server.'],
    [403, 'PERMISSION_DENIED', 'The tracking server does not let this user in.'],
    [413, 'BAD_REQUEST', `The body is larger than ${maxRequestBytes} bytes.`],
    [429, 'TEMPORARILY_UNAVAILABLE', 'Too many wrong passwords for this user or from this address. Try again shortly.'],
    [502, 'TEMPORARILY_UNAVAILABLE', 'The model does not answer.'],
    [503, 'TEMPORARILY_UNAVAILABLE', 'The tracking server, which knows the logins, does not answer.'],
    [504, 'TEMPORARILY_UNAVAILABLE', 'The model did not answer in time.'],
  ]);
  // nginx's own 500: the tracking server gave no answer to the question who it is, or has had too many wrong ones.
  return errorPages(own, '$status', { 500: 'error_page 500 = /.no-login;' });
}

function server(options: ServingSiteOptions): string {
  const tracking = new URL(options.trackingUrl);
  // A dot at the end of a host is for name servers: no server and no certificate has it in its name.
  const [host, hostname] = [tracking.host, tracking.hostname].map((name) => name.replace(/\.(?=:|$)/, ''));
  const address = addressRules(options);
  const tls = podTls(options.tls);
  return `  map $login_status $retry_after { 429 5; default ''; }
  add_header Retry-After $retry_after always;
${address.map}${tls.site}  server {
    include ${TEMPORARY}/listen.conf;
${tls.rule}${address.rule}    ${ERROR_LOCATION}
    location = /.no-login {
      internal;
      types { } default_type application/json;
      if ($login_status = 429) { return 429 '$error_body\\n'; }
      return 503 '$error_body\\n';
    }
    location = /health {
      access_log off;
      proxy_pass_request_body off; proxy_pass_request_headers off; proxy_set_header Content-Length '';
      proxy_read_timeout 30s;
      proxy_pass http://model/health;
    }
    # The tracking server answers with its version if the login is right.
    location = /.login {
      internal;
      proxy_pass_request_body off; proxy_pass_request_headers off;
      proxy_set_header Content-Length ''; proxy_set_header Connection '';
      proxy_set_header Authorization $http_authorization;${options.workspace === undefined ? '' : `\n      proxy_set_header X-MLFLOW-WORKSPACE ${options.workspace};`}
      proxy_set_header Host ${host};
      # The tracking server counts wrong passwords by address.
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_read_timeout 30s;${tracking.protocol === 'https:' ? `\n      ${verifiedTls(hostname, options.ownAuthority)}` : ''}
      # Its address may change, and one of several addresses may be down.
      proxy_next_upstream error timeout; resolver_timeout 5s;
      include ${TEMPORARY}/tracking.conf;
      proxy_pass ${tracking.protocol}//$tracking${tracking.pathname.replace(/\/+$/, '')}/version;
    }
    location / {
      auth_request /.login;
      auth_request_set $login_status $upstream_status;
      set $behind_login 1;
      proxy_set_header Host localhost; proxy_set_header Connection '';
      # The model does not get the password.
      proxy_set_header Authorization ''; proxy_set_header Cookie '';
      proxy_set_header X-Request-ID $request_id;
      proxy_pass http://model;
    }
  }
`;
}

const verifiedTls = (name: string, ownAuthority = false) =>
  `proxy_ssl_server_name on; proxy_ssl_name ${name}; proxy_ssl_verify on; proxy_ssl_verify_depth 4;\n` +
  `      proxy_ssl_trusted_certificate ${ownAuthority ? `${TEMPORARY}/authorities.crt` : '/etc/ssl/certs/ca-certificates.crt'};`;
