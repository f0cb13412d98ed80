import { ApiObject, Chart, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { check, namespaceRule } from './rules';
import { checkedScope } from '../inputs/inputs';

/**
 * The namespace of a chart, in which every pod has to pass Pod Security "restricted", as those of the platform do.
 *
 * Object, by the id for `node.findChild()`: `namespace`.
 */
export class RestrictedNamespace extends Construct {
  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the construct alone; the namespace has the chart's `namespace` for its name
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
        // Whoever removes it removes all data with it: GitOps tools leave it when it leaves their repository.
        annotations: {
          'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
          'kustomize.toolkit.fluxcd.io/prune': 'disabled',
        },
      },
    });
    // A namespace lies in none; cdk8s gives every object of a chart the chart's.
    object.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
  }
}
