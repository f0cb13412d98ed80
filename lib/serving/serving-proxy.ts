import { Size } from 'cdk8s';
import { ServingPlan } from './serving-plan';
import { logging } from '../access/nginx-logging';
import { httpsRedirect } from '../access/nginx-pages';
import { Container, Volume } from '../kubernetes/manifest';
import { scratch } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

export const LOGIN_PORT = 8081;

/** Until every kube-proxy, Ingress and Gateway has heard that the pod is going. */
const PRE_STOP_SECONDS = 8;
/** The scoring server goes on for so long after its SIGTERM where nginx is in front of it: nginx is gone by then. */
export const LINGER_BEHIND_NGINX = PRE_STOP_SECONDS + 7;
const CONFIGURATION = '/etc/serving-proxy';

/**
 * nginx beside the scoring server: it lets in whom the tracking server's own door lets in. Nothing of its users is
 * copied, and a changed password counts at once.
 */
export function servingProxyConfiguration(plan: ServingPlan, trackingUrl: string, modelPort: number): string {
  const tracking = new URL(trackingUrl);
  const https = httpsRedirect(plan.httpsHost);
  // A fixed number: nodes have more cores than the pod may use.
  return `worker_processes 1;
worker_shutdown_timeout ${plan.drainSeconds}s;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }

http {
  # Below crit nginx writes query strings.
  error_log stderr crit;
  server_tokens off;
  client_body_temp_path /tmp/client_body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;

${logging({ kind: 'basic' })}

  client_header_timeout 15s; client_body_timeout 60s; send_timeout 60s; keepalive_timeout 620s;
  client_max_body_size ${plan.maxRequestBytes};
  proxy_request_buffering off; proxy_buffering off; proxy_max_temp_file_size 0;
  proxy_http_version 1.1;
  proxy_connect_timeout 5s;
  proxy_redirect off;
  proxy_next_upstream off;

  upstream model { server 127.0.0.1:${modelPort}; keepalive 16; keepalive_timeout 60s; }

${https.map}${errorBodies(plan)}  server {
    include /tmp/listen.conf;
${https.rule}${ERRORS}    location = /health {
      access_log off;
      proxy_pass_request_body off; proxy_pass_request_headers off; proxy_set_header Content-Length '';
      proxy_pass http://model/health;
    }
    # The tracking server answers its version to whom it knows.
    location = /.login {
      internal;
      proxy_pass_request_body off; proxy_pass_request_headers off;
      proxy_set_header Content-Length ''; proxy_set_header Connection '';
      proxy_set_header Authorization $http_authorization;
      proxy_set_header Host ${tracking.host};
      proxy_read_timeout 30s;${tracking.protocol === 'https:' ? `\n      ${verifiedTls(tracking.hostname)}` : ''}
      # Its address may change, and some of several may be away.
      proxy_next_upstream error timeout; resolver_timeout 5s;
      include /tmp/tracking.conf;
      proxy_pass ${tracking.protocol}//$tracking${tracking.pathname.replace(/\/+$/, '')}/version;
    }
    location / {
      auth_request /.login;
      set $behind_login 1;
      proxy_read_timeout ${plan.requestTimeoutSeconds + 10}s; proxy_send_timeout ${plan.requestTimeoutSeconds + 10}s;
      proxy_set_header Host localhost; proxy_set_header Connection '';
      # A model has no business with passwords.
      proxy_set_header Authorization ''; proxy_set_header Cookie '';
      proxy_set_header X-Request-ID $request_id;
      proxy_pass http://model;
    }
  }
}
`;
}

const verifiedTls = (name: string) =>
  `proxy_ssl_server_name on; proxy_ssl_name ${name}; proxy_ssl_verify on; proxy_ssl_verify_depth 4;\n` +
  '      proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;';

const error = (code: string, message: string) => `'{"error_code":"${code}","message":"${message}"}';`;

/** What nginx answers by itself, in MLflow's form. */
const errorBodies = (plan: ServingPlan) => `  map $status $error_body {
    401 ${error('UNAUTHENTICATED', 'Log in with a user name and a password of the tracking server.')}
    403 ${error('PERMISSION_DENIED', 'The tracking server does not let this user in.')}
    413 ${error('BAD_REQUEST', `The body is larger than ${plan.maxRequestBytes} bytes.`)}
    502 ${error('TEMPORARILY_UNAVAILABLE', 'The model does not answer.')}
    503 ${error('TEMPORARILY_UNAVAILABLE', 'The tracking server, which knows the logins, does not answer.')}
    504 ${error('TEMPORARILY_UNAVAILABLE', 'The model did not answer in time.')}
    default ${error('BAD_REQUEST', 'This is no request that can be understood.')}
  }
`;

const ERRORS = `    error_page 400 401 403 408 413 414 502 503 504 /.error;
    error_page 494 =400 /.error;
    # nginx's own 500: the tracking server gave no answer to the question who it is.
    error_page 500 =503 /.error;
    location = /.error {
      internal;
      types { } default_type application/json;
      return 200 '$error_body\\n';
    }
`;

/** The program beside the configuration that starts nginx. */
export const SERVING_PROXY_PROGRAM = 'serving_proxy.sh';

export function servingProxy(plan: ServingPlan, trackingUrl: string): Container {
  const tracking = new URL(trackingUrl);
  const port = tracking.port || (tracking.protocol === 'https:' ? '443' : '80');
  return {
    name: 'nginx',
    image: plan.proxyImage,
    command: [
      ...['sh', `${CONFIGURATION}/${SERVING_PROXY_PROGRAM}`, `${CONFIGURATION}/nginx.conf`, '/tmp'],
      ...[clusterName(tracking), port],
    ],
    ports: [{ name: 'login', containerPort: LOGIN_PORT }],
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    livenessProbe: { tcpSocket: { port: 'login' }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: {
      httpGet: { path: '/health', port: 'login' },
      periodSeconds: 2,
      timeoutSeconds: 10,
      failureThreshold: 15,
    },
    resources: renderResources(plan.proxyResources),
    securityContext: containerSecurity(ANY_USER),
    volumeMounts: [
      { name: 'proxy', mountPath: CONFIGURATION, readOnly: true },
      { name: 'proxy-tmp', mountPath: '/tmp' },
    ],
  };
}

/** `http://name.namespace` is a Service to the C library, which tries the search domains first; nginx is told so. */
function clusterName({ protocol, hostname }: URL): string {
  return protocol === 'http:' && /^[a-z][^.]*\.[^.]+$/.test(hostname) ? `${hostname}.svc` : hostname;
}

export function servingProxyVolumes(configMapName: string): Volume[] {
  return [{ name: 'proxy', configMap: { name: configMapName } }, scratch('proxy-tmp', Size.mebibytes(64))];
}
