import { plan } from './plans';
import { PlanError, validatePlan } from '../../../runtime/credentials/plan';

function problems(input: unknown): readonly string[] {
  try {
    validatePlan(input);
  } catch (error) {
    if (error instanceof PlanError) return error.problems;
    throw error;
  }
  return [];
}

const secret = (over: Record<string, unknown>) => ({
  secrets: [{ name: 'a', labels: {}, keys: { k: { generate: 'password' } }, ...over }],
});
const key = (given: unknown, more: Record<string, unknown> = {}) => secret({ keys: { k: given, ...more } });

describe('validatePlan', () => {
  test('returns a valid plan unchanged', () => {
    expect(validatePlan(plan)).toBe(plan);
    expect(problems(secret({ optional: ['k'], type: 'Opaque', annotations: { a: 'b' } }))).toEqual([]);
    expect(problems({ secrets: [{ ...secret({}).secrets[0], keys: { k: { value: '' } }, optional: ['k'] }] })).toEqual(
      [],
    );
  });

  const htpasswd = { generate: 'htpasswd', username: 'u', password: 'p' };
  test.each<[string, unknown, string]>([
    ['no object', 'text', 'plan: it is "text"; expected {"secrets": [at least one Secret]}'],
    ['null', null, 'plan: it is null;'],
    ['no secrets', {}, 'plan: "secrets" is missing;'],
    ['an empty list', { secrets: [] }, 'plan: "secrets" is an empty list;'],
    ['an unknown field', { ...secret({}), version: 1 }, 'plan: gives "version"; expected secrets'],
    ['an entry that is no object', { secrets: [7] }, 'secrets[0]: is a number;'],
    ['no name', secret({ name: undefined }), 'secrets[0]: "name" is missing; expected a lower-case DNS name'],
    ['a name in capitals', secret({ name: 'My_Secret' }), 'Secret "My_Secret": "name" is "My_Secret";'],
    ['a name with a path in it', secret({ name: '../pods' }), 'Secret "../pods": "name" is "../pods";'],
    [
      'a name twice',
      { secrets: [plan.secrets[0], plan.secrets[0]] },
      'Secret "mlflow-postgres-secret": is planned twice',
    ],
    ['no labels', secret({ labels: undefined }), 'Secret "a": "labels" is missing; expected an object of strings'],
    ['a label that is no string', secret({ labels: { a: 1 } }), 'Secret "a": "labels" is an object;'],
    ['wrong annotations', secret({ annotations: [] }), 'Secret "a": "annotations" is an empty list;'],
    ['an empty type', secret({ type: '' }), 'Secret "a": "type" is "";'],
    ['no keys', secret({ keys: {} }), 'Secret "a": "keys" is an empty object; expected an object with at least one'],
    [
      'a key of odd letters',
      secret({ keys: { 'a b': { generate: 'token' } } }),
      'Secret "a", key "a b": is no key of a',
    ],
    ['a field misspelt', secret({ option: [] }), 'Secret "a": gives "option"; expected name, labels,'],
    ['optional no list', secret({ optional: 'k' }), 'Secret "a": "optional" is "k";'],
    ['optional unknown', secret({ optional: ['x'] }), 'Secret "a": "optional" names "x"; expected one of "k"'],
    ['a key without a recipe', key({}), 'Secret "a", key "k": is an object with nothing in it; expected {"value":'],
    [
      'a key with two recipes',
      key({ value: 'v', generate: 'token' }),
      'Secret "a", key "k": is an object with "value",',
    ],
    ['a bare value', key(true), 'Secret "a", key "k": is a boolean;'],
    ['a value that is no string', key({ value: 5 }), 'Secret "a", key "k": "value" is a number; expected a string'],
    ['a blank value', key({ value: ' ' }), 'Secret "a", key "k": "value" is blank; expected some text, or'],
    ['an unknown generator', key({ generate: 'pasword' }), '"generate" is "pasword"; expected one of password,'],
    ['a generator with more', key({ generate: 'token', size: 3 }), 'Secret "a", key "k": gives "size"; expected'],
    ['an inherited generator', key({ generate: 'constructor' }), '"generate" is "constructor";'],
    ['htpasswd without keys', key({ generate: 'htpasswd' }), '"username" is missing; expected the key that holds'],
    [
      'htpasswd of strangers',
      key({ ...htpasswd, username: '__proto__' }, { p: { generate: 'token' } }),
      '"username" is "__proto__"; expected the key that holds',
    ],
    ['htpasswd of itself', key({ ...htpasswd, username: 'k' }, { p: { generate: 'token' } }), '"username" is "k";'],
    [
      'htpasswd of a name with a colon',
      key(htpasswd, { u: { value: 'a:b' }, p: { generate: 'password' } }),
      'Secret "a", key "k": "username" refers to a value that is no htpasswd name',
    ],
    [
      'htpasswd of a password from the plan',
      key(htpasswd, { u: { value: 'a' }, p: { value: 'b' } }),
      'Secret "a", key "k": "password" is "p"; expected a key with {"generate": "password"}',
    ],
  ])('refuses %s', (_, input, problem) => {
    expect(problems(input)).toEqual([expect.stringContaining(problem)].concat(problems(input).slice(1)));
    expect(problems(input)[0]).toContain('expected');
  });

  test('names every fault at once, without literal values', () => {
    const found = problems({
      secrets: [
        { name: 'a', labels: {}, keys: { p: 'hunter2', q: { value: ['hunter2'] }, r: { password: 'hunter2' } } },
        { name: 'b', labels: {}, keys: {} },
      ],
    });
    expect(found).toHaveLength(4);
    expect(found.slice(1).join()).not.toContain('hunter2');
  });
});
