import { Construct } from 'constructs';

/** One row of a component's table of rules. */
export interface Rule {
  /** True where the input is wrong. */
  readonly wrong: boolean;
  /** The prop, and the value that was given. */
  readonly given: string;
  /** What would be right. */
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
  if (broken.length > 0) throw new Error(broken.map((rule) => `${path}: ${sentence(rule)}`).join('\n'));
}

/** As `check`, for what is known only when the whole app stands: cdk8s names the construct's path itself. */
export function checkAtSynth(construct: Construct, rules: () => Rule[]): void {
  construct.node.addValidation({
    validate: () =>
      rules()
        .filter((rule) => rule.wrong)
        .map(sentence),
  });
}

function sentence(rule: Rule): string {
  return `${rule.given}: ${rule.want}`;
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** A name that Kubernetes takes as a DNS label, and still takes once the longest suffix of ours is added. */
export function nameRule(what: string, name: string, longestSuffix = ''): Rule {
  const most = 63 - longestSuffix.length;
  return {
    wrong: !dnsLabel.test(name) || name.length > most,
    given: `${what} is '${name}'`,
    want: `want a DNS label of at most ${most} characters: lower-case letters, digits and '-', e.g. 'mlflow'`,
  };
}

/** A whole number of at least `least`. */
export function wholeRule(what: string, value: number | undefined, least: number): Rule {
  return {
    wrong: value !== undefined && (!Number.isInteger(value) || value < least),
    given: `${what} is ${value}`,
    want: `want a whole number of at least ${least}`,
  };
}

/** An image reference that is pinned. */
export function imageRule(image: string): Rule {
  const [reference, digest] = image.split('@', 2);
  const tag = /:([^/:]*)$/.exec(reference)?.[1];
  const pinned = digest !== undefined ? /^sha256:[0-9a-f]{64}$/.test(digest) : !!tag && tag !== 'latest';
  return {
    wrong: !pinned || /\s/.test(image) || reference === '',
    given: `image is '${image}'`,
    want: `want a tag other than 'latest' or a digest, e.g. 'registry.example.com/mlflow:v3.17.2' or 'mlflow@sha256:…'`,
  };
}
