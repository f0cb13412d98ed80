import { checkInputs } from '../inputs/inputs';
import { Rule } from '../kubernetes/rules';

/** Five digits are the most that a duration of the Gateway API has. */
const MOST_SECONDS = 99999;

/**
 * How long a Gateway gives one request of an HTTPRoute, from its start to the end of its answer: `timeouts.request`.
 */
export class RouteTimeout {
  /** No limit, or the longest that the implementation supports: `0s`. */
  public static none(): RouteTimeout {
    return new RouteTimeout(0);
  }

  /**
   * A limit. Requests that take longer are answered with 504.
   *
   * @param seconds whole seconds, from 1 to 99999
   */
  public static seconds(seconds: number): RouteTimeout {
    checkInputs('RouteTimeout.seconds', { seconds });
    return new RouteTimeout(seconds, {
      wrong: !Number.isInteger(seconds) || seconds < 1 || seconds > MOST_SECONDS,
      given: `timeout is ${seconds} seconds`,
      want: `expected a whole number of seconds from 1 to ${MOST_SECONDS}, or RouteTimeout.none()`,
    });
  }

  /**
   * The default of the implementation, from no limit to 15 seconds (Envoy Gateway): the route has no `timeouts`. For
   * implementations that refuse routes with `timeouts`, as GKE's does.
   */
  public static gatewayDefault(): RouteTimeout {
    return new RouteTimeout();
  }

  private constructor(
    private readonly limit?: number,
    private readonly rule?: Rule,
  ) {}

  /** @internal */
  public get _timeouts(): { request: string } | undefined {
    return this.limit === undefined ? undefined : { request: `${this.limit}s` };
  }

  /** @internal */
  public get _rules(): Rule[] {
    return this.rule ? [this.rule] : [];
  }
}
