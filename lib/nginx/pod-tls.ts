import { demandPath } from './configuration';
import { PodTls } from './nginx-options';
import { Volume } from '../kubernetes/manifest';

/** Folder of the certificate in the container of nginx. */
export const TLS_FOLDER = '/run/secrets/mlflow-tls';

/** Of the http block, and of the server block that has the port. */
export interface PodTlsRules {
  readonly site: string;
  readonly rule: string;
}

/**
 * The certificate has a variable in its path, so that nginx reads it when a client connects, and not only at its start: a
 * renewed one is served without a restart or a reload.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_certificate_cache
 */
export function podTls(tls: PodTls | undefined): PodTlsRules {
  if (tls === undefined) return { site: '', rule: '' };
  demandPath(tls.folder);
  return {
    site: `  map $ssl_server_name $certificate { default ${tls.folder}/tls; }\n`,
    rule: `    ssl_certificate $certificate.crt; ssl_certificate_key $certificate.key;
    ${tls.cache ? 'ssl_certificate_cache max=4 inactive=60s valid=10s;\n    ' : ''}ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:1m; ssl_session_timeout 10m;
    error_page 497 /.plain-http;
    location = /.plain-http {
      internal;
      types { } default_type application/json;
      return 400 '{"error_code":"BAD_REQUEST","message":"This port speaks https only."}\\n';
    }
`,
  };
}

/** The Secret of type `kubernetes.io/tls`, in nginx's container. */
export function tlsFolder(secretName: string): { volume: Volume; mountPath: string } {
  const items = ['tls.crt', 'tls.key'].map((key) => ({ key, path: key }));
  return { volume: { name: 'tls', secret: { secretName, defaultMode: 0o440, items } }, mountPath: TLS_FOLDER };
}
