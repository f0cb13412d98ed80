import { isIP } from 'net';
import { Construct } from 'constructs';
import { oneLine } from '../inputs/one-line';

/** One row of a component's table of rules. */
export interface Rule {
  /** True if the input is wrong. */
  readonly wrong: boolean;
  /** The prop, and the value that was given. */
  readonly given: string;
  /** What would be right: 'expected …'. */
  readonly want: string;
}

/**
 * Throws one error that names every broken rule, each with the construct's path, the value and what would be right.
 *
 * @param where the construct, or the path of the one that uses what is checked
 */
export function check(where: Construct | string, rules: Rule[]): void {
  const path = typeof where === 'string' ? where : where.node.path;
  const broken = rules.filter((rule) => rule.wrong);
  if (broken.length > 0) throw new Error(broken.map((rule) => oneLine(`${path}: ${sentence(rule)}`)).join('\n'));
}

/** Like `check`, but at synth, after the whole app is built. cdk8s adds the construct's path itself. */
export function checkAtSynth(construct: Construct, rules: () => Rule[]): void {
  construct.node.addValidation({
    validate: () =>
      rules()
        .filter((rule) => rule.wrong)
        .map((rule) => oneLine(sentence(rule))),
  });
}

/** The one form of our messages, after the path. */
function sentence({ given, want }: Rule): string {
  return `${given}; ${want}`;
}

/** A name that Kubernetes accepts for a Service, also with the library's longest suffix. */
export function nameRule(what: string, name: string, longestSuffix = ''): Rule {
  const most = 63 - longestSuffix.length;
  return {
    wrong: !/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > most,
    given: `${what} is '${name}'`,
    want: `expected a DNS label of at most ${most} characters: lower-case letters, digits and '-', a letter first, e.g. 'mlflow'`,
  };
}

/** A namespace. Other than a Service's, its name may begin with a digit. */
export function namespaceRule(namespace: string, what = 'the namespace of the chart', example = 'mlflow'): Rule {
  return {
    wrong: !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace),
    given: `${what} is '${namespace}'`,
    want: `expected a DNS label of at most 63 characters: lower-case letters, digits and '-', e.g. '${example}'`,
  };
}

/** Addresses in CIDR notation. */
export function cidrRule(what: string, cidr: string | undefined): Rule {
  const [address, bits, more] = (cidr ?? '').split('/');
  const most = isIP(address) === 4 ? 32 : 128;
  const right =
    isIP(address) > 0 && /^(0|[1-9]\d{0,2})$/.test(bits ?? '') && Number(bits) <= most && more === undefined;
  return {
    wrong: cidr !== undefined && !right,
    given: `${what} is '${cidr}'`,
    want: "expected addresses in CIDR notation, e.g. '10.0.0.0/8', or '10.1.2.3/32' for one",
  };
}

/** A name that Kubernetes accepts for most objects, e.g. a Secret. */
export function objectNameRule(what: string, name: string, example = 'my-database'): Rule {
  return {
    wrong: !/^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name),
    given: `${what} is '${name}'`,
    want: `expected lower-case letters, digits, '-' and '.', at most 253, e.g. '${example}'`,
  };
}

/** The largest number of Kubernetes' fields of 32 bits. */
const MOST = 2 ** 31 - 1;

/** A whole number of at least `least`. */
export function wholeRule(what: string, value: number | undefined, least: number, most = MOST): Rule {
  const bounds = Number(value) > most ? `from ${least} to ${most}` : `of at least ${least}`;
  return {
    wrong: value !== undefined && (!Number.isInteger(value) || value < least || value > most),
    given: `${what} is ${value}`,
    want: `expected a whole number ${bounds}`,
  };
}

/** A rule about one value, which is shown as it was given. */
export function shownRule(wrong: boolean, what: string, value: unknown, right: string): Rule {
  return { wrong, given: `${what} is ${typeof value === 'string' ? `'${value}'` : value}`, want: `expected ${right}` };
}

/** The grammar of image references, with a tag, a digest or both. */
const imageReference =
  /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@sha256:[0-9a-f]{64})?$/;

/** The tag of an image. None if it has a digest only. */
export function imageTag(image: string): string | undefined {
  return imageReference.exec(image)?.[1];
}

/** An image reference that is pinned. */
export function imageRule(image: string, what = 'image'): Rule {
  const [, tag, digest] = imageReference.exec(image) ?? [];
  return {
    wrong: digest === undefined && (tag === undefined || tag === 'latest'),
    given: `${what} is '${image}'`,
    want: `expected a tag other than 'latest' or a digest, e.g. 'registry.example.com/mlflow:v3.18.0' or 'mlflow@sha256:…'`,
  };
}

/** Who connects must be in the same namespace: the Secrets that both read are. */
export function sameNamespaceRule(
  what: string,
  own: string | undefined,
  client: string | undefined,
  instead: string,
): Rule {
  return {
    wrong: own !== client,
    given: `${what} is in namespace '${own ?? ''}', and who connects in '${client ?? ''}'`,
    want: `expected one namespace for both: Secrets cannot be read from another one; or ${instead}`,
  };
}
