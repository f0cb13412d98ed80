import { CALLS } from '../../lib/inputs/table';
import { WrongInput, wrongInputs } from '../inputs/wrong-inputs';
import { complaints } from '../real/validator';

// Some 20,000 wrong values of every public prop, which takes too long for each change: `npm run test:inputs`.
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
