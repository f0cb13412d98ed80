import { NetworkBoundary } from '../../lib/component/network-boundary';
import { NetworkPeer } from '../../lib/kubernetes/network-peer';
import { SmallestComponent } from '../support/smallest-component';
import { find, synth } from '../support/synth';

function policy(build: (boundary: NetworkBoundary) => void = () => {}) {
  const objects = synth((chart) => {
    const component = new SmallestComponent(chart, 'smallest');
    build(new NetworkBoundary(component));
  });
  return find(objects, 'NetworkPolicy', 'smallest').spec;
}

test('a new boundary denies all ingress and egress', () => {
  const { policyTypes, ingress = [], egress = [], podSelector } = policy();
  expect(policyTypes).toEqual(['Ingress', 'Egress']);
  expect([ingress, egress]).toEqual([[], []]);
  expect(podSelector.matchLabels).toMatchObject({ 'app.kubernetes.io/component': 'smallest' });
});

test('a rule that is added after the policy was created is rendered', () => {
  let late!: NetworkBoundary;
  const objects = synth((chart) => {
    const component = new SmallestComponent(chart, 'smallest');
    late = new NetworkBoundary(component);
    new SmallestComponent(chart, 'other');
    late.allowFrom({ podLabels: { app: 'late' } }, 80);
  });
  expect(find(objects, 'NetworkPolicy', 'smallest').spec.ingress).toHaveLength(1);
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
  ])('%s is rendered as a peer', (_, peer, rendered) => {
    const ports = [{ port: 80, protocol: 'TCP' }];
    expect(policy((boundary) => boundary.allowFrom(peer, 80)).ingress).toEqual([{ from: [rendered], ports }]);
    expect(policy((boundary) => boundary.allowTo(peer, 80)).egress).toEqual([{ to: [rendered], ports }]);
  });

  test('any address is rendered without a list of peers, because an empty list admits none', () => {
    const ports = [{ port: 80, protocol: 'TCP' }];
    expect(policy((boundary) => boundary.allowFrom({ anyone: true }, 80)).ingress).toEqual([{ ports }]);
    expect(policy((boundary) => boundary.allowTo({ anyone: true }, 80)).egress).toEqual([{ ports }]);
  });
});

// TCP to any address would let a pod send any data out of the cluster.
test('allowDns() allows UDP to any address, and TCP only to pods and the node-local cache', () => {
  const ports = (protocol: string) => [53, 5353].map((port) => ({ port, protocol }));
  expect(policy((boundary) => boundary.allowDns()).egress).toEqual([
    { ports: ports('UDP') },
    { to: [{ namespaceSelector: {} }], ports: ports('TCP') },
    { to: [{ ipBlock: { cidr: '169.254.20.10/32' } }], ports: ports('TCP') },
  ]);
});

test('allowApiServer() allows the port of its Service and its own port', () => {
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

describe('peers that differ only by their instance', () => {
  const serving = (instance: string): Record<string, string> => ({
    'app.kubernetes.io/name': 'mlflow',
    'app.kubernetes.io/instance': instance,
    'app.kubernetes.io/component': 'model-serving',
  });
  const inNamespace = (namespace: string) => ({ namespaceLabels: { 'kubernetes.io/metadata.name': namespace } });

  test('share a rule, which names every instance', () => {
    const { ingress } = policy((boundary) =>
      ['churn', 'spam', 'churn'].forEach((id) =>
        boundary.allowFrom({ podLabels: serving(id), ...inNamespace('ml-serving') }, 8080),
      ),
    );
    expect(ingress).toEqual([
      {
        from: [
          {
            podSelector: {
              matchLabels: { 'app.kubernetes.io/name': 'mlflow', 'app.kubernetes.io/component': 'model-serving' },
              matchExpressions: [{ key: 'app.kubernetes.io/instance', operator: 'In', values: ['churn', 'spam'] }],
            },
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ml-serving' } },
          },
        ],
        ports: [{ port: 8080, protocol: 'TCP' }],
      },
    ]);
  });

  test('have separate rules for another namespace, port, labels or no instance', () => {
    const { ingress } = policy((boundary) =>
      boundary
        .allowFrom({ podLabels: serving('churn'), ...inNamespace('a') }, 8080)
        .allowFrom({ podLabels: serving('spam'), ...inNamespace('b') }, 8080)
        .allowFrom({ podLabels: serving('spam') }, 8080)
        .allowFrom({ podLabels: serving('spam'), ...inNamespace('a') }, 9090)
        .allowFrom({ podLabels: { ...serving('spam'), team: 'x' }, ...inNamespace('a') }, 8080)
        .allowFrom({ podLabels: { app: 'x' } }, 8080)
        .allowFrom({ podLabels: { app: 'x' } }, 8080),
    );
    expect(ingress).toHaveLength(7);
    expect(JSON.stringify(ingress)).not.toContain('matchExpressions');
  });

  test('fit into the limit of kubectl apply, 1,000 of them', () => {
    const spec = policy((boundary) => {
      for (let index = 1000; index < 2000; index++) {
        boundary.allowFrom({ podLabels: serving(`${'a'.repeat(59)}${index}`), ...inNamespace('ml-serving') }, 8080);
      }
    });
    expect(JSON.stringify(spec).length).toBeLessThan(100_000);
  });
});
