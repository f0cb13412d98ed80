import { NetworkBoundary, NetworkPeer } from '../../lib/kubernetes/network-boundary';
import { find, synth } from '../support/synth';
import { Thing } from '../support/thing';

function policy(build: (boundary: NetworkBoundary) => void = () => {}) {
  const objects = synth((chart) => {
    const thing = new Thing(chart, 'thing');
    build(new NetworkBoundary(thing, 'network-policy', 'thing', thing.podSelector));
  });
  return find(objects, 'NetworkPolicy', 'thing').spec;
}

test('nothing comes in and nothing goes out until it is said', () => {
  const { policyTypes, ingress = [], egress = [], podSelector } = policy();
  expect(policyTypes).toEqual(['Ingress', 'Egress']);
  expect([ingress, egress]).toEqual([[], []]);
  expect(podSelector.matchLabels).toMatchObject({ 'app.kubernetes.io/component': 'thing' });
});

test('what is said after the policy was made counts', () => {
  let late!: NetworkBoundary;
  const objects = synth((chart) => {
    const thing = new Thing(chart, 'thing');
    late = new NetworkBoundary(thing, 'network-policy', 'thing', thing.podSelector);
    new Thing(chart, 'other');
    late.allowFrom({ podLabels: { app: 'late' } }, 80);
  });
  expect(find(objects, 'NetworkPolicy', 'thing').spec.ingress).toHaveLength(1);
});

describe('a peer', () => {
  test.each<[string, NetworkPeer, object]>([
    ['pods of the same namespace', { podLabels: { app: 'x' } }, { podSelector: { matchLabels: { app: 'x' } } }],
    ['all pods of the same namespace', {}, { podSelector: {} }],
    [
      'all pods of a namespace',
      { namespaceLabels: { team: 'x' } },
      { namespaceSelector: { matchLabels: { team: 'x' } } },
    ],
    ['all pods of all namespaces', { namespaceLabels: {} }, { namespaceSelector: {} }],
    [
      'pods of a namespace',
      { podLabels: { app: 'x' }, namespaceLabels: { team: 'x' } },
      { podSelector: { matchLabels: { app: 'x' } }, namespaceSelector: { matchLabels: { team: 'x' } } },
    ],
    ['addresses', { cidr: '10.0.0.0/8' }, { ipBlock: { cidr: '10.0.0.0/8' } }],
  ])('%s', (_, peer, rendered) => {
    const ports = [{ port: 80, protocol: 'TCP' }];
    expect(policy((boundary) => boundary.allowFrom(peer, 80)).ingress).toEqual([{ from: [rendered], ports }]);
    expect(policy((boundary) => boundary.allowTo(peer, 80)).egress).toEqual([{ to: [rendered], ports }]);
  });

  test('anyone: no list of peers, as an empty one lets nobody through', () => {
    const ports = [{ port: 80, protocol: 'TCP' }];
    expect(policy((boundary) => boundary.allowFrom({ anyone: true }, 80)).ingress).toEqual([{ ports }]);
    expect(policy((boundary) => boundary.allowTo({ anyone: true }, 80)).egress).toEqual([{ ports }]);
  });
});

// TCP could carry anything out of the cluster.
test('name look-ups, by UDP anywhere, by TCP to pods and the cache of a node alone', () => {
  const ports = (protocol: string) => [53, 5353].map((port) => ({ port, protocol }));
  expect(policy((boundary) => boundary.allowDns()).egress).toEqual([
    { ports: ports('UDP') },
    { to: [{ namespaceSelector: {} }], ports: ports('TCP') },
    { to: [{ ipBlock: { cidr: '169.254.20.10/32' } }], ports: ports('TCP') },
  ]);
});

test('the API server, by the port of its Service and its own', () => {
  expect(policy((boundary) => boundary.allowApiServer()).egress).toEqual([
    {
      ports: [
        { port: 443, protocol: 'TCP' },
        { port: 6443, protocol: 'TCP' },
        { port: 8443, protocol: 'TCP' },
        { port: 16443, protocol: 'TCP' },
        { port: 2040, protocol: 'TCP' },
      ],
    },
  ]);
});
