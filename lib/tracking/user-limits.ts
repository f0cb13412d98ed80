import { Authentication } from './authentication';
import { Rule, wholeRule } from '../kubernetes/rules';

/**
 * What one user may send to a server: a person, or a program with a login. nginx of each pod counts its own requests, so a user may send
 * as many times more as there are servers. nginx counts no bytes by user: each body has the limits of the server.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_limit_req_module.html
 */
export interface UserLimits {
  /**
   * Requests a second on average, a whole number of at least 1: `limit_req_zone`. A page of MLflow sends some dozens when it opens,
   * and each batch of metrics is one.
   * @default - no limit
   */
  readonly requestsPerSecond?: number;
  /**
   * How many more requests may come at once, a whole number of at least 1: `burst` of `limit_req`. Only with
   * `requestsPerSecond`.
   * @default - those of 10 seconds, at least 50
   */
  readonly burst?: number;
  /**
   * Requests that may be in progress at the same time, a whole number of at least 1: `limit_conn`. An upload or a download counts until
   * its end, so the artifacts of one user that pass a server have at most this number times its largest artifact.
   * @default - no limit
   */
  readonly concurrentRequests?: number;
}

/** What is wrong with the limits of a server. */
export function userLimitRules(limits: UserLimits | undefined, { _kind: kind }: Authentication): Rule[] {
  if (!limits) return [];
  const { requestsPerSecond, burst, concurrentRequests } = limits;
  return [
    {
      wrong: kind !== 'basic' && kind !== 'oidc',
      given: `userLimits are given, with Authentication.${kind}()`,
      want: `expected Authentication.basic() or oidc(), or no userLimits: ${kind === 'mlflow' ? 'MLflow checks the login, behind the proxy that counts' : 'without a login the proxy knows no users'}`,
    },
    {
      wrong: requestsPerSecond === undefined && concurrentRequests === undefined,
      given: 'userLimits has neither requestsPerSecond nor concurrentRequests',
      want: 'expected one of them, e.g. { requestsPerSecond: 20 }',
    },
    {
      wrong: burst !== undefined && requestsPerSecond === undefined,
      given: `userLimits.burst is ${burst}, without requestsPerSecond`,
      want: 'expected requestsPerSecond too, e.g. { requestsPerSecond: 20, burst: 100 }',
    },
    wholeRule('userLimits.requestsPerSecond', requestsPerSecond, 1),
    wholeRule('userLimits.burst', burst, 1),
    wholeRule('userLimits.concurrentRequests', concurrentRequests, 1),
  ];
}
