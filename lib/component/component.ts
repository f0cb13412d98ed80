import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { validateApp } from './app-validations';
import { Instance, declareInstance, instanceOf } from './instance';
import { PlacementOptions, mergePlacement, placementRules } from './pod-options';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { findApiObject } from '../kubernetes/find-api-object';
import { setMetadata } from '../kubernetes/manifest';
import { isLabelValue } from '../kubernetes/metadata-rules';
import { Rule, check, imageTag, nameRule, namespaceRule } from '../kubernetes/rules';

/** The properties of a component that its constructor passes. @internal */
export interface ComponentProps {
  /** `app.kubernetes.io/component` of the pods. */
  readonly role: string;
  /** The longest suffix that is added to the name, so that a name that is too long is refused at synth. */
  readonly longestSuffix: string;
  /** Makes it its own instance at any place in the tree, named by its id and this suffix. */
  readonly instanceSuffix?: string;
  /** A name in place of the one that follows from the chart, or a construct in a chart, that contains it. */
  readonly name?: string;
  /** Labels of the pods, by the name of the component, if an operator creates and labels them. */
  readonly podSelector?: (name: string) => Record<string, string>;
}

/**
 * A part of the platform: one workload with all that belongs to it.
 *
 * Its resources are named by its construct id, below a platform or another component
 * with that one's name before it (`mlflow-postgres`).
 * Its selectors are `app.kubernetes.io/name`, `instance` and `component`: they do not change when the construct moves
 * to another place of the tree.
 *
 * @internal
 */
export abstract class Component extends Construct {
  /** Name of the workload, its Service and its ServiceAccount. */
  public readonly componentName: string;
  /** `app.kubernetes.io/instance`: the platform's id, or this component's own if it has no platform. */
  public readonly instanceName: string;
  /** Namespace of the chart. Undefined if the chart has none: the objects then go to the namespace of `kubectl apply`. */
  public readonly namespace?: string;
  /** Labels that select the pods, in Services, NetworkPolicies and PodDisruptionBudgets. */
  public readonly podSelector: Record<string, string>;

  /** @internal */
  public readonly _role: string;
  /** Labels of the pods, without any that a new version changes: that would restart them. @internal */
  public readonly _podLabels: Record<string, string>;
  /** Image of the main container, set as soon as the constructor knows it. @internal */
  protected _image?: string;

  private readonly nameRules: Rule[];

  /** @internal */
  protected constructor(scope: Construct, id: string, props: ComponentProps) {
    super(checkedScope(new.target.name, scope, id), id);
    const { role, longestSuffix, instanceSuffix, name } = props;
    if (instanceSuffix !== undefined) declareInstance(this, id, {});
    const instance = instanceOf(this);
    this._role = role;
    this.instanceName = instance.name;
    this.componentName = name ?? nameOf(this, instance, instanceSuffix);
    this.namespace = Chart.of(this).namespace;
    const standard = {
      'app.kubernetes.io/name': 'mlflow',
      'app.kubernetes.io/instance': this.instanceName,
      'app.kubernetes.io/component': role,
    };
    this.podSelector = props.podSelector?.(this.componentName) ?? standard;
    this._podLabels = { ...standard, 'app.kubernetes.io/part-of': 'mlflow' };
    this.nameRules = [
      nameRule('the name', this.componentName, longestSuffix),
      // It is a label too, which may not end with '-'.
      ...(instanceSuffix === undefined ? [] : [nameRule('the id', id)]),
      ...(this.namespace === undefined ? [] : [namespaceRule(this.namespace)]),
    ];
    validateApp(this);
  }

  /** Labels of every object of the component, among them `app.kubernetes.io/version`: the tag of its image. */
  public get labels(): Record<string, string> {
    const version = this._image && imageTag(this._image);
    return {
      ...this._podLabels,
      'app.kubernetes.io/managed-by': 'cdk8s',
      ...(version && isLabelValue(version) && { 'app.kubernetes.io/version': version }),
    };
  }

  /**
   * Returns one of the component's Kubernetes objects, to change a field that no prop sets, e.g. of a tracking server
   * `server.apiObject('deployment').addJsonPatch(JsonPatch.add('/spec/paused', true))`. A patch below a missing
   * field fails at synth; `remove` of a missing field is ignored silently. `node.defaultChild` is the workload, so
   * `ApiObject.of(server)` is the Deployment.
   *
   * @param id the object's construct id, e.g. `deployment`; an unknown one is refused with the list of the existing ones
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

  /**
   * Throws one error for all that is wrong with a component: its name, where its pods run, and its own props. Each calls it
   * before it adds an object.
   *
   * @internal
   */
  protected _check(placement: PlacementOptions, rules: Rule[]): void {
    check(this, [...this.nameRules, ...placementRules(placement), ...rules]);
  }

  /** @internal */
  protected _placement(given: PlacementOptions): PlacementOptions {
    const instance = instanceOf(this);
    const merged = mergePlacement(instance.placement, given);
    if (given.labels || given.annotations) setMetadata(this, merged);
    // Without a platform, the placement of a component is also that of its credentials Job.
    if (instance.root === this) instance.placement = given;
    return merged;
  }
}

/**
 * The name of a component, and the prefix of the names of all its resources.
 *
 * | place | name | e.g. |
 * |---|---|---|
 * | in a chart, outside a platform | `<id>` | `registry` |
 * | in a platform | `<platform>-<id>` | `mlflow-server` |
 * | in another component | `<name of that component>-<id>` | `mlflow-server-migration` |
 * | anywhere, as its own instance | `<id><suffix>` | `churn-serving` |
 */
function nameOf(component: Component, instance: Instance, instanceSuffix: string | undefined): string {
  const { id, scope } = component.node;
  if (instanceSuffix !== undefined) return `${id}${instanceSuffix}`;
  if (scope instanceof Component) return `${scope.componentName}-${id}`;
  return instance.root === component ? id : `${instance.name}-${id}`;
}
