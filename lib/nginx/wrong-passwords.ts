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
  /** For the server that asks for the login. */
  readonly rules: string;
}

/**
 * Wrong passwords are answered once a second for each user name and for each address. A right one never comes here: who
 * tries wrong ones, perhaps from the same Ingress, delays no other client. nginx cannot refuse a password before it has
 * looked at it, so that this does not stop who opens many connections and takes silence for a no.
 */
export function wrongPasswords(login: NginxLogin): WrongPasswords {
  if (login.kind !== 'basic') return { zones: '', rules: '' };
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
      ${limits.join('      ')}      try_files /.absent /.error;
    }
`,
  };
}
