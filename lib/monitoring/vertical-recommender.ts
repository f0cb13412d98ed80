import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { IMetricsTarget } from '../component/metrics-target';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject, withMetadata } from '../kubernetes/manifest';
import { check, nameRule } from '../kubernetes/rules';

/** For what CPU and memory are recommended. */
export interface VerticalRecommenderProps {
  /**
   * The component whose containers are observed: a tracking server, a serving, the deployer, a `PostgresStatefulSet`, a
   * `MinioStore` or a `SeaweedStore`, with or without metrics. Its Deployment or StatefulSet becomes `spec.targetRef`.
   */
  readonly target: IMetricsTarget;
}

/**
 * A VerticalPodAutoscaler that only recommends CPU and memory for the containers of one component (`updateMode: Off`), named by
 * its id. Put it in a chart of its own, because a cluster without the autoscaler refuses its kind. It never changes a pod: the
 * library derives numbers of requests and sizes from the limits, so change `resources` in the code.
 *
 * Object, by the id for `apiObject()`: `vertical-pod-autoscaler`.
 *
 * @see https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/api.md
 */
export class VerticalRecommender extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the VerticalPodAutoscaler: a DNS label
   * @param props for what it recommends
   */
  constructor(scope: Construct, id: string, props: VerticalRecommenderProps) {
    super(checkedScope('VerticalRecommender', scope, id), id);
    checkInputs('new VerticalRecommender', { scope, id, props }, this);
    const { target } = props;
    const workload = workloadOf(target);
    check(this, [
      nameRule('the id of the recommender', id),
      {
        wrong: workload === undefined,
        given: `${target instanceof Construct ? target.node.path : 'the target'} has no Deployment and no StatefulSet`,
        want: 'expected a component with one, e.g. mlflow.server: pods of CloudNativePostgres belong to its operator',
      },
    ]);
    // It is in another chart than the platform, whose labels all of its objects have.
    const inherited = withMetadata(target as IMetricsTarget & Construct, {});
    const { apiVersion, kind, name } = workload!;
    this.node.defaultChild = apiObject(this, 'vertical-pod-autoscaler', {
      apiVersion: 'autoscaling.k8s.io/v1',
      kind: 'VerticalPodAutoscaler',
      name: id,
      namespace: target.namespace,
      labels: { ...inherited.labels, ...target.labels },
      annotations: inherited.annotations,
      body: { spec: { targetRef: { apiVersion, kind, name }, updatePolicy: { updateMode: 'Off' } } },
    });
  }

  /**
   * Returns the VerticalPodAutoscaler, to change a field that no prop sets.
   *
   * @param id `vertical-pod-autoscaler`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('VerticalRecommender#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}

function workloadOf(target: IMetricsTarget): ApiObject | undefined {
  const found = target instanceof Construct ? target.node.defaultChild : undefined;
  return found instanceof ApiObject && ['Deployment', 'StatefulSet'].includes(found.kind) ? found : undefined;
}
