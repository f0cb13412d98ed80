import { k8s } from 'cdk8s-plus-27';
import { Component } from './component';
import { EgressRule } from './connection';
import { Json, apiObject } from './manifest';
import { labelRules } from './metadata-rules';
import { Rule, cidrRule, wholeRule } from './rules';

/** Somebody at the other end of a connection. */
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
   * Everybody, in the cluster and outside.
   * @default false
   */
  readonly anyone?: boolean;
}

/** Address of Kubernetes' node-local DNS cache (NodeLocal DNSCache's own default). */
const NODE_LOCAL_DNS = '169.254.20.10/32';

/** Where a control plane may listen: behind its Service the port is another one, and policies count that. IBM's is 2040. */
const API_SERVER_PORTS = [443, 6443, 8443, 16443, 2040];

/** Where the pods of EKS Pod Identity ask for their keys: an agent on their own node. */
export const POD_IDENTITY_AGENT: EgressRule[] = ['169.254.170.23/32', 'fd00:ec2::23/128'].map((cidr) => ({
  peer: { cidr },
  port: 80,
}));

const MONITORING: NetworkPeer = { namespaceLabels: { 'kubernetes.io/metadata.name': 'monitoring' } };

type Side = { peer: NetworkPeer; ports: (number | string)[]; protocols?: string[] };

/** The NetworkPolicy of one kind of pod: who may come and where it may go, collected while the app is wired. */
export class NetworkBoundary {
  private readonly incoming: Side[] = [];
  private readonly outgoing: Side[] = [];

  constructor(component: Component, id: string, name: string, podSelector: Record<string, string>) {
    apiObject<{ spec: Json<k8s.NetworkPolicySpec> }>(component, id, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      name,
      labels: component.labels,
      body: {
        spec: () => ({
          podSelector: { matchLabels: podSelector },
          policyTypes: ['Ingress', 'Egress'],
          // Left out where nobody is let through: the API server drops empty lists, and each apply would see a change.
          ingress: nonEmpty(this.incoming.map((side) => ({ ...from(side.peer), ports: renderPorts(side) }))),
          egress: nonEmpty(this.outgoing.map((side) => ({ ...to(side.peer), ports: renderPorts(side) }))),
        }),
      },
    });
  }

  public allowFrom(peer: NetworkPeer, ...ports: number[]): this {
    this.incoming.push({ peer, ports });
    return this;
  }

  public allowTo(peer: NetworkPeer, ...ports: number[]): this {
    this.outgoing.push({ peer, ports });
    return this;
  }

  /** Prometheus, for metrics that have no login. */
  public allowMetrics(port: number, clients: NetworkPeer[] = [MONITORING]): this {
    for (const peer of clients) this.allowFrom(peer, port);
    return this;
  }

  /** All that a connection, or a user, asks for. */
  public allowEgress(rules: EgressRule[] = []): this {
    for (const { peer, port } of rules) this.allowTo(peer, port);
    return this;
  }

  /**
   * Name look-ups, on 5353 too, where OpenShift's servers listen. UDP to any address, as a node-local cache has one
   * outside the pods' network; TCP to pods of the cluster and to that cache alone, as it could carry anything.
   */
  public allowDns(): this {
    const ports = [53, 5353];
    this.outgoing.push({ peer: { anyone: true }, ports, protocols: ['UDP'] });
    return this.allowTo({ namespaceLabels: {} }, ...ports).allowTo({ cidr: NODE_LOCAL_DNS }, ...ports);
  }

  /** The API server: at synth neither its address nor its port is known. */
  public allowApiServer(rules?: EgressRule[]): this {
    return rules ? this.allowEgress(rules) : this.allowTo({ anyone: true }, ...API_SERVER_PORTS);
  }
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

/** What is wrong with the addresses that a user lets pods go to. */
export function egressRules(what: string, rules: EgressRule[] = []): Rule[] {
  return rules.flatMap(({ peer, port }) => [
    ...peerRules(what, [peer]),
    wholeRule(`the port of ${what}`, port, 1, 65535),
  ]);
}

function nonEmpty<T>(items: T[]): T[] | undefined {
  return items.length > 0 ? items : undefined;
}

function renderPorts(side: Side): Json<k8s.NetworkPolicyPort>[] {
  return side.ports.flatMap((port) => (side.protocols ?? ['TCP']).map((protocol) => ({ port, protocol })));
}

function from(peer: NetworkPeer) {
  return peer.anyone ? {} : { from: [renderPeer(peer)] };
}

function to(peer: NetworkPeer) {
  return peer.anyone ? {} : { to: [renderPeer(peer)] };
}

function renderPeer(peer: NetworkPeer): Json<k8s.NetworkPolicyPeer> {
  if (peer.cidr) return { ipBlock: { cidr: peer.cidr } };
  const labels = (wanted?: Record<string, string>) =>
    wanted && (Object.keys(wanted).length > 0 ? { matchLabels: wanted } : {});
  return {
    podSelector: labels(peer.podLabels) ?? (peer.namespaceLabels ? undefined : {}),
    namespaceSelector: labels(peer.namespaceLabels),
  };
}
