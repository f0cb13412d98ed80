import { ApiObject, Chart, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { findApiObject } from './find-api-object';
import { annotationRules, labelRules } from './metadata-rules';
import { check, namespaceRule } from './rules';
import { checkInputs, checkedScope } from '../inputs/inputs';

/** Labels and annotations of the namespace. */
export interface RestrictedNamespaceProps {
  /**
   * Labels besides those of Pod Security, e.g. `{ 'istio-injection': 'disabled' }`: `metadata.labels`.
   * @default - none
   */
  readonly labels?: Record<string, string>;
  /**
   * Annotations besides those that keep the namespace if it is removed from the repository of a GitOps tool:
   * `metadata.annotations`.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** What keeps all data if the namespace is removed from a repository of GitOps: it would be deleted with it. */
const KEPT = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};

/**
 * The namespace of a chart, in which every pod has to pass Pod Security "restricted", as those of the platform do.
 *
 * Object, by the id for `apiObject()`: `namespace`.
 */
export class RestrictedNamespace extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names only the construct. The namespace has the chart's `namespace` for its name
   * @param props labels and annotations. Each has a default, so `{}` is enough
   */
  constructor(scope: Construct, id: string, props: RestrictedNamespaceProps = {}) {
    super(checkedScope('RestrictedNamespace', scope, id), id);
    checkInputs('new RestrictedNamespace', { scope, id, props }, this);
    const name = Chart.of(this).namespace;
    check(this, [
      {
        wrong: name === undefined,
        given: 'the chart has no namespace',
        want: "expected one: new Chart(app, 'mlflow', { namespace: 'mlflow' })",
      },
      ...(name === undefined ? [] : [namespaceRule(name)]),
      ...labelRules('labels', props.labels),
      ...annotationRules('annotations', props.annotations),
      ...Object.keys(props.labels ?? {}).map((key) => ({
        wrong: /^(pod-security\.kubernetes\.io\/|kubernetes\.io\/metadata\.name$)/.test(key),
        given: `labels has '${key}'`,
        want: 'expected without it: the namespace is restricted, and the API server sets its name',
      })),
      ...Object.keys(props.annotations ?? {}).map((key) => ({
        wrong: key in KEPT,
        given: `annotations has '${key}'`,
        want: 'expected without it: the library sets it, so that no GitOps tool deletes all data',
      })),
    ]);
    const levels = ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']);
    const object = new ApiObject(this, 'namespace', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        labels: { ...props.labels, ...Object.fromEntries(levels) },
        annotations: { ...props.annotations, ...KEPT },
      },
    });
    // A Namespace has no namespace, but cdk8s adds the chart's to every object.
    object.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
    this.node.defaultChild = object;
  }

  /**
   * Returns the Namespace, to change a field that no prop sets, e.g. a label of a service mesh.
   *
   * @param id `namespace`. Another one is refused with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('RestrictedNamespace#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}
