/** Algorithms of the keys that clusters and other issuers sign tokens with. */
export const TOKEN_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];

export interface AccountTokenOptions {
  readonly audience: string;
  /** Folder that account_keys.py writes. */
  readonly settings: string;
  readonly port: number;
  /** Where account_keys.py listens. */
  readonly keysPort: number;
  readonly metricsPort?: number;
}

/**
 * The arguments of an oauth2-proxy that checks tokens and nothing else: signature, issuer, audience and time. nginx asks it
 * only about requests with a token and passes no cookie, so its login of people is out of reach. The issuer is in the file.
 */
export function accountTokenArguments(o: AccountTokenOptions): string[] {
  const keysUrl = `http://127.0.0.1:${o.keysPort}`;
  return [
    `--config=${o.settings}/oauth2-proxy.cfg`,
    '--provider=oidc',
    `--client-id=${o.audience}`,
    '--skip-oidc-discovery=true',
    `--oidc-jwks-url=${keysUrl}/jwks`,
    // Required, and never used.
    `--login-url=${keysUrl}/none`,
    `--redeem-url=${keysUrl}/none`,
    `--client-secret-file=${o.settings}/secret`,
    `--cookie-secret-file=${o.settings}/secret`,
    ...TOKEN_ALGORITHMS.map((name) => `--oidc-enabled-signing-alg=${name}`),
    // The name of the account, whatever other claims a cluster adds.
    '--oidc-email-claim=sub',
    '--oidc-groups-claim=none',
    // nginx decides who may log in, by the files of the accounts.
    '--email-domain=*',
    '--skip-jwt-bearer-tokens=true',
    '--set-xauthrequest=true',
    `--http-address=127.0.0.1:${o.port}`,
    ...(o.metricsPort ? [`--metrics-address=:${o.metricsPort}`] : []),
    '--upstream=static://202',
    '--cookie-secure=true',
    '--request-logging=false',
    '--silence-ping-logging=true',
  ];
}
