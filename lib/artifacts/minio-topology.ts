import { Rule, wholeRule } from '../kubernetes/rules';

/** Drives of one erasure set, as MinIO takes them. Without 2, of which none can be lost while it writes. */
const SET_SIZES = Array.from({ length: 14 }, (_, index) => index + 3);

/** What MinIO refuses at its start: 2 and 3 servers, and a number that no set of 3 to 16 drives divides. */
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
