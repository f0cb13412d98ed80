import { checkInputs } from '../inputs/inputs';
import { scheduleRule, timeZoneRule } from '../kubernetes/cron-rules';
import { Rule, shownRule, wholeRule } from '../kubernetes/rules';
import { SecretValue } from '../kubernetes/secret-value';

/** Times at which a number of pods runs. */
export interface CronTriggerProps {
  /** Time zone of the schedules, as the IANA names it, e.g. `Europe/Berlin`: `timezone`. */
  readonly timeZone: string;
  /** Schedule of the beginning, in the form of cron, e.g. `0 7 * * 1-5`: `start`. */
  readonly start: string;
  /** Schedule of the end, e.g. `0 19 * * 1-5`: `end`. */
  readonly end: string;
  /** Pods between the two, at least 1: `desiredReplicas`. Outside the times the number is `minReplicas`. */
  readonly replicas: number;
}

/** A query of Prometheus. */
export interface PrometheusTriggerProps {
  /** URL of Prometheus, e.g. `http://prometheus.monitoring.svc:9090`: `serverAddress`. */
  readonly serverAddress: string;
  /** Query with one value as its result: `query`. */
  readonly query: string;
  /** Value for each pod, above zero: `threshold`. Twice the value asks for twice the pods. */
  readonly threshold: number;
  /**
   * Value above which the first pod starts, if `minReplicas` is 0: `activationThreshold`.
   * @default 0
   */
  readonly activationThreshold?: number;
}

/** Any trigger of KEDA. */
export interface OtherTriggerProps {
  /** Its type, e.g. `rabbitmq`: `type`. */
  readonly type: string;
  /** Its parameters, as its page has them: `metadata`. Logins are not among them. */
  readonly metadata: Record<string, string>;
  /**
   * Parameters whose values are in Secrets of the component's namespace, e.g. `{ password: SecretValue.fromSecret('queue',
   * 'password') }`: a TriggerAuthentication.
   * @default - none
   */
  readonly secretParameters?: Record<string, SecretValue>;
}

/** What a `KedaScaler` follows besides the CPU. @see https://keda.sh/docs/latest/scalers/ */
export class ScalingTrigger {
  /**
   * A number of pods at certain times: `type: cron`.
   *
   * @param props the times
   */
  public static cron(props: CronTriggerProps): ScalingTrigger {
    checkInputs('ScalingTrigger.cron', { props });
    const { timeZone: timezone, start, end, replicas } = props;
    return new ScalingTrigger('cron', { timezone, start, end, desiredReplicas: String(replicas) }, {}, (what) => [
      timeZoneRule(timezone),
      scheduleRule(`${what}.start`, start),
      scheduleRule(`${what}.end`, end),
      wholeRule(`${what}.replicas`, replicas, 1),
      {
        wrong: start === end,
        given: `${what}.start and ${what}.end are both '${start}'`,
        want: "expected two times, e.g. '0 7 * * 1-5' and '0 19 * * 1-5'",
      },
    ]);
  }

  /**
   * A query of Prometheus, without a login: `type: prometheus`.
   *
   * @param props server, query and value
   */
  public static prometheus(props: PrometheusTriggerProps): ScalingTrigger {
    checkInputs('ScalingTrigger.prometheus', { props });
    const { serverAddress, query, threshold, activationThreshold = 0 } = props;
    const metadata = {
      ...{ serverAddress, query },
      threshold: String(threshold),
      ...(activationThreshold !== 0 && { activationThreshold: String(activationThreshold) }),
    };
    return new ScalingTrigger('prometheus', metadata, {}, (what) => [
      shownRule(
        !/^https?:\/\/[^\s@]+$/.test(serverAddress),
        `${what}.serverAddress`,
        serverAddress,
        "a URL without a login, e.g. 'http://prometheus.monitoring.svc:9090'",
      ),
      shownRule(
        query.trim() === '',
        `${what}.query`,
        query,
        "a query, e.g. 'sum(rate(mlflow_serving_requests_total[2m]))'",
      ),
      shownRule(!(threshold > 0 && threshold < 1e15), `${what}.threshold`, threshold, 'a number above zero, e.g. 20'),
      shownRule(
        !(activationThreshold >= 0 && activationThreshold < 1e15),
        `${what}.activationThreshold`,
        activationThreshold,
        'a number of at least zero, e.g. 1',
      ),
    ]);
  }

  /**
   * Any other trigger, by its type and its parameters.
   *
   * @param props type, parameters and Secrets
   */
  public static of(props: OtherTriggerProps): ScalingTrigger {
    checkInputs('ScalingTrigger.of', { props });
    const { type, metadata, secretParameters = {} } = props;
    return new ScalingTrigger(type, metadata, secretParameters, (what) => [
      shownRule(!/^[a-z][a-z0-9-]{0,62}$/.test(type), `${what}.type`, type, "the type of a trigger, e.g. 'rabbitmq'"),
      ...Object.entries(secretParameters).map(([name, { _secretName }]) => ({
        wrong: name === '' || name in metadata || !/^[-a-z0-9.]{1,253}$/.test(_secretName),
        given: `${what}.secretParameters has '${name}' from the Secret '${_secretName}'`,
        want: 'expected the name of a parameter that metadata does not have, and the name of a Secret',
      })),
    ]);
  }

  private constructor(
    /** @internal */ public readonly _type: string,
    /** @internal */ public readonly _metadata: Record<string, string>,
    /** @internal */ public readonly _secretParameters: Record<string, SecretValue>,
    private readonly rules: (what: string) => Rule[],
  ) {}

  /** @internal */
  public _rules(what: string): Rule[] {
    return this.rules(what);
  }
}
