import { complaints } from './validator';
import { CALLS } from '../../lib/inputs/table';
import { WrongInput, wrongInputs } from '../inputs/wrong-inputs';
import { ROOT, filesOf, written } from '../support/run';

/*
 * Kubernetes' own decoding and validation (test/real/kubernetes-validate, built by .ci/tools) of everything that is
 * written: no output, and no wrong value that synth takes, may be one that the API server refuses.
 */

test('the program complains of a wrong field, a wrong type and a wrong value', () => {
  const pods = (spec: string) => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {${spec}}\n`;
  const found = complaints({ a: pods('replica: 1'), b: pods("replicas: 'x'"), c: pods('replicas: -1') });
  for (const name of ['a', 'b', 'c']) expect(found).toContainEqual(expect.stringMatching(`^${name}: `));
});

test('no platform of the tests is refused', () => {
  expect(complaints(written('test/support/synth-platforms.ts'))).toEqual([]);
});

test.each(['dist', 'examples/gitops/dist'])('nothing in %s is refused', (folder) => {
  const files = Object.entries(filesOf(`${ROOT}/${folder}`)).filter(([name]) => name.endsWith('.yaml'));
  expect(complaints(Object.fromEntries(files))).toEqual([]);
});

describe('of wrong values for every public prop', () => {
  const all = wrongInputs();

  test.each(Object.keys(CALLS))(
    '%s: each is refused at synth with a message of ours, or Kubernetes takes it',
    (call) => {
      const accepted: Record<string, string> = {};
      const bare: string[] = [];
      for (const input of all.filter(({ name }) => name.startsWith(`${call} `))) attempt(input, accepted, bare);
      expect(bare).toEqual([]);
      expect(complaints(accepted)).toEqual([]);
    },
    1_800_000,
  );
});

function attempt({ name, build }: WrongInput, accepted: Record<string, string>, bare: string[]): void {
  try {
    const yaml = build();
    // Most of them are left-out values, which make the same YAML.
    if (!Object.values(accepted).includes(yaml)) accepted[name] = yaml;
  } catch (error) {
    const { name: kind, message } = error as Error;
    const told = kind === 'Error' && /^(Validation failed|(new )?[\w./# -]+: .*(;|expected))/.test(message);
    if (!told) bare.push(`${name}: ${kind}: ${message}`);
  }
}
