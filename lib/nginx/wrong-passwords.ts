import { NginxLogin } from './nginx-options';

/** Wrong passwords that are answered at once. Each one more waits for its second. */
const AT_ONCE = 10;
/** So many may wait, for 20 s at most: nginx of a serving waits for 30 s. */
const WAITING = 20;

/** The error of one too many. */
export const TOO_MANY = [
  429,
  'UNAUTHENTICATED',
  'Wrong user name or password, and too many of them for this user or from this address. Try again shortly.',
] as const;

export interface WrongPasswords {
  /** For the http block. */
  readonly zones: string;
  /** For the server block with the login. */
  readonly rules: string;
}

/**
 * Wrong passwords are answered once a second for each user name and for each address. The limit does not apply to right
 * ones, so wrong ones, also from the same Ingress, delay no other client. nginx checks a password before it can refuse it,
 * so the limit does not stop an attacker who opens many connections and interprets a missing answer as a refusal.
 */
export function wrongPasswords(login: NginxLogin): WrongPasswords {
  if (login.kind !== 'basic' && login.kind !== 'oidc') return { zones: '', rules: '' };
  const limits = ['address', 'user'].map(
    (by) => `limit_req zone=wrong_by_${by} burst=${AT_ONCE + WAITING} delay=${AT_ONCE};\n`,
  );
  return {
    zones: `  # A browser first asks without a password, which does not count. A user name counts by its first 64 characters.
  map $http_authorization $wrong_address { '' ''; default $binary_remote_addr; }
  map $remote_user $wrong_user { '~^(?<name>.{1,64})' $name; default ''; }
  limit_req_zone $wrong_address zone=wrong_by_address:1m rate=1r/s;
  limit_req_zone $wrong_user zone=wrong_by_user:1m rate=1r/s;
  map $status:$upstream_addr $retry_after { '429:' 5; default ''; }
  add_header Retry-After $retry_after always;
`,
    rules: `    # The errors of the limit have an error page too.
    recursive_error_pages on;
    location @wrong {
      auth_basic off; auth_request off;
      limit_req_status 429;
      ${limits.join('      ')}      try_files /.absent ${login.kind === 'oidc' ? '$login_page' : '/.error'};
    }
`,
  };
}
