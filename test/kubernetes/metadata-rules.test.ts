import { Size } from 'cdk8s';
import { placementRules } from '../../lib/component/pod-options';
import { affinityRules, tolerationRules } from '../../lib/kubernetes/affinity-rules';
import { clientRules } from '../../lib/kubernetes/connection';
import { annotationRules, isDataKey, labelRules, variableRules } from '../../lib/kubernetes/metadata-rules';
import { egressRules, peerRules } from '../../lib/kubernetes/network-peer';
import { resourceRules, sizeRule } from '../../lib/kubernetes/resources';
import { Rule, objectNameRule, wholeRule } from '../../lib/kubernetes/rules';

const broken = (rules: Rule[]) => rules.filter(({ wrong }) => wrong).map(({ given }) => given);

describe('refuses what Kubernetes refuses', () => {
  test.each<[string, Rule[]]>([
    ["podLabels has the key 'a b'", labelRules('podLabels', { 'a b': 'x' })],
    ["podLabels has the key 'a/b/c'", labelRules('podLabels', { 'a/b/c': 'x' })],
    ["podLabels has the key '/a'", labelRules('podLabels', { '/a': 'x' })],
    ["podLabels has the value '-x' of 'a'", labelRules('podLabels', { a: '-x' })],
    [`podLabels has the value '${'a'.repeat(64)}' of 'a'`, labelRules('podLabels', { a: 'a'.repeat(64) })],
    ["annotations has the key ''", annotationRules('annotations', { '': 'x' })],
    ['annotations has 262145 bytes', annotationRules('annotations', { a: 'x'.repeat(256 * 1024) })],
    ["environment has the variable '1A'", variableRules('environment', { '1A': 'x' })],
    ["environment has the variable 'A=B'", variableRules('environment', { 'A=B': 'x' })],
    ["priorityClassName is 'A'", placementRules({ priorityClassName: 'A' })],
    ["runtimeClassName is 'A'", placementRules({ runtimeClassName: 'A' })],
    ["imagePullSecrets is 'a..b'", placementRules({ imagePullSecrets: ['a..b'] })],
    ["tolerations[0].operator is 'Is'", tolerationRules([{ key: 'a', operator: 'Is' }])],
    ['tolerations[0].key is undefined', tolerationRules([{ operator: 'Equal', value: 'x' }])],
    ["tolerations[0].value is 'x'", tolerationRules([{ key: 'a', operator: 'Exists', value: 'x' }])],
    ["tolerations[0].effect is 'No'", tolerationRules([{ key: 'a', operator: 'Exists', effect: 'No' }])],
    ['tolerations[0].tolerationSeconds is 5', tolerationRules([{ operator: 'Exists', tolerationSeconds: 5 }])],
    ['the port of egress is 0', egressRules('egress', [{ peer: { anyone: true }, port: 0 }])],
    ['the port of egress is 70000', egressRules('egress', [{ peer: { anyone: true }, port: 70000 }])],
    ["the cidr of egress is '10.0.0.1'", egressRules('egress', [{ peer: { cidr: '10.0.0.1' }, port: 443 }])],
    ['egress has {}', egressRules('egress', [{ peer: {}, port: 443 }])],
    ["podLabels of clients has the value 'a b' of 'app'", peerRules('clients', [{ podLabels: { app: 'a b' } }])],
    ["x is 'a.-b'", [objectNameRule('x', 'a.-b')]],
    ['x is 2147483648', [wholeRule('x', 2 ** 31, 1)]],
    ['storage is InfinityGi', [sizeRule('storage', Size.gibibytes(Infinity))]],
    [
      'resources.memory requests undefined with a limit of InfinityGi',
      resourceRules({ memory: { limit: Size.gibibytes(Infinity) } }),
    ],
    [
      "affinity.podAffinity.topologyKey is ''",
      affinityRules({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: '' }] } }),
    ],
    [
      "affinity.podAffinity.mismatchLabelKeys is 'a b'",
      affinityRules({
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'a', labelSelector: {}, mismatchLabelKeys: ['a b'] } as any,
          ],
        },
      }),
    ],
    [
      "affinity.nodeAffinity.nodeSelectorTerms.matchFields.values is 'a b'",
      affinityRules({
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a b'] }] }],
          },
        },
      }),
    ],
    [
      "client.podLabels has the value 'a b' of 'app'",
      clientRules({ name: 'chart/jobs', podLabels: { app: 'a b' }, maxConnections: 5 }),
    ],
    ["client.name is ' '", clientRules({ name: ' ', podLabels: {}, maxConnections: 5 })],
    ['client.maxConnections is NaN', clientRules({ name: 'jobs', podLabels: {}, maxConnections: NaN })],
  ])('%s', (given, rules) => {
    expect(broken(rules)).toEqual([given]);
  });

  test.each(['.', '..', '..a', 'a/b', ''])('the key %p of a Secret', (key) => {
    expect(isDataKey(key)).toBe(false);
  });
});

test('accepts what Kubernetes accepts', () => {
  const rules = [
    ...labelRules('podLabels', { 'example.com/Team_1': 'ML-1', a: '' }),
    ...annotationRules('annotations', { 'Example.com/a': 'anything ${at} all' }),
    ...variableRules('environment', { MLFLOW_X: '', 'a.b-c': '' }),
    ...tolerationRules([{ operator: 'Exists' }, { key: 'a', value: 'b', effect: 'NoExecute', tolerationSeconds: 5 }]),
    ...egressRules('egress', [{ peer: { namespaceLabels: {} }, port: 65535 }]),
    ...affinityRules({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpus', operator: 'Gt', values: ['1'] }] }],
        },
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: 'a/b', labelSelector: { matchLabels: { app: 'x' } } } },
        ],
      },
    }),
  ];
  expect(broken(rules)).toEqual([]);
});
