import { labelRules } from './metadata-rules';
import { Rule, cidrRule, wholeRule } from './rules';

/** The other end of a connection. */
export interface NetworkPeer {
  /**
   * Labels of the pods.
   * @default - any pod of the namespaces
   */
  readonly podLabels?: Record<string, string>;
  /**
   * Labels of the namespaces, e.g. `{'kubernetes.io/metadata.name': 'monitoring'}`; an empty object is every namespace.
   * @default - the namespace of the policy
   */
  readonly namespaceLabels?: Record<string, string>;
  /**
   * Addresses in CIDR notation, in place of pods, e.g. `10.0.0.0/8`.
   * @default - pods, by their labels
   */
  readonly cidr?: string;
  /**
   * Every address, in the cluster and outside.
   * @default false
   */
  readonly anyone?: boolean;
}

/** A destination that a pod may connect to. */
export interface EgressRule {
  /** The other end. */
  readonly peer: NetworkPeer;
  /** TCP port. */
  readonly port: number;
}

/** What is wrong with peers that a user names. */
export function peerRules(what: string, peers: NetworkPeer[] = []): Rule[] {
  return peers.flatMap((peer) => [
    ...labelRules(`podLabels of ${what}`, peer.podLabels),
    ...labelRules(`namespaceLabels of ${what}`, peer.namespaceLabels),
    cidrRule(`the cidr of ${what}`, peer.cidr),
    {
      wrong:
        [peer.cidr, peer.anyone || undefined, peer.podLabels ?? peer.namespaceLabels].filter((x) => x !== undefined)
          .length !== 1,
      given: `${what} has ${JSON.stringify(peer)}`,
      want: 'expected one of podLabels (with or without namespaceLabels), namespaceLabels, cidr, or anyone: true',
    },
  ]);
}

/** Rules for the egress of a user. */
export function egressRules(what: string, rules: EgressRule[] = []): Rule[] {
  return rules.flatMap(({ peer, port }) => [
    ...peerRules(what, [peer]),
    wholeRule(`the port of ${what}`, port, 1, 65535),
  ]);
}
