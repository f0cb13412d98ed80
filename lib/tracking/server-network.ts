import { TrackingServerProps } from './tracking-server-props';
import { Component } from '../component/component';
import { allowExtraPorts } from '../component/extra-containers';
import { NetworkBoundary } from '../component/network-boundary';
import { EgressRule } from '../kubernetes/network-peer';
import { HTTP_PORT, METRICS_PORT } from '../nginx/reverse-proxy';

/** The NetworkPolicy of a tracking server: who may connect to it, and what it connects to. */
export function serverNetwork(
  component: Component,
  props: TrackingServerProps,
  destinations: { readonly egress: EgressRule[] }[],
): NetworkBoundary {
  const network = new NetworkBoundary(component);
  for (const peer of props.clients ?? [{ anyone: true }]) network.allowFrom(peer, HTTP_PORT);
  network.allowMetrics(METRICS_PORT, props.metricsClients).allowDns().allowEgress(props.egress);
  for (const { egress } of destinations) network.allowEgress(egress);
  allowExtraPorts(network, props);
  return network;
}
