import { ApiObject, Chart, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { findApiObject } from './find-api-object';
import { check, namespaceRule } from './rules';
import { checkInputs, checkedScope } from '../inputs/inputs';

/**
 * The namespace of a chart, in which every pod has to pass Pod Security "restricted", as those of the platform do.
 *
 * Object, by the id for `apiObject()`: `namespace`.
 */
export class RestrictedNamespace extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names only the construct. The namespace has the chart's `namespace` for its name
   */
  constructor(scope: Construct, id: string) {
    super(checkedScope('RestrictedNamespace', scope, id), id);
    const name = Chart.of(this).namespace;
    check(this, [
      {
        wrong: name === undefined,
        given: 'the chart has no namespace',
        want: "expected one: new Chart(app, 'mlflow', { namespace: 'mlflow' })",
      },
      ...(name === undefined ? [] : [namespaceRule(name)]),
    ]);
    const levels = ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']);
    const object = new ApiObject(this, 'namespace', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        labels: Object.fromEntries(levels),
        // All data is deleted with it: GitOps tools keep it if it is removed from their repository.
        annotations: {
          'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
          'kustomize.toolkit.fluxcd.io/prune': 'disabled',
        },
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
