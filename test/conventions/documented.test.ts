import { join } from 'path';
import { undocumented } from './undocumented';
import { missingUnit } from './units';
import { ROOT } from '../support/run';

test('every public class, method and prop has a docstring with meaning, default and unit', () => {
  expect(undocumented(join(ROOT, 'lib/index.ts'))).toEqual([]);
});

const faulty = `
import { Size } from 'cdk8s';
import { Construct } from 'constructs';

export class Bare extends Construct {
  /** Where it answers. */
  public static readonly PORT = 80;
  /** too small to be a sentence */
  public readonly url = '';
  public get name() { return ''; }
  constructor(scope: Construct, id: string, private readonly secret: Props) { super(scope, id); }
  /**
   * Takes one more.
   * @param one the one
   * @param two
   */
  public take(one: string, two: string) { return this.secret && one + two; }
  /** @internal */
  public _hidden() {}
  private alone() {}
}

/** Parts of a thing. */
export interface Props {
  /** \`replicas\`. */
  readonly named: string;
  /** Is optional. */
  readonly optional?: boolean;
  /**
   * How long connections wait.
   * @default 5
   */
  readonly timeout?: number;
  /** How many there are. */
  readonly many: number;
  /**
   * Space for files.
   * @default 50
   */
  readonly space?: Size;
}

export enum Way {
  /** This one. */
  LEFT,
  RIGHT,
}

/** Is documented. */
export class Whole {
  private constructor() {}
}
`;

test('the check finds each missing docstring, and skips what jsii skips', () => {
  expect(undocumented(join(ROOT, 'lib/faulty.ts'), faulty)).toEqual([
    'Bare(): no @param id',
    'Bare(): no @param scope',
    'Bare(): no @param secret',
    'Bare.name: no docstring',
    'Bare.take: no @param two',
    'Bare.url: not a sentence: too small to be a sentence',
    'Bare: no docstring',
    'Props.many: a quantity without its unit: How many there are.',
    'Props.named: says no more than a name: `replicas`.',
    'Props.optional: optional, but no @default',
    'Props.space: a unit is missing in @default 50',
    'Props.timeout: a quantity without its unit: How long connections wait.',
    'Way.RIGHT: no docstring',
    'Way: no docstring',
  ]);
});

describe('a quantity', () => {
  test.each([
    ['drainSeconds', 'number', 'Seconds that requests get.', '60'],
    ['targetCpuPercent', 'number', 'CPU, in percent of the request.', '70'],
    ['replicas', 'number', 'Number of pods.', '1'],
    ['interval', 'string', 'Time between two scrapes, in seconds or minutes.', "'30s'"],
    ['storageClassName', 'string', 'Class of the volume.', '- the cluster’s'],
    ['storage', 'Size', 'Size of the volume.', 'Size.gibibytes(50)'],
    ['storage', 'Size', 'Size of the volume.', '50 GiB'],
    ['pause', 'Duration', 'Between two tries.', '5 seconds'],
  ])('has its unit in the docstring: %s: %s, %s', (name, type, text, standard) => {
    expect(missingUnit(name, type, text, standard)).toBeUndefined();
  });

  test.each([
    ['drainSeconds', 'number', 'How long requests get, in minutes.', '60'],
    ['targetCpuPercent', 'number', 'CPU that the servers are kept at.', '70'],
    ['replicas', 'number', '`replicas`, one after the other.', '1'],
    ['interval', 'string', 'Time between two scrapes: `seconds`.', "'30s'"],
    ['pause', 'Duration', 'Between two tries.', '5'],
  ])('lacks its unit in the docstring: %s: %s, %s', (name, type, text, standard) => {
    expect(missingUnit(name, type, text, standard)).toBeDefined();
  });
});
