import { OidcEndpoints, OidcIssuer } from './oidc-props';
import { Probe } from '../kubernetes/manifest';

/** By the port of the counters: the login itself listens on the loopback, where the kubelet cannot ask. */
export function oauth2ProxyLiveness(port: string): Probe {
  return { httpGet: { path: '/metrics', port }, timeoutSeconds: 5, periodSeconds: 20, failureThreshold: 6 };
}

/** What oauth2-proxy is told. Each has the meaning of the prop of the same name. */
export interface OAuth2ProxyOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Where browsers open the platform, without scheme. */
  readonly host: string;
  /** Path of the exposure. @default - none */
  readonly path?: string;
  /** Of the pod's loopback. */
  readonly port: number;
  readonly metricsPort?: number;
  readonly clientSecretFile: string;
  readonly cookieSecretFile: string;
  readonly caFile?: string;
  readonly sessionSeconds: number;
  readonly scopes?: string[];
  readonly groupsClaim?: string;
  readonly emailClaim?: string;
  readonly audiences?: string[];
  readonly issuers?: OidcIssuer[];
  readonly endpoints?: OidcEndpoints;
}

/**
 * The arguments of oauth2-proxy. It serves no page but those of the login, and its session is one small cookie, which holds no
 * token: so there is nothing to refresh, and servers need only the cookie's key to share sessions.
 *
 * @see https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview
 */
export function oauth2ProxyArguments(o: OAuth2ProxyOptions): string[] {
  const { endpoints, path = '' } = o;
  return [
    '--provider=oidc',
    `--oidc-issuer-url=${o.issuer}`,
    `--client-id=${o.clientId}`,
    `--client-secret-file=${o.clientSecretFile}`,
    ...(endpoints
      ? [
          '--skip-oidc-discovery=true',
          `--login-url=${endpoints.authorization}`,
          `--redeem-url=${endpoints.token}`,
          `--oidc-jwks-url=${endpoints.keys}`,
        ]
      : []),
    ...(o.caFile ? [`--provider-ca-file=${o.caFile}`, '--use-system-trust-store=true'] : []),
    `--redirect-url=https://${o.host}${path}/oauth2/callback`,
    ...(path ? [`--proxy-prefix=${path}/oauth2`] : []),
    `--http-address=127.0.0.1:${o.port}`,
    ...(o.metricsPort ? [`--metrics-address=:${o.metricsPort}`] : []),
    '--upstream=static://202',
    `--scope=${(o.scopes ?? ['openid', 'email', 'profile']).join(' ')}`,
    ...(o.groupsClaim ? [`--oidc-groups-claim=${o.groupsClaim}`] : []),
    ...(o.emailClaim ? [`--oidc-email-claim=${o.emailClaim}`] : []),
    ...(o.audiences ?? []).map((audience) => `--oidc-extra-audience=${audience}`),
    ...(o.issuers ?? []).map(({ issuer, audience }) => `--extra-jwt-issuers=${issuer}=${audience}`),
    // Who may come in, nginx asks with each request, so that the answer can tell "not you" from "who are you".
    '--email-domain=*',
    '--skip-jwt-bearer-tokens=true',
    '--code-challenge-method=S256',
    '--insecure-oidc-skip-nonce=false',
    '--approval-prompt=auto',
    '--skip-provider-button=true',
    `--cookie-secret-file=${o.cookieSecretFile}`,
    '--cookie-name=__Host-mlflow',
    '--cookie-secure=true',
    '--cookie-httponly=true',
    '--cookie-samesite=lax',
    `--cookie-expire=${o.sessionSeconds}s`,
    '--session-cookie-minimal=true',
    '--cookie-csrf-per-request=true',
    '--cookie-csrf-per-request-limit=5',
    '--set-xauthrequest=true',
    '--banner=-',
    '--footer=-',
    '--request-logging=false',
    '--silence-ping-logging=true',
  ];
}
