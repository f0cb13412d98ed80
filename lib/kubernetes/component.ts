import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { findApiObject } from './api-object';
import { validateApp } from './app-validations';
import { declareInstance, instanceOf } from './instance';
import { PlacementOptions, mergePlacement, placementRules } from './pod-options';
import { check, nameRule, namespaceRule } from './rules';
import { checkInputs, checkedScope } from '../inputs/inputs';

/**
 * A part of the platform: one workload with all that belongs to it.
 *
 * Its resources are named by its construct id, below a platform or another component
 * with that one's name before it (`mlflow-postgres`).
 * Its selectors are `app.kubernetes.io/name`, `instance` and `component`: they do not change when the construct moves
 * to another place of the tree.
 */
export abstract class Component extends Construct {
  /** Name of the workload, its Service and its ServiceAccount. */
  public readonly componentName: string;
  /** `app.kubernetes.io/instance`: the platform's id, or this component's own where it stands alone. */
  public readonly instanceName: string;
  /** Namespace of the chart, or nothing where `kubectl` decides. */
  public readonly namespace?: string;
  /** Labels by which Services, policies and budgets find the pods. */
  public readonly podSelector: Record<string, string>;
  /** Labels of every object of the component. */
  public readonly labels: Record<string, string>;

  /**
   * @param scope where the component stands; a chart or a construct in one
   * @param id names the resources: a DNS label
   * @param component `app.kubernetes.io/component` of the pods
   * @param longestSuffix the longest that is added to the name, so that a name that is too long is refused at synth
   * @param ownSuffix makes it an instance of its own wherever it stands, named by its id and this suffix
   */
  constructor(scope: Construct, id: string, component: string, longestSuffix: string, ownSuffix?: string) {
    super(checkedScope(new.target.name, scope, id), id);
    if (ownSuffix !== undefined) declareInstance(this, id, {});
    const instance = instanceOf(this);
    this.instanceName = instance.name;
    this.componentName =
      ownSuffix !== undefined
        ? `${id}${ownSuffix}`
        : scope instanceof Component
          ? `${scope.componentName}-${id}`
          : instance.root === this
            ? id
            : `${instance.name}-${id}`;
    this.namespace = Chart.of(this).namespace;
    this.podSelector = {
      'app.kubernetes.io/name': 'mlflow',
      'app.kubernetes.io/instance': this.instanceName,
      'app.kubernetes.io/component': component,
    };
    this.labels = { ...this.podSelector, 'app.kubernetes.io/part-of': 'mlflow' };
    check(this, [
      nameRule('the name', this.componentName, longestSuffix),
      // It is a label too, which may not end with '-'.
      ...(ownSuffix === undefined ? [] : [nameRule('the id', id)]),
      ...(this.namespace === undefined ? [] : [namespaceRule(this.namespace)]),
    ]);
    validateApp(this);
  }

  /**
   * One of the component's Kubernetes objects, for what its props do not foresee:
   * `server.apiObject('deployment').addJsonPatch(JsonPatch.add('/spec/paused', true))`. A patch below a member that is not
   * there fails at synth; `remove` of what is not there does nothing, without a word.
   *
   * @param id the object's construct id, e.g. `deployment`; an unknown one is refused with the list of those there are
   */
  public apiObject(id: string): ApiObject {
    checkInputs('Component#apiObject', { id }, this);
    return findApiObject(this, id);
  }

  /**
   * How the component's clients call one of its Services: the customary `NO_PROXY` lists have `.svc`, and no short names.
   *
   * @internal
   */
  public _serviceHost(service = this.componentName): string {
    return this.namespace === undefined ? service : `${service}.${this.namespace}.svc`;
  }

  /** @internal */
  protected _placement(given: PlacementOptions): PlacementOptions {
    check(this, placementRules(given));
    const instance = instanceOf(this);
    // Alone, a component is its own platform: its credentials Job runs where it runs.
    if (instance.root === this) instance.placement = given;
    return mergePlacement(instance.placement, given);
  }
}
