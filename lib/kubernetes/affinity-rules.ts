import { k8s } from 'cdk8s-plus-27';
import { isLabelValue, isQualifiedName, isSubdomain, labelRules } from './metadata-rules';
import { Rule, namespaceRule, shownRule } from './rules';

/** Taints that pods tolerate: what Kubernetes refuses. */
export function tolerationRules(tolerations: k8s.Toleration[] = []): Rule[] {
  return tolerations.flatMap(({ key, operator = 'Equal', value = '', effect, tolerationSeconds }, index) => {
    const what = `tolerations[${index}]`;
    return [
      shownRule(
        key !== undefined && key !== '' && !isQualifiedName(key),
        `${what}.key`,
        key,
        "the key of a taint, e.g. 'nvidia.com/gpu'",
      ),
      shownRule(!['Exists', 'Equal'].includes(operator), `${what}.operator`, operator, "'Exists' or 'Equal'"),
      shownRule(!key && operator !== 'Exists', `${what}.key`, key, "a key, or operator: 'Exists' for every taint"),
      shownRule(operator === 'Exists' && value !== '', `${what}.value`, value, "no value beside operator: 'Exists'"),
      shownRule(!isLabelValue(value), `${what}.value`, value, "the value of a taint, e.g. 'ml'"),
      shownRule(
        effect !== undefined && effect !== '' && !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect),
        `${what}.effect`,
        effect,
        "'NoSchedule', 'PreferNoSchedule' or 'NoExecute'",
      ),
      shownRule(
        tolerationSeconds !== undefined && (effect !== 'NoExecute' || !Number.isSafeInteger(tolerationSeconds)),
        `${what}.tolerationSeconds`,
        tolerationSeconds,
        "whole seconds, with effect: 'NoExecute' only",
      ),
    ];
  });
}

/** Where pods prefer or have to run: what Kubernetes refuses. */
export function affinityRules({ nodeAffinity, podAffinity, podAntiAffinity }: k8s.Affinity = {}): Rule[] {
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const preferred = nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const node = 'affinity.nodeAffinity';
  return [
    shownRule(required?.length === 0, `${node}.nodeSelectorTerms`, [], 'at least one term'),
    ...(required ?? []).flatMap((term) => nodeTermRules(`${node}.nodeSelectorTerms`, term)),
    ...preferred.flatMap(({ weight, preference }) => [
      weightRule(node, weight),
      ...nodeTermRules(`${node}.preference`, preference),
    ]),
    ...podRules('affinity.podAffinity', podAffinity),
    ...podRules('affinity.podAntiAffinity', podAntiAffinity),
  ];
}

function podRules(what: string, affinity: k8s.PodAffinity = {}): Rule[] {
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms = [
    ...(affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...preferred.map(({ podAffinityTerm }) => podAffinityTerm),
  ];
  return [
    ...preferred.map(({ weight }) => weightRule(what, weight)),
    ...terms.flatMap((term) => [
      shownRule(
        !isQualifiedName(term.topologyKey),
        `${what}.topologyKey`,
        term.topologyKey,
        "a label of nodes, e.g. 'kubernetes.io/hostname'",
      ),
      ...selectorRules(`${what}.labelSelector`, term.labelSelector),
      ...selectorRules(`${what}.namespaceSelector`, term.namespaceSelector),
      ...(term.namespaces ?? []).map((name) => namespaceRule(name, `${what}.namespaces`)),
      ...matchLabelKeyRules(what, term),
    ]),
  ];
}

/** `matchLabelKeys` and `mismatchLabelKeys` narrow a selector, whose keys they may not repeat. */
function matchLabelKeyRules(what: string, term: k8s.PodAffinityTerm): Rule[] {
  const { matchLabelKeys = [], mismatchLabelKeys = [] } = term as Record<string, any>;
  const named = (prop: string, keys: string[]) => keys.map((key) => ({ prop, key }));
  const asked = [
    ...Object.keys(term.labelSelector?.matchLabels ?? {}),
    ...(term.labelSelector?.matchExpressions ?? []).map(({ key }) => key),
  ];
  const given = [...named('matchLabelKeys', matchLabelKeys), ...named('mismatchLabelKeys', mismatchLabelKeys)];
  const isTwice = (key: string) => given.filter((other) => other.key === key).length > 1;
  return given.map(({ prop, key }) =>
    shownRule(
      !isQualifiedName(key) || !term.labelSelector || asked.includes(key) || isTwice(key),
      `${what}.${prop}`,
      key,
      'the key of a label, once, beside a labelSelector that does not ask for it',
    ),
  );
}

function selectorRules(what: string, selector: k8s.LabelSelector = {}): Rule[] {
  return [
    ...labelRules(`${what}.matchLabels`, selector.matchLabels),
    ...(selector.matchExpressions ?? []).flatMap((each) => [
      ...expressionRules(what, each, ['In', 'NotIn', 'Exists', 'DoesNotExist']),
      ...(each.values ?? []).map((value) =>
        shownRule(!isLabelValue(value), `${what}.values`, value, "the value of a label, e.g. 'ml'"),
      ),
    ]),
  ];
}

function nodeTermRules(what: string, { matchExpressions = [], matchFields = [] }: k8s.NodeSelectorTerm): Rule[] {
  return [
    ...matchExpressions.flatMap((each) => [
      ...expressionRules(what, each, ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
      ...(each.values ?? []).map((value) =>
        shownRule(!isLabelValue(value), `${what}.values`, value, "the value of a label of nodes, e.g. 'amd64'"),
      ),
    ]),
    ...matchFields.flatMap(({ key, operator, values = [] }) => [
      shownRule(key !== 'metadata.name', `${what}.matchFields.key`, key, "'metadata.name'"),
      shownRule(!['In', 'NotIn'].includes(operator), `${what}.matchFields.operator`, operator, "'In' or 'NotIn'"),
      shownRule(
        values.length !== 1 || !isSubdomain(values[0]),
        `${what}.matchFields.values`,
        values.join(','),
        'the name of one node',
      ),
    ]),
  ];
}

function expressionRules(
  what: string,
  { key, operator, values = [] }: k8s.LabelSelectorRequirement,
  operators: string[],
): Rule[] {
  const numeric = ['Gt', 'Lt'].includes(operator);
  const counts = ['Exists', 'DoesNotExist'].includes(operator)
    ? values.length === 0
    : numeric
      ? values.length === 1 && /^-?\d{1,18}$/.test(values[0])
      : values.length > 0;
  return [
    shownRule(!isQualifiedName(key), `${what}.key`, key, "the key of a label, e.g. 'kubernetes.io/arch'"),
    shownRule(!operators.includes(operator), `${what}.operator`, operator, `one of ${operators.join(', ')}`),
    shownRule(
      operators.includes(operator) && !counts,
      `${what}.values of ${operator}`,
      values.join(','),
      numeric ? 'one whole number' : operator.endsWith('In') ? 'at least one value' : 'no value',
    ),
  ];
}

function weightRule(what: string, weight: number): Rule {
  return shownRule(
    !Number.isInteger(weight) || weight < 1 || weight > 100,
    `${what}.weight`,
    weight,
    'a whole number from 1 to 100',
  );
}
