import { Rule } from './rules';

const NAME = /^(?=.{1,63}$)[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$/;
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** What all annotations of an object together may have. */
const MOST_BYTES = 256 * 1024;

/** A key of a label, an annotation or a taint: a name, with or without a DNS name and `/` before it. */
export function isQualifiedName(key: string): boolean {
  const [name, prefix, ...more] = key.split('/').reverse();
  return NAME.test(name) && (prefix === undefined || SUBDOMAIN.test(prefix)) && more.length === 0;
}

export function isSubdomain(name: string): boolean {
  return SUBDOMAIN.test(name);
}

export function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}

/** Labels, and the labels of a selector. */
export function labelRules(what: string, labels: Record<string, string> = {}): Rule[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    keyRule(what, key, isQualifiedName(key)),
    {
      wrong: !isLabelValue(value),
      given: `${what} has the value '${value}' of '${key}'`,
      want: "expected at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends, e.g. 'ml-team'",
    },
  ]);
}

export function annotationRules(what: string, annotations: Record<string, string> = {}): Rule[] {
  const bytes = Buffer.byteLength(Object.entries(annotations).flat().join(''));
  return [
    ...Object.keys(annotations).map((key) => keyRule(what, key, isQualifiedName(key.toLowerCase()))),
    { wrong: bytes > MOST_BYTES, given: `${what} has ${bytes} bytes`, want: `expected at most ${MOST_BYTES} together` },
  ];
}

/** Names of environment variables. */
export function variableRules(what: string, environment: Record<string, string> = {}): Rule[] {
  return Object.keys(environment).map((name) => ({
    wrong: !/^(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name) || name === '.',
    given: `${what} has the variable '${name}'`,
    want: "expected letters, digits and '_', a letter first, e.g. 'MLFLOW_LOGGING_LEVEL'",
  }));
}

/** A key of a Secret or a ConfigMap. */
export function isDataKey(key: string): boolean {
  return /^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..');
}

function keyRule(what: string, key: string, right: boolean): Rule {
  return {
    wrong: !right,
    given: `${what} has the key '${key}'`,
    want: "expected at most 63 letters, digits, '-', '_' and '.', with or without a DNS name and '/' before it, e.g. 'example.com/team'",
  };
}
