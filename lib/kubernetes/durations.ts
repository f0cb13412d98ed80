import { Duration } from 'cdk8s';
import { Rule } from './rules';

/** A time in seconds, with its fraction. */
export function seconds(duration: Duration): number {
  return duration.toSeconds({ integral: false });
}

/** The fields of Kubernetes that hold a time are 32-bit integers. */
const MOST_SECONDS = 2 ** 31 - 1;

/** Kubernetes and nginx take whole seconds. */
export function durationRule(prop: string, duration: Duration | undefined, least: number, most = MOST_SECONDS): Rule {
  const given = duration === undefined ? least : seconds(duration);
  return {
    wrong: !Number.isInteger(given) || given < least || given > most,
    given: `${prop} is ${given} seconds`,
    want:
      `expected whole seconds, ` +
      (most === MOST_SECONDS ? `at least ${least}` : `from ${least} to ${most}`) +
      `, e.g. Duration.seconds(${Math.max(least, Math.min(30, most))})`,
  };
}
