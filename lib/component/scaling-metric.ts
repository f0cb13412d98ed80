import { k8s } from 'cdk8s-plus-27';
import { checkInputs } from '../inputs/inputs';
import { Json } from '../kubernetes/manifest';
import { labelRules } from '../kubernetes/metadata-rules';
import { Rule, shownRule } from '../kubernetes/rules';

/** A metric that each pod has. */
export interface PerPodMetricProps {
  /** Name of the metric, as the adapter has it, e.g. `requests_per_second`: `metric.name`. */
  readonly name: string;
  /** Value that the pods are kept at, on average, with at most three decimals: `target.averageValue`. */
  readonly averageValue: number;
  /**
   * Labels that select one series of the metric: `metric.selector.matchLabels`.
   * @default - all series of the pods
   */
  readonly selector?: Record<string, string>;
}

/** A metric of something outside the cluster, or of no pod. */
export interface ExternalMetricProps {
  /** Name of the metric, as the adapter has it, e.g. `queue_messages_ready`: `metric.name`. */
  readonly name: string;
  /**
   * Value that is kept for all pods together, with at most three decimals: `target.value`.
   * @default - `averageValue`
   */
  readonly value?: number;
  /**
   * Value for each pod, with at most three decimals: `target.averageValue`. Twice the value asks for twice the pods.
   * @default - `value`
   */
  readonly averageValue?: number;
  /**
   * Labels that select one series of the metric: `metric.selector.matchLabels`.
   * @default - all series of the name
   */
  readonly selector?: Record<string, string>;
}

/**
 * A metric besides CPU and memory that the number of pods follows. An adapter in the cluster has to answer it.
 *
 * @see https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#scaling-on-custom-metrics
 */
export class ScalingMetric {
  /**
   * A metric of the pods themselves, which `custom.metrics.k8s.io` answers: `type: Pods`.
   *
   * @param props name, target and labels
   */
  public static perPod(props: PerPodMetricProps): ScalingMetric {
    checkInputs('ScalingMetric.perPod', { props });
    return new ScalingMetric('pods', props);
  }

  /**
   * A metric of something else, e.g. the length of a queue, which `external.metrics.k8s.io` answers: `type: External`.
   *
   * @param props name, target and labels
   */
  public static external(props: ExternalMetricProps): ScalingMetric {
    checkInputs('ScalingMetric.external', { props });
    return new ScalingMetric('external', props);
  }

  private constructor(
    private readonly kind: 'pods' | 'external',
    private readonly props: ExternalMetricProps,
  ) {}

  /** @internal */
  public _rules(what: string): Rule[] {
    const { name, value, averageValue, selector } = this.props;
    return [
      shownRule(
        !/^[\x21-\x7e]{1,253}$/.test(name) || /[/%]/.test(name) || name === '.' || name === '..',
        `${what}.name`,
        name,
        "the name of a metric, at most 253 characters without spaces, '/' and '%', e.g. 'requests_per_second'",
      ),
      ...(this.kind === 'pods' ? [] : [oneTargetRule(what, this.props)]),
      ...amountRules(`${what}.value`, value),
      ...amountRules(`${what}.averageValue`, averageValue),
      ...labelRules(`${what}.selector`, selector),
    ];
  }

  /** One of `metrics`. @internal */
  public get _metric(): Json<k8s.MetricSpecV2> {
    const { name, value, averageValue, selector } = this.props;
    const metric = { name, selector: selector && { matchLabels: selector } };
    if (value !== undefined) {
      return { type: 'External', external: { metric, target: { type: 'Value', value: amount(value) } } };
    }
    const target = { type: 'AverageValue', averageValue: amount(averageValue!) };
    return this.kind === 'pods'
      ? { type: 'Pods', pods: { metric, target } }
      : { type: 'External', external: { metric, target } };
  }
}

function oneTargetRule(what: string, { value, averageValue }: ExternalMetricProps): Rule {
  return {
    wrong: (value === undefined) === (averageValue === undefined),
    given: `${what} has ${value === undefined ? 'neither' : 'both'} value ${value === undefined ? 'nor' : 'and'} averageValue`,
    want: 'expected one of the two, e.g. averageValue: 30',
  };
}

/** The largest number whose thousandths are exact. */
const MOST = Number.MAX_SAFE_INTEGER / 1000;

function amountRules(what: string, value: number | undefined): Rule[] {
  if (value === undefined) return [];
  const right = value > 0 && value <= MOST && Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-6;
  return [shownRule(!right, what, value, 'a number above zero with at most three decimals, e.g. 20 or 0.5')];
}

/** A quantity of Kubernetes: 500m for 0.5. */
function amount(value: number): string {
  return Number.isInteger(value) ? String(value) : `${Math.round(value * 1000)}m`;
}
