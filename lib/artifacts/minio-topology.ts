import { Rule, wholeRule } from '../kubernetes/rules';

/**
 * Numbers of drives that MinIO accepts for one erasure set. Without 2: such a set refuses writes after the loss of one
 * drive.
 */
const SET_SIZES = Array.from({ length: 14 }, (_, index) => index + 3);

/** The numbers of servers that cannot form a store: 2 and 3, and those that no set of 3 to 16 drives divides. */
export function topologyRules(replicas: number): Rule[] {
  return [
    wholeRule('replicas', replicas, 1),
    {
      wrong: replicas > 1 && replicas < 4,
      given: `replicas is ${replicas}`,
      want: 'expected 1, or at least 4: with fewer MinIO cannot lose a drive and continue to write',
    },
    {
      wrong: Number.isInteger(replicas) && replicas >= 4 && !SET_SIZES.some((size) => replicas % size === 0),
      given: `replicas is ${replicas}`,
      want: 'expected a number that a set of 3 to 16 drives divides, e.g. 4, 8, 12 or 16',
    },
  ];
}
