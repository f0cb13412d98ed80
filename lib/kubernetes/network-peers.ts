import { NetworkPeer } from './network-peer';
import { check } from './rules';
import { checkInputs } from '../inputs/inputs';

/** What selects pods in cdk8s-plus, in any version of it: a Deployment, a Job, a Pod, or what `Pods.select(…)` returns. */
export interface IPodSelector {
  /** The labels and the namespaces of the pods: cdk8s-plus' `PodSelectorConfig`. */
  toPodSelectorConfig(): any;
}

/** What a LabelSelector of cdk8s-plus renders. */
interface Selected {
  readonly matchLabels?: Record<string, string>;
  readonly matchExpressions?: unknown[];
}

/** Network peers of apps that are built on cdk8s-plus. */
export class NetworkPeers {
  /**
   * Pods by their selector, e.g. `clients: [NetworkPeers.fromPods(job)]`: its labels become `podLabels`, its namespace
   * `namespaceLabels`. A selector with expressions or with several namespaces is refused: a peer has labels only.
   *
   * @param pods a workload of cdk8s-plus, or its `Pods.select(scope, id, { labels })`
   */
  public static fromPods(pods: IPodSelector): NetworkPeer {
    checkInputs('NetworkPeers.fromPods', { pods });
    const { labelSelector, namespaces } = pods.toPodSelectorConfig();
    const labels: Selected = labelSelector._toKube();
    const ofNamespaces: Selected | undefined = namespaces?.labelSelector?._toKube();
    const names: string[] = namespaces?.names ?? [];
    const byLabels = Object.keys(ofNamespaces ?? {}).length > 0;
    check('NetworkPeers.fromPods', [
      {
        wrong: [labels, ofNamespaces].some((each) => (each?.matchExpressions ?? []).length > 0),
        given: 'the selector of pods has expressions',
        want: "expected labels only, e.g. Pods.select(chart, 'jobs', { labels: { app: 'jobs' } })",
      },
      {
        wrong: names.length > 1 || (names.length > 0 && byLabels),
        given: `the selector of pods has the namespaces ${names.join(', ')}${byLabels ? ' and labels of namespaces' : ''}`,
        want: 'expected one namespace, or the labels of several',
      },
    ]);
    const named = names.length > 0 ? { 'kubernetes.io/metadata.name': names[0] } : undefined;
    const namespaceLabels = named ?? (namespaces && (ofNamespaces?.matchLabels ?? {}));
    return { podLabels: labels.matchLabels ?? {}, ...(namespaceLabels && { namespaceLabels }) };
  }

  private constructor() {}
}
