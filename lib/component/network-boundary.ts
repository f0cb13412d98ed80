import { k8s } from 'cdk8s-plus-27';
import { Component } from './component';
import { Json, apiObject } from '../kubernetes/manifest';
import { EgressRule, NetworkPeer } from '../kubernetes/network-peer';

/** Address of Kubernetes' node-local DNS cache (NodeLocal DNSCache's own default). */
const NODE_LOCAL_DNS = '169.254.20.10/32';

/** Ports of control planes: not that of the Service, as policies see the port of the server behind it. IBM's is 2040. */
const API_SERVER_PORTS = [443, 6443, 8443, 16443, 2040];

/** Where the pods of EKS Pod Identity ask for their keys: an agent on their own node. */
export const POD_IDENTITY_AGENT: EgressRule[] = ['169.254.170.23/32', 'fd00:ec2::23/128'].map((cidr) => ({
  peer: { cidr },
  port: 80,
}));

/**
 * Where pods of GKE ask for the token of their service account: with Dataplane V2 the first, without it the second.
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity
 */
export const GOOGLE_METADATA_SERVER: EgressRule[] = [
  { peer: { cidr: '169.254.169.254/32' }, port: 80 },
  { peer: { cidr: '169.254.169.252/32' }, port: 987 },
  { peer: { cidr: '169.254.169.252/32' }, port: 988 },
];

const MONITORING: NetworkPeer = { namespaceLabels: { 'kubernetes.io/metadata.name': 'monitoring' } };

type Side = { peer: NetworkPeer; ports: (number | string)[]; protocols?: string[] };

/** The NetworkPolicy of one kind of pod: its clients and its destinations, collected until synth. */
export class NetworkBoundary {
  private readonly incoming: Side[] = [];
  private readonly outgoing: Side[] = [];

  constructor(component: Component) {
    apiObject<{ spec: Json<k8s.NetworkPolicySpec> }>(component, 'network-policy', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      name: component.componentName,
      labels: component.labels,
      body: {
        spec: () => ({
          podSelector: { matchLabels: component.podSelector },
          policyTypes: ['Ingress', 'Egress'],
          // Left out if empty: the API server drops empty lists, so each apply would see a change.
          ingress: nonEmpty(incomingRules(this.incoming)),
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

  /** Adds the egress rules of a connection, or of a user. */
  public allowEgress(rules: EgressRule[] = []): this {
    for (const { peer, port } of rules) this.allowTo(peer, port);
    return this;
  }

  /**
   * DNS, also on 5353, the port of OpenShift's servers. UDP to any address, as the address of a node-local cache is
   * outside the pods' network; TCP only to pods of the cluster and to that cache, as it could carry anything.
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

const INSTANCE = 'app.kubernetes.io/instance';

/**
 * A rule for each peer. Peers whose pods differ by their instance only share one. A rule for each of 1,000 servings
 * would make the object too large for the annotation of `kubectl apply` (262,144 bytes).
 */
function incomingRules(sides: Side[]): Json<k8s.NetworkPolicyIngressRule>[] {
  const groups = new Map<unknown, { side: Side; instances: string[] }>();
  for (const side of sides) {
    const { [INSTANCE]: instance, ...labels } = side.peer.podLabels ?? {};
    const key = instance === undefined ? side : JSON.stringify([labels, side.peer.namespaceLabels, side.ports]);
    const known = groups.get(key);
    if (known) known.instances.push(instance);
    else groups.set(key, { side, instances: [instance] });
  }
  return [...groups.values()].map(({ side, instances }) => ({
    ...from(side.peer, [...new Set(instances)]),
    ports: renderPorts(side),
  }));
}

function nonEmpty<T>(items: T[]): T[] | undefined {
  return items.length > 0 ? items : undefined;
}

function renderPorts(side: Side): Json<k8s.NetworkPolicyPort>[] {
  return side.ports.flatMap((port) => (side.protocols ?? ['TCP']).map((protocol) => ({ port, protocol })));
}

function from(peer: NetworkPeer, instances: string[]) {
  if (peer.anyone) return {};
  const rendered = renderPeer(peer);
  if (instances.length < 2) return { from: [rendered] };
  const { [INSTANCE]: _, ...matchLabels } = peer.podLabels!;
  const matchExpressions = [{ key: INSTANCE, operator: 'In', values: instances }];
  return { from: [{ ...rendered, podSelector: { ...nonEmptyLabels(matchLabels), matchExpressions } }] };
}

function nonEmptyLabels(matchLabels: Record<string, string>) {
  return Object.keys(matchLabels).length > 0 ? { matchLabels } : {};
}

function to(peer: NetworkPeer) {
  return peer.anyone ? {} : { to: [renderPeer(peer)] };
}

function renderPeer(peer: NetworkPeer): Json<k8s.NetworkPolicyPeer> {
  if (peer.cidr) return { ipBlock: { cidr: peer.cidr } };
  const labels = (wanted?: Record<string, string>) => wanted && nonEmptyLabels(wanted);
  return {
    podSelector: labels(peer.podLabels) ?? (peer.namespaceLabels ? undefined : {}),
    namespaceSelector: labels(peer.namespaceLabels),
  };
}
