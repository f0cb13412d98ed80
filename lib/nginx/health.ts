import { accountsOf } from './account-tokens';
import { NginxLogin } from './nginx-options';

/** For fixed questions to MLflow: neither the caller's query, headers nor body get there. */
export const ASK_MLFLOW = `if ($request_method !~ ^(GET|HEAD)$) { return 405; }
      set $args '';
      access_log off;
      proxy_pass_request_headers off; proxy_pass_request_body off;
      proxy_read_timeout 30s;
      proxy_set_header Host localhost;
      proxy_set_header Connection ''; proxy_set_header Content-Length '';`;

/** A few answers, in the only folder that nginx writes to. */
export function healthCache(temporaryDirectory: string): string {
  return `  proxy_cache_path ${temporaryDirectory}/health keys_zone=health:1m max_size=1m inactive=10s use_temp_path=off;`;
}

/**
 * /health, the one address without login: MLflow answers it once a second, so that a flood of it delays no other request. The
 * second is part of the key, because nginx forwards all requests for an expired answer at once. Errors are not cached.
 *
 * The upstream address is fixed: a path that matches only after nginx has resolved its dots must not reach MLflow
 * unresolved.
 */
export const healthLocation = (login: NginxLogin) => `    location = /health {
      auth_basic off;${login.kind === 'oidc' || accountsOf(login) ? ' auth_request off;' : ''}
      ${ASK_MLFLOW}
      proxy_buffering on;
      proxy_cache health; proxy_cache_key $time_iso8601;
      proxy_cache_valid 200 1s;
      # Other requests wait for the answer, and check every half second.
      proxy_cache_lock on; proxy_cache_lock_age 30s; proxy_cache_lock_timeout 30s;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires X-Accel-Redirect;
      proxy_pass http://mlflow/health;
    }
`;
