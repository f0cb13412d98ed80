import { Rule, wholeRule } from '../kubernetes/rules';

/** Drives of one erasure set, as MinIO takes them. */
const SET_SIZES = Array.from({ length: 15 }, (_, index) => index + 2);

/** What MinIO refuses at its start: 2 and 3 servers, and a number that no set of 2 to 16 drives divides. */
export function topologyRules(replicas: number): Rule[] {
  return [
    wholeRule('replicas', replicas, 1),
    {
      wrong: replicas > 1 && replicas < 4,
      given: `replicas is ${replicas}`,
      want: 'want 1, or at least 4: with fewer MinIO cannot lose a drive and go on writing',
    },
    {
      wrong: Number.isInteger(replicas) && replicas >= 4 && !SET_SIZES.some((size) => replicas % size === 0),
      given: `replicas is ${replicas}`,
      want: 'want a number that a set of 2 to 16 drives divides, e.g. 4, 8, 12 or 16',
    },
  ];
}
