import { ApiObject, Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { IScaledComponent, behavior } from './autoscaler';
import { ScalingTrigger } from './scaling-trigger';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { durationRule, seconds } from '../kubernetes/durations';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject } from '../kubernetes/manifest';
import { Rule, check, nameRule } from '../kubernetes/rules';

/** What KEDA scales, and by what. */
export interface KedaScalerProps {
  /**
   * The tracking server or the serving, with `autoscaling: { byKeda: true }`. Its `minReplicas`, `maxReplicas`, targets and
   * `scaleUp` and `scaleDown` become those of the ScaledObject.
   */
  readonly target: IScaledComponent;
  /** What decides besides the CPU, at least one. The trigger that asks for the most pods counts. */
  readonly triggers: ScalingTrigger[];
  /**
   * Time between two looks at the triggers while no pod runs, in whole seconds of at least 1: `pollingInterval`.
   * @default Duration.seconds(30)
   */
  readonly pollingInterval?: Duration;
  /**
   * Time after the last active trigger until the last pod is removed, if `minReplicas` is 0, in whole seconds: `cooldownPeriod`.
   * @default Duration.minutes(5)
   */
  readonly cooldown?: Duration;
}

/**
 * A ScaledObject of KEDA for a tracking server or a serving, named by its id: by times, by a query of Prometheus or by any other
 * trigger of KEDA, down to no pod of a serving. Put it in a chart of its own: it needs KEDA.
 *
 * Objects, by the ids for `apiObject()`: `scaled-object`, and for each trigger with Secrets `authentication-<index>`.
 *
 * @see https://keda.sh/docs/latest/reference/scaledobject-spec/
 */
export class KedaScaler extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the ScaledObject: a DNS label
   * @param props what is scaled, and by what
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: KedaScalerProps,
  ) {
    super(checkedScope('KedaScaler', scope, id), id);
    checkInputs('new KedaScaler', { scope, id, props }, this);
    check(this, rules(id, props));
    const { target, triggers, pollingInterval = Duration.seconds(30), cooldown = Duration.minutes(5) } = props;
    const { minReplicas, maxReplicas, targetCpuPercent, targetMemoryPercent, scaleUp, scaleDown } = target.autoscaling!;
    const spec = {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target.componentName },
      minReplicaCount: minReplicas,
      maxReplicaCount: maxReplicas,
      pollingInterval: seconds(pollingInterval),
      cooldownPeriod: seconds(cooldown),
      advanced:
        scaleUp || scaleDown
          ? {
              horizontalPodAutoscalerConfig: {
                behavior: { scaleUp: behavior(scaleUp), scaleDown: behavior(scaleDown) },
              },
            }
          : undefined,
      triggers: [
        utilization('cpu', targetCpuPercent),
        ...(targetMemoryPercent === undefined ? [] : [utilization('memory', targetMemoryPercent)]),
        ...triggers.map((trigger, index) => this.trigger(trigger, `${id}-${index}`, `authentication-${index}`)),
      ],
    };
    this.node.defaultChild = this.object('ScaledObject', 'scaled-object', id, spec);
  }

  /**
   * Returns one of the objects, to change a field that no prop sets.
   *
   * @param id e.g. `scaled-object`. An unknown one is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('KedaScaler#apiObject', { id }, this);
    return findApiObject(this, id);
  }

  private trigger({ _type: type, _metadata: metadata, _secretParameters }: ScalingTrigger, name: string, id: string) {
    const parameters = Object.entries(_secretParameters);
    if (parameters.length === 0) return { type, metadata };
    const secretTargetRef = parameters.map(([parameter, { _secretName, _key }]) => ({
      ...{ parameter, name: _secretName, key: _key },
    }));
    this.object('TriggerAuthentication', id, name, { secretTargetRef });
    return { type, metadata, authenticationRef: { name } };
  }

  private object(kind: string, id: string, name: string, spec: object): ApiObject {
    const { namespace, labels } = this.props.target;
    return apiObject(this, id, { apiVersion: 'keda.sh/v1alpha1', kind, name, namespace, labels, body: { spec } });
  }
}

function utilization(type: 'cpu' | 'memory', percent: number | undefined) {
  return { type, metricType: 'Utilization', metadata: { value: String(percent ?? 70) } };
}

function rules(id: string, { target, triggers, pollingInterval, cooldown }: KedaScalerProps): Rule[] {
  return [
    nameRule('the id of the scaler', id, '-99'),
    durationRule('pollingInterval', pollingInterval, 1, 86400),
    durationRule('cooldown', cooldown, 0, 86400),
    ...triggers.flatMap((trigger, index) => trigger._rules(`triggers[${index}]`)),
    {
      wrong: triggers.length === 0,
      given: 'triggers is an empty list',
      want: 'expected at least one, e.g. ScalingTrigger.cron({ … }): for the CPU only, KEDA is not needed',
    },
    {
      wrong: target.autoscaling?.byKeda !== true,
      given: `${target.componentName} is not scaled by KEDA`,
      want: 'expected autoscaling: { byKeda: true } among its props: otherwise two programs would change the number of its pods',
    },
  ];
}
